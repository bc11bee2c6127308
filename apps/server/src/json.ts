import type { z } from "@hono/zod-openapi";
import { Refusal } from "./refusal.ts";

/** What a schema makes of a body. @throws Refusal naming the field at fault, never its value. */
export function checked<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new Refusal("invalid", "the body must be a JSON object");
  }
  const { data, error } = schema.safeParse(body);
  if (error === undefined) return data as z.output<S>;
  const [{ path, message }] = error.issues;
  const param = path.join(".");
  const found = path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], body);
  throw new Refusal("invalid", `\`${param}\`${found === undefined ? " is missing" : `: ${message}`}`, { param });
}

/** Lets others have their turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Numbers written before others get their turn: some tens of milliseconds. */
const AT_ONCE = 65_536;

/** Every row as JSON, `[…]`; many of them in parts, so that the server goes on answering meanwhile. */
export async function rowTexts(rows: readonly Float32Array[]): Promise<string[]> {
  const texts: string[] = [];
  let written = 0;
  for (const row of rows) {
    texts.push(JSON.stringify(Array.from(row)));
    written += row.length;
    if (written > AT_ONCE) {
      await turn();
      written = 0;
    }
  }
  return texts;
}
