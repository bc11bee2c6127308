import { createReadStream, fstatSync, statSync } from "node:fs";
import type { Readable } from "node:stream";
import { Usage } from "../input.ts";
import { readable } from "../lines.ts";
import { csvHeader, readCsv } from "./csv.ts";
import { readLines } from "./lines.ts";
import { checkColumn, footerHash, openParquet, readParquet } from "./parquet-in.ts";
import type { FromName, Place, Row, Rows } from "./row.ts";
import { type Shard, shardBytes } from "./shard.ts";

export const FROM: readonly FromName[] = ["text", "jsonl", "csv", "parquet"];

export interface RowsFlags {
  file?: string;
  from?: FromName;
  field: string;
  shard?: Shard;
  /** Fields of JSON lines that the output adds. */
  added?: readonly string[];
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
  const size = fromStdin ? undefined : sizeOfFile(file);
  // A pipe has no size and no places: it is read from where it stands to its end.
  if (size === undefined) {
    const name = fromStdin ? "standard input" : file;
    if (form === "parquet") throw new Usage(`Parquet is read from its end: give it as --file FILE, not ${name}`);
    if (shard !== undefined) throw new Usage(`--shard needs --file FILE: ${name} has no size`);
    return ofStream(() => (fromStdin ? process.stdin : createReadStream(file)), form, flags, name);
  }
  if (form === "parquet") return ofParquet(file as string, flags);
  return ofFile(file as string, size, form, flags);
}

async function ofFile(file: string, size: number, form: FromName, flags: RowsFlags): Promise<Rows> {
  const { shard, field } = flags;
  const header = form === "csv" ? await csvHeader(file, field) : undefined;
  const start = header?.end ?? 0;
  const marks = shard && (await shardBytes(file, size, start, shard, form === "csv"));
  const { from, to } = marks ?? { from: { at: start, rows: 0 }, to: { at: size } };
  return {
    ...{ name: file, unit: unitOf(form), form, marks, from, to: to.at },
    async *read(place) {
      if (shard !== undefined && place.at >= to.at) return;
      const stream = createReadStream(file, { start: place.at, end: shard && to.at - 1 });
      if (form === "csv") yield* readCsv(stream, place, header, field, file);
      else yield* readLines(stream, place, lineForm(form, flags), file);
    },
  };
}

function formOf(name: string): FromName {
  const other = /\.(tsv|tab|json)$/i.exec(name)?.[0];
  if (other !== undefined) {
    throw new Usage(
      `${other} files are not read here: make CSV or JSON lines of it, or say --from text to embed its lines as they stand`,
    );
  }
  if (/\.(jsonl|ndjson)$/i.test(name)) return "jsonl";
  if (/\.csv$/i.test(name)) return "csv";
  return /\.parquet$/i.test(name) ? "parquet" : "text";
}

function unitOf(form: FromName): string {
  return form === "csv" || form === "parquet" ? "row" : "line";
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

function ofStream(open: () => Readable, form: FromName, flags: RowsFlags, name: string): Rows {
  // Standard input may be a file too: `munjang embed < sentences.txt`.
  const about = flags.file === undefined || flags.file === "-" ? fstatSync(process.stdin.fd) : undefined;
  return {
    ...{ name, unit: unitOf(form), form, from: { at: 0, rows: 0 }, to: about?.isFile() ? about.size : 0 },
    read: (place) =>
      form === "csv"
        ? readCsv(open(), place, undefined, flags.field, name)
        : readLines(open(), place, lineForm(form, flags), name),
  };
}

async function ofParquet(file: string, { field, shard }: RowsFlags): Promise<Rows> {
  const parquet = await openParquet(file);
  checkColumn(parquet, field);
  const { index, count } = shard ?? { index: 1, count: 1 };
  const place = (k: number): Place => {
    const rows = Math.floor((parquet.rows * k) / count);
    return { at: rows, rows };
  };
  const [from, to] = [place(index - 1), place(index)];
  const sha256 = shard && (await footerHash(parquet));
  const marks = sha256 === undefined ? undefined : { from: { ...from, sha256 }, to: { ...to, sha256 } };
  const read = (place: Place) => readParquet(parquet, place, to.at, field);
  return { name: file, unit: unitOf("parquet"), form: "parquet", marks, from, to: to.at, read };
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
