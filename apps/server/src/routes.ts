import type { OpenAPIHono, z } from "@hono/zod-openapi";
import type { WorkRecord } from "./options.ts";
import type { Refusal } from "./refusal.ts";

/** What a request carries from one function to the next. */
export interface Variables {
  work?: WorkRecord;
  /** Why it was not answered. */
  refusal?: Refusal;
}

export type App = OpenAPIHono<{ Variables: Variables }>;

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
