import type { OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { Holding } from "./held.ts";
import type { WorkRecord } from "./options.ts";
import { Refusal } from "./refusal.ts";

/** What a request carries from one function to the next. */
export interface Variables {
  holding: Holding;
  work?: WorkRecord;
  /** Why it was not answered. */
  refusal?: Refusal;
}

export interface Env {
  Variables: Variables;
  /** `sent` resolves when the answer has left, where that is known. */
  Bindings: { readonly sent?: Promise<unknown> };
}

export type App = OpenAPIHono<Env>;

/** Bytes of a number in JSON, with its comma: the most that a float32 takes, but for the smallest. */
export const NUMBER_BYTES = 21;

/** Takes room for an answer, before it is written. @throws Refusal `overloaded` where answers that nobody reads leave none. */
export function makeRoom(c: Context<Env>, bytes: number): void {
  if (c.get("holding").grow(bytes)) return;
  const message = "answers that were not read yet leave no room for this one; try again in 1 s";
  throw new Refusal("overloaded", message, { retryAfter: 1 });
}

/** The headers of text-embeddings-inference: what was computed, and how long each part took, in ms. */
export function computeHeaders(work: WorkRecord): Record<string, string> {
  const ms = (time: number): string => `${Math.round(time)}`;
  return {
    "x-compute-type": "cpu",
    "x-compute-characters": `${work.characters}`,
    "x-compute-tokens": `${work.tokens}`,
    "x-total-time": ms(work.tokenizing + work.queued + work.computing),
    "x-tokenization-time": ms(work.tokenizing),
    "x-queue-time": ms(work.queued),
    "x-inference-time": ms(work.computing),
    // Ours: cutting a text is never silent.
    ...(work.truncated > 0 && { "x-truncated": `${work.truncated}` }),
  };
}

export const JSON_TYPE = { "content-type": "application/json" };

/** A body of the document. */
export function jsonOf(schema: z.ZodType): { content: { "application/json": { schema: z.ZodType } } } {
  return { content: { "application/json": { schema } } };
}

/** Errors of the document, in one shape. */
export function errorsOf(
  schema: z.ZodType,
  statuses: readonly number[],
): Record<number, { description: string } & ReturnType<typeof jsonOf>> {
  return Object.fromEntries(statuses.map((status) => [status, { description: "Error", ...jsonOf(schema) }]));
}
