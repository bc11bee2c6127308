import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { type CsvError, parse } from "csv-parse";
import { Usage } from "../input.ts";
import { readable } from "../lines.ts";
import { LONGEST } from "./lines.ts";
import { type Place, type Row, textOf } from "./row.ts";

interface Parsed {
  /** Cells as bytes, so that what is not UTF-8 is seen. */
  readonly record: readonly Buffer[];
  /** Bytes of the stream until its end. */
  readonly end: number;
}

const MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Records of RFC 4180 behind a place. The header counts as a record where it is read too; a byte order mark at the beginning, which would hide a
 * quote from the parser, is none of it.
 */
async function* records(
  stream: Readable,
  name: string,
  from: Place,
  header: boolean,
): AsyncGenerator<Parsed, void, void> {
  const parser = parse({
    encoding: null,
    info: true,
    relax_column_count: true,
    record_delimiter: ["\r\n", "\n"],
    max_record_size: LONGEST,
  });
  let mark = 0;
  async function* unmarked(): AsyncGenerator<Buffer, void, void> {
    let begun = !header;
    let first: Buffer = Buffer.alloc(0);
    for await (const chunk of stream) {
      if (begun) yield chunk as Buffer;
      else {
        first = Buffer.concat([first, chunk as Buffer]);
        if (first.length < MARK.length) continue;
        begun = true;
        mark = first.indexOf(MARK) === 0 ? MARK.length : 0;
        yield first.subarray(mark);
      }
    }
    if (!begun) yield first;
  }
  const content = Readable.from(unmarked());
  content.on("error", (error) => parser.destroy(error)).pipe(parser);
  try {
    for await (const { record, info } of parser) yield { record, end: mark + info.bytes };
  } catch (error) {
    const { code = "", message, records: before } = error as CsvError;
    // Behind a wrong quote nobody knows where a record begins: that is no row to be passed over.
    if (!/^(CSV_|INVALID_)/.test(code)) throw readable(error, name);
    const row = from.rows + Number(before) - (header ? 1 : 0);
    const where = row < 0 ? "in its header" : `behind row ${row}`;
    if (code === "CSV_MAX_RECORD_SIZE") {
      throw new Error(`${name} has a record longer than ${LONGEST} bytes, or a quote that is not closed, ${where}`);
    }
    const what = message.replace(/,? (at line|on line|value is|on field).*$/, "");
    throw new Error(`${name} is not CSV (RFC 4180) ${where}: ${what}`);
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
  for await (const { record, end } of records(createReadStream(file), file, { at: 0, rows: 0 }, true)) {
    return { ...headerOf(record, field, file), end };
  }
  throw new Error(`no text in ${file}`);
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
  for await (const { record, end } of records(stream, name, from, known === undefined)) {
    const next = from.at + end;
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
