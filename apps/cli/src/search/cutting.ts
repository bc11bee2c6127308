import { createHash } from "node:crypto";
import type { Found } from "./files.ts";
import { type ReadOptions, sectionsOf } from "./sections.ts";
import { chunksOf } from "./sentences.ts";

/** What an index asks of a model. */
export interface Embedder {
  embed(texts: readonly string[]): Promise<Float32Array[]>;
  /** Tokens of a text, without [CLS] and [SEP]. */
  count(text: string): number;
}

export interface ChunkOptions extends ReadOptions {
  /** Tokens of a chunk, without [CLS] and [SEP]. */
  readonly tokens: number;
  /** Tokens a chunk shares with the one before, at most. */
  readonly overlap: number;
}

/** A change of how files are cut; files are read anew then, and only texts that are new are embedded. */
const CUTTING = 3;

/** A row of the index, as far as the file says it. */
export interface Chunk {
  readonly text: string;
  readonly line: number | null;
  readonly page: number | null;
  readonly fields: string | null;
}

/** Of everything a file's chunks depend on. */
export function hashOf(bytes: Uint8Array, { kind }: Found, { tokens, overlap, columns }: ChunkOptions): string {
  const how = JSON.stringify([CUTTING, kind, tokens, overlap, columns ?? null]);
  return createHash("sha256").update(how).update(bytes).digest("hex");
}

/** A file in chunks. @throws Binary, Unreadable */
export async function cut(
  bytes: Uint8Array,
  { kind }: Found,
  embedder: Embedder,
  options: ChunkOptions,
): Promise<Chunk[]> {
  const { tokens, overlap, columns } = options;
  // Letters that make no tokens, such as a long line of code without blanks, have a length too.
  const count = (text: string): number => Math.max(embedder.count(text), Math.ceil(text.length / 16));
  const chunks: Chunk[] = [];
  for (const section of await sectionsOf(bytes, kind, { columns })) {
    const fields = section.fields === undefined ? null : JSON.stringify(storable(section.fields));
    let line = section.line ?? null;
    let from = 0;
    for (const span of chunksOf(section.text, { limit: tokens, overlap, count })) {
      // In a record's text columns stand one under another, which the file need not know.
      if (line !== null && section.fields === undefined) line += linesBetween(section.text, from, span.start);
      from = span.start;
      const text = clean(section.text.slice(span.start, span.end));
      chunks.push({ text, line, page: section.page ?? null, fields });
    }
  }
  return chunks;
}

/** Line ends from one place to another; an overlapping chunk begins before the last one's end, never before its beginning. */
function linesBetween(text: string, from: number, to: number): number {
  let lines = 0;
  for (let at = text.indexOf("\n", from); at >= 0 && at < to; at = text.indexOf("\n", at + 1)) lines++;
  return lines;
}

/** A text as PostgreSQL can hold it: without NUL, and without halves of letters, both of which JSON may name. */
function clean(text: string): string {
  return text.replaceAll("\0", "").replace(/\p{Surrogate}/gu, "\ufffd");
}

/** The same for all of a value of JSON. */
function storable(value: unknown): unknown {
  if (typeof value === "string") return clean(value);
  if (Array.isArray(value)) return value.map(storable);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, of]) => [clean(name), storable(of)]));
}
