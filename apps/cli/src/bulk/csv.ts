import { isUtf8 } from "node:buffer";
import { closeSync, createReadStream, openSync, readSync } from "node:fs";
import type { Readable } from "node:stream";
import { parse } from "csv-parse";
import { Usage } from "../input.ts";
import { readable } from "../lines.ts";
import { LONGEST } from "./lines.ts";
import { type Place, type Row, textOf } from "./row.ts";

/** What csv-parse says of a record: its cells as bytes, and the bytes read until its end. */
interface Parsed {
  readonly record: readonly Buffer[];
  readonly info: { readonly bytes: number };
}

/** Records of RFC 4180. Cells stay bytes, so that what is not UTF-8 is seen. */
async function* records(stream: Readable, name: string, rows = 0): AsyncGenerator<Parsed, void, void> {
  const parser = parse({
    encoding: null,
    info: true,
    relax_column_count: true,
    record_delimiter: ["\r\n", "\n"],
    max_record_size: LONGEST,
  });
  stream.on("error", (error) => parser.destroy(error)).pipe(parser);
  try {
    for await (const parsed of parser) {
      yield parsed as Parsed;
      rows++;
    }
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    // Behind a wrong quote nobody knows where a record begins: that is no row to be passed over.
    if (/^(CSV_|INVALID_)/.test(code)) {
      const what = message.replace(/,? (at line|on line|value is|on field).*$/, "");
      throw new Error(`${name} is not CSV (RFC 4180) behind row ${rows}: ${what}`);
    }
    throw readable(error, name);
  } finally {
    stream.destroy();
  }
}

/** What a header says. */
export interface CsvHeader {
  /** Column that holds the text, from 0. */
  readonly column: number;
  readonly columns: number;
}

function headerOf(record: readonly Buffer[], field: string, name: string): CsvHeader {
  const names = record.map(String);
  const column = names.indexOf(field);
  if (column >= 0) return { column, columns: names.length };
  throw new Usage(`${name} has no column "${field}" (its columns: ${names.slice(0, 20).join(", ")}); see --field`);
}

/** Reads the header of a file, and the byte at which the first record begins. */
export async function csvHeader(file: string, field: string): Promise<CsvHeader & { readonly end: number }> {
  const start = markOf(file);
  for await (const { record, info } of records(createReadStream(file, { start }), file, -1)) {
    return { ...headerOf(record, field, file), end: start + info.bytes };
  }
  throw new Error(`no text in ${file}`);
}

/** Bytes of a file's byte order mark, which would hide a quote from the parser. */
function markOf(file: string): number {
  try {
    const handle = openSync(file, "r");
    try {
      const bytes = Buffer.alloc(3);
      return readSync(handle, bytes, 0, 3, 0) === 3 && bytes.toString("hex") === "efbbbf" ? 3 : 0;
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    throw readable(error, file);
  }
}

/** Rows that are records. Without a header, the first record is it. */
export async function* readCsv(
  stream: Readable,
  from: Place,
  known: CsvHeader | undefined,
  field: string,
  name: string,
): AsyncGenerator<Row, void, void> {
  let header = known;
  let number = from.rows;
  for await (const { record, info } of records(stream, name, from.rows - (known === undefined ? 1 : 0))) {
    const next = from.at + info.bytes;
    if (header === undefined) {
      header = headerOf(record, field, name);
      continue;
    }
    number++;
    const { column, columns } = header;
    if (record.length === 1 && record[0].length === 0) yield { number, next };
    else if (record.length !== columns) {
      yield { number, next, problem: `has ${record.length} cells; the header has ${columns}` };
    } else if (!isUtf8(record[column])) {
      yield { number, next, problem: "is not UTF-8; convert it first, for example with iconv" };
    } else yield { number, next, ...textOf(record[column].toString("utf8"), field) };
  }
}
