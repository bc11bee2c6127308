import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { Usage } from "../input.ts";
import { readable } from "../lines.ts";
import { type Place, type Row, textOf } from "./row.ts";

export interface ParquetFile {
  readonly name: string;
  readonly file: AsyncBuffer;
  readonly metadata: FileMetaData;
  readonly rows: number;
}

/** Opens a file and reads its footer. */
export async function openParquet(name: string): Promise<ParquetFile> {
  try {
    const file = await asyncBufferFromFile(name);
    const metadata = await parquetMetadataAsync(file);
    return { name, file, metadata, rows: Number(metadata.num_rows) };
  } catch (error) {
    throw damaged(error, name);
  }
}

/** SHA-256 of the footer, which says where every column of every row group lies, and how long it is. */
export async function footerHash({ file, metadata }: ParquetFile): Promise<string> {
  const end = file.byteLength - 8; // its length and "PAR1"
  const footer = await file.slice(end - metadata.metadata_length, end);
  return createHash("sha256").update(new Uint8Array(footer)).digest("hex");
}

function damaged(error: unknown, name: string): unknown {
  const known = readable(error, name);
  if (known !== error || (error as NodeJS.ErrnoException).code !== undefined) return known;
  const { message } = error as Error;
  // What the library says of a file it does not know, but not where it stumbled in one that is cut.
  const why = /^parquet (unsupported|bson|interval|unhandled|byte_stream_split)/.test(message) ? `: ${message}` : "";
  return new Error(`${name} is not Parquet that can be read, or is damaged${why}`);
}

/** Rows `from` to `to` of some columns, one row group after the other: in the memory of the columns of one group. */
export async function* readColumns(
  { name, file, metadata }: ParquetFile,
  columns: string[],
  from: number,
  to: number,
  stringFromBytes?: (bytes: Uint8Array) => string,
): AsyncGenerator<Record<string, unknown>, void, void> {
  let start = 0;
  for (const group of metadata.row_groups) {
    const end = start + Number(group.num_rows);
    const [rowStart, rowEnd] = [Math.max(from, start), Math.min(to, end)];
    start = end;
    if (rowStart >= rowEnd) continue;
    let rows: Record<string, unknown>[];
    try {
      const parsers = stringFromBytes && { stringFromBytes };
      rows = await parquetReadObjects({ file, metadata, compressors, parsers, rowStart, rowEnd, columns });
    } catch (error) {
      throw damaged(error, name);
    }
    yield* rows;
  }
}

/** What stands for bytes that are not UTF-8: a text cannot hold half of a character. */
const NOT_UTF8 = "\udfff";

function checked(bytes: Uint8Array): string {
  if (bytes === undefined || bytes === null) return bytes; // a null of the column
  return isUtf8(bytes) ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8") : NOT_UTF8;
}

export function checkColumn({ name, metadata }: ParquetFile, field: string): void {
  const [root, ...rest] = metadata.schema;
  const names: string[] = [];
  for (let i = 0, n = 0; n < (root.num_children ?? 0); n++) {
    names.push(rest[i].name);
    for (let open = rest[i++].num_children ?? 0; open > 0; open--) open += rest[i++].num_children ?? 0;
  }
  if (names.includes(field)) return;
  throw new Usage(`${name} has no column "${field}" (its columns: ${names.slice(0, 20).join(", ")}); see --field`);
}

/** Rows of Parquet, counted from 0 as places and from 1 as numbers. */
export async function* readParquet(
  parquet: ParquetFile,
  from: Place,
  to: number,
  field: string,
): AsyncGenerator<Row, void, void> {
  let next = from.at;
  for await (const row of readColumns(parquet, [field], from.at, to, checked)) {
    next++;
    const value = row[field] ?? null;
    const problem = { problem: "is not UTF-8" };
    yield { number: next, next, ...(value === NOT_UTF8 ? problem : textOf(value, field)) };
  }
}
