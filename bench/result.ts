import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export const root: string = join(import.meta.dirname, "..");

/** A committed result, by its file's name. */
// biome-ignore lint/suspicious/noExplicitAny: every result has a shape of its own
export function result(file: string): any {
  return JSON.parse(readFileSync(join(root, "bench/results", file), "utf8"));
}

/** Writes a file beside its place, then renames it: it is there whole or as it was. Its folder is made where there is none. */
export function writeWhole(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.part`, text);
  renameSync(`${file}.part`, file);
}

/** Writes JSON as every result is written. */
export function writeResult(file: string, value: unknown): void {
  writeWhole(file, `${JSON.stringify(value, null, 2)}\n`);
}

/** What was timed, as `interleaved` of measure.ts has it. */
export interface Timed {
  readonly name: string;
  readonly rate: { readonly min: number; readonly median: number; readonly max: number };
  readonly ratio: { readonly median: number };
}
