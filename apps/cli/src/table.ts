import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import type { CsvError } from "csv-parse";
import { Usage } from "./input.ts";
import { linesOf, readable } from "./lines.ts";
import { checkedUtf8 } from "./utf8.ts";

export const TABLE_FORMATS = ["csv", "tsv", "jsonl"] as const;
/** Comma-separated (RFC 4180, quoted fields), tab-separated (one line a row, quotes are plain characters), or an object of JSON a line. */
export type TableFormat = (typeof TABLE_FORMATS)[number];

export interface TableOptions {
  /** Names of the columns (the fields, in JSON lines) every row must have something in. */
  readonly columns: readonly string[];
  /** Columns that may be absent, or empty in a row; `""` stands there then. */
  readonly optional?: readonly string[];
  /** Every other column too, as `optional` ones. */
  readonly others?: boolean;
  /** Default: what the file's ending says. */
  readonly format?: TableFormat;
  /** Whether `"` quotes a field that holds tabs, quotes or line ends. Default: in CSV, not in TSV. */
  readonly quoted?: boolean;
}

/** One row of a table. */
export interface TableRow {
  /** The line it begins in, from 1. */
  readonly line: number;
  /** By column name, as written; numbers and booleans of JSON as JavaScript prints them. */
  readonly values: Readonly<Record<string, string>>;
  /** Bytes of the input up to its end, about: for progress. */
  readonly position: number;
}

/** What is wrong with a table, and where. */
export class TableError extends Error {
  readonly file: string;
  /** From 1; undefined where the whole file is meant. */
  readonly line: number | undefined;
  readonly column: string | undefined;

  constructor(problem: string, at: { file: string; line?: number; column?: string }) {
    const { file, line, column } = at;
    const place = line === undefined ? file : `line ${line} of ${file}`;
    super(`${place}${column === undefined ? "" : `, column ${JSON.stringify(column)}`}: ${problem}`);
    this.name = "TableError";
    this.file = file;
    this.line = line;
    this.column = column;
  }
}

/** Bytes a row may have: a quote that is never closed would take the rest of the file into one. */
const LONGEST_ROW = 64 * 1024 * 1024;

/**
 * Reads the rows of a table as they come, any number in the same memory; `-` is standard input. A byte order mark and CR LF are
 * understood, empty lines passed over.
 * @throws TableError with file, line and column for what is no such table: not UTF-8, a column or a value that is missing, no rows.
 * @throws Usage where neither the file's ending nor `format` says what it is.
 */
export function readTable(path: string, options: TableOptions): AsyncGenerator<TableRow, void, void> {
  if (path === "") throw new Usage("a table needs the name of a file");
  const name = path === "-" ? "standard input" : path;
  const format = options.format ?? formatOf(path);
  if (format === undefined) {
    throw new Usage(`${name} may be CSV, TSV or JSON lines: its ending does not say; name it (csv, tsv, jsonl)`);
  }
  return parseTable(bytesOf(path), name, { ...options, format });
}

/** Opened when the first byte is asked for: before, nobody would hear that there is no such file. */
async function* bytesOf(path: string): AsyncGenerator<Uint8Array> {
  yield* path === "-" ? process.stdin : createReadStream(path);
}

/** What the ending of a file's name says. */
export function formatOf(path: string): TableFormat | undefined {
  const ending = /\.(csv|tsv|tab|jsonl|ndjson)$/i.exec(path)?.[1].toLowerCase();
  if (ending === "tab") return "tsv";
  return ending === "ndjson" ? "jsonl" : (ending as TableFormat | undefined);
}

/** `readTable` of bytes from anywhere; `name` is what messages call them. */
export async function* parseTable(
  bytes: AsyncIterable<Uint8Array | string>,
  name: string,
  options: TableOptions & { readonly format: TableFormat },
): AsyncGenerator<TableRow, void, void> {
  let rows = 0;
  const checked = checkedUtf8(bytes, (problem, line) => new TableError(problem, { file: name, line }));
  try {
    for await (const row of options.format === "jsonl"
      ? objects(checked, name, options)
      : cells(checked, name, options)) {
      rows++;
      yield row;
    }
  } catch (error) {
    throw readable(error, name);
  }
  if (rows === 0) throw new TableError("there is no row in it", { file: name });
}

async function* objects(
  bytes: AsyncIterable<Uint8Array>,
  file: string,
  options: TableOptions,
): AsyncGenerator<TableRow> {
  let line = 0;
  let position = 0;
  for await (const text of linesOf(bytes, file)) {
    line++;
    position += Buffer.byteLength(text) + 1;
    if (text.trim() === "") continue;
    let record: unknown;
    try {
      record = JSON.parse(text);
    } catch (error) {
      throw new TableError(`this is not JSON: ${(error as Error).message}`, { file, line });
    }
    if (typeof record !== "object" || record === null || Array.isArray(record)) {
      throw new TableError("JSON lines have one object a line", { file, line });
    }
    const fields = new Map(Object.entries(record));
    const wanted = options.others ? [...(options.optional ?? []), ...fields.keys()] : options.optional;
    yield { line, position, values: pick({ ...options, optional: wanted }, fields, { file, line }) };
  }
}

async function* cells(bytes: AsyncIterable<Uint8Array>, file: string, options: TableOptions): AsyncGenerator<TableRow> {
  const tabs = options.format === "tsv";
  const quoted = options.quoted ?? !tabs;
  let ended = 0; // the line the last record ends in
  let names: readonly string[] = [];
  const places: { readonly line: number; readonly position: number }[] = []; // of records that are on their way
  let returns = 0; // the parser counts a line end of CR LF in a quoted field twice
  const { parse } = await import("csv-parse"); // commands that read no table start without it
  const parser = parse({
    bom: true,
    delimiter: tabs ? "\t" : ",",
    quote: quoted ? '"' : false,
    record_delimiter: ["\r\n", "\n"],
    relax_column_count: true, // told below, in words of ours
    skip_empty_lines: true,
    max_record_size: LONGEST_ROW,
    on_record: (record, info) => {
      if (ended === 0) names = record;
      const feeds = count(record, "\n");
      returns += count(record, "\r");
      ended = info.lines - returns;
      places.push({ line: ended - feeds, position: info.bytes });
      return record;
    },
  });
  pipeline(bytes, parser, () => {}); // errors come out of the parser
  let header: readonly string[] | undefined;
  try {
    for await (const record of parser as AsyncIterable<string[]>) {
      const { line, position } = places.shift()!;
      if (header === undefined) {
        header = record;
        checkHeader(header, options, { file, line });
      } else {
        if (record.length !== header.length) throw wrongLength(record, header, { file, line });
        const fields = new Map(header.map((column, i) => [column, record[i]]));
        const optional = options.others ? header.filter((column) => column !== "") : options.optional;
        yield { line, position, values: pick({ ...options, optional }, fields, { file, line }) };
      }
    }
  } catch (error) {
    throw told(error, file, { names, ended, returns });
  }
  if (header === undefined) throw new TableError("it is empty", { file });
}

function count(cells: readonly string[], character: string): number {
  return cells.reduce((sum, cell) => sum + cell.split(character).length - 1, 0);
}

function checkHeader(
  header: readonly string[],
  { columns, optional = [] }: TableOptions,
  at: { file: string; line: number },
): void {
  for (const column of columns) {
    if (!header.includes(column)) {
      const quoted = header.includes(`"${column}"`) ? " (its fields are quoted: say so)" : "";
      throw new TableError(`there is no such column; the header names ${header.join(", ")}${quoted}`, {
        file: at.file,
        column,
      });
    }
  }
  for (const column of [...columns, ...optional]) {
    if (header.filter((other) => other === column).length > 1) {
      throw new TableError("the header names it twice", { ...at, column });
    }
  }
}

function wrongLength(
  record: readonly string[],
  header: readonly string[],
  at: { file: string; line: number },
): TableError {
  const fields = `${record.length} ${record.length === 1 ? "field" : "fields"}`;
  return new TableError(`${fields}, where the header has ${header.length}`, at);
}

/** The values asked for. */
function pick(
  { columns, optional = [] }: TableOptions,
  fields: ReadonlyMap<string, unknown>,
  at: { file: string; line: number },
): Record<string, string> {
  const values: [string, string][] = [];
  for (const column of optional) values.push([column, textOf(fields.get(column), { ...at, column })]);
  for (const column of columns) {
    const value = textOf(fields.get(column), { ...at, column });
    if (value.trim() === "") {
      const found = fields.has(column)
        ? "there is nothing in it"
        : `there is no such field; there are ${[...fields.keys()].join(", ")}`;
      throw new TableError(found, { ...at, column });
    }
    values.push([column, value]);
  }
  return Object.fromEntries(values);
}

function textOf(value: unknown, at: { file: string; line: number; column: string }): string {
  if (typeof value === "string") return value;
  if (value === undefined || value === null) return "";
  if (typeof value === "object")
    throw new TableError(`a text or a number is needed, not ${JSON.stringify(value).slice(0, 40)}`, at);
  return String(value);
}

/** The parser's errors in words of ours. */
function told(
  error: unknown,
  file: string,
  { names, ended, returns }: { names: readonly string[]; ended: number; returns: number },
): unknown {
  const { code, lines, column } = error as CsvError & { lines?: number; column?: number };
  const at = { file, line: (lines ?? 0) - returns, column: names[column ?? -1] };
  const row = { file, line: ended + 1, column: at.column };
  if (code === "CSV_QUOTE_NOT_CLOSED") return new TableError("a quote that opens a field is never closed", row);
  if (code === "CSV_MAX_RECORD_SIZE") {
    return new TableError(`more than ${LONGEST_ROW / 2 ** 20} MB in one row: a quote may not be closed`, row);
  }
  const doubled = "in a quoted field a quote is written twice";
  if (code === "CSV_INVALID_CLOSING_QUOTE")
    return new TableError(`text behind the quote that closes a field; ${doubled}`, at);
  if (code === "INVALID_OPENING_QUOTE") return new TableError(`a quote in a field that is not quoted; ${doubled}`, at);
  return error;
}
