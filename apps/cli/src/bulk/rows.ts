import { createReadStream, fstatSync, statSync } from "node:fs";
import type { Readable } from "node:stream";
import { Usage } from "../input.ts";
import { readable } from "../lines.ts";
import { csvHeader, readCsv } from "./csv.ts";
import { readLines } from "./lines.ts";
import { checkColumn, openParquet, readParquet } from "./parquet-in.ts";
import type { Row, Rows } from "./row.ts";
import { type Shard, shardBytes } from "./shard.ts";

export type FromName = "text" | "jsonl" | "csv" | "parquet";

export const FROM: readonly FromName[] = ["text", "jsonl", "csv", "parquet"];

export interface RowsFlags {
  file?: string;
  from?: FromName;
  field: string;
  shard?: Shard;
  /** A field of JSON lines that the output adds. */
  added?: string;
}

/** Opens the rows of --file or of standard input; a header or a footer is read, and no row. */
export async function openRows(flags: RowsFlags): Promise<Rows> {
  const { file, shard } = flags;
  if (file === "") throw new Usage("--file needs the name of a file");
  const fromStdin = file === undefined || file === "-";
  if (fromStdin && process.stdin.isTTY) {
    throw new Usage("no text: give texts as arguments, --file FILE, or pipe one text a line into standard input");
  }
  const form = flags.from ?? formOf(fromStdin ? "" : file);
  if (fromStdin) {
    if (form === "parquet") throw new Usage("Parquet is read from its end: give it as --file FILE");
    if (shard !== undefined) throw new Usage("--shard needs --file FILE: standard input has no size");
    return ofStream(process.stdin, form, flags);
  }
  const size = sizeOfFile(file);
  if (form === "parquet") return ofParquet(file, flags);
  const header = form === "csv" ? await csvHeader(file, flags.field) : undefined;
  const start = header?.end ?? 0;
  const all = { from: { at: start, rows: 0 }, to: size ?? 0 };
  if (shard !== undefined && size === undefined) throw new Usage(`--shard needs a file, not ${file}`);
  const { from, to } = shard === undefined ? all : await shardBytes(file, size ?? 0, start, shard, form === "csv");
  return {
    ...{ name: file, unit: form === "csv" ? "row" : "line", from, to },
    async *read(place) {
      if (shard !== undefined && place.at >= to) return;
      // A pipe has no places: without a shard it is read from where it stands to its end.
      const range = shard === undefined ? { start: place.at || undefined } : { start: place.at, end: to - 1 };
      const stream = createReadStream(file, range);
      if (form === "csv") yield* readCsv(stream, place, header, flags.field, file);
      else yield* readLines(stream, place, lineForm(form, flags), file);
    },
  };
}

function formOf(name: string): FromName {
  if (/\.(jsonl|ndjson)$/i.test(name)) return "jsonl";
  if (/\.csv$/i.test(name)) return "csv";
  return /\.parquet$/i.test(name) ? "parquet" : "text";
}

function lineForm(form: FromName, { field, added }: RowsFlags) {
  return { json: form === "jsonl", field, added };
}

/** Bytes of a file; undefined where it is none, as a pipe. */
function sizeOfFile(file: string): number | undefined {
  try {
    const about = statSync(file);
    return about.isFile() ? about.size : undefined;
  } catch (error) {
    throw readable(error, file);
  }
}

function ofStream(stream: Readable & { readonly fd?: number }, form: FromName, flags: RowsFlags): Rows {
  const name = "standard input";
  const about = fstatSync(stream.fd ?? 0); // it may be a file too: `munjang embed < sentences.txt`
  return {
    ...{ name, unit: form === "csv" ? "row" : "line", from: { at: 0, rows: 0 }, to: about.isFile() ? about.size : 0 },
    read: (place) =>
      form === "csv"
        ? readCsv(stream, place, undefined, flags.field, name)
        : readLines(stream, place, lineForm(form, flags), name),
  };
}

async function ofParquet(file: string, { field, shard }: RowsFlags): Promise<Rows> {
  const parquet = await openParquet(file);
  checkColumn(parquet, field);
  const { index, count } = shard ?? { index: 1, count: 1 };
  const at = (k: number): number => Math.floor((parquet.rows * k) / count);
  const [from, to] = [at(index - 1), at(index)];
  const read = (place: { at: number; rows: number }) => readParquet(parquet, place, to, field);
  return { name: file, unit: "row", from: { at: from, rows: from }, to, read };
}

/** Texts of the command line. */
export function rowsOf(texts: readonly string[]): Rows {
  for (const [i, text] of texts.entries()) if (text.trim() === "") throw new Usage(`text ${i + 1} is empty`);
  const from = { at: 0, rows: 0 };
  async function* read(): AsyncGenerator<Row, void, void> {
    for (const [i, text] of texts.entries()) yield { number: i + 1, next: i + 1, text };
  }
  return { name: "the command line", unit: "text", from, to: texts.length, read };
}
