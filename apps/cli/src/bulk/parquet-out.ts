import type { SchemaElement } from "hyparquet";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import type { About, Format } from "../formats.ts";
import type { Row } from "./row.ts";

/** Columns: the row's number in the input, its text, its vector. */
const COLUMNS: SchemaElement[] = [
  { name: "munjang", num_children: 3 },
  { name: "row", type: "INT64", repetition_type: "REQUIRED" },
  { name: "text", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "REQUIRED" },
  { name: "embedding", repetition_type: "REQUIRED", num_children: 1, converted_type: "LIST" },
  { name: "list", repetition_type: "REPEATED", num_children: 1 },
];

const element = (float: boolean): SchemaElement =>
  float
    ? { name: "element", type: "FLOAT", repetition_type: "REQUIRED" }
    : { name: "element", type: "INT32", repetition_type: "REQUIRED" };

/** What the writer knows, and what hyparquet-writer's types leave out. */
type RowGroups = ParquetWriter["row_groups"];
interface Note {
  readonly groups: RowGroups;
  readonly rows: number;
}

/**
 * Parquet with a row group a block. Nothing in it depends on time or place, so the same rows give the same bytes. Its footer, which holds
 * a few hundred bytes a row group, is kept until the end.
 */
export function parquetFormat({ precision, identity }: About): Format {
  const bytes = new ByteWriter();
  const writer = new ParquetWriter({
    writer: bytes,
    schema: [...COLUMNS, element(precision === "float32")],
    kvMetadata: [{ key: "munjang.identity", value: JSON.stringify(identity) }],
    createdBy: "munjang",
    statistics: false,
  });
  let numbers: number[] = [];
  let texts: string[] = [];
  let vectors: ArrayLike<number>[] = [];
  /** What has been written since the last call. */
  const taken = (): Uint8Array => {
    const written = bytes.getBytes().slice();
    bytes.index = 0;
    return written;
  };
  return {
    head: taken,
    row(row: Row, vector) {
      numbers.push(row.number);
      texts.push(row.text ?? "");
      vectors.push(vector);
      return "";
    },
    block() {
      const before = writer.row_groups.length;
      if (numbers.length > 0) {
        writer.write({
          columnData: [
            { name: "row", data: BigInt64Array.from(numbers, BigInt), encoding: "PLAIN", offsetIndex: false },
            { name: "text", data: texts, encoding: "PLAIN", offsetIndex: false },
            // Numbers of a vector look like noise: neither a dictionary nor a compression finds anything in them.
            { name: "embedding", data: vectors.map((row) => Array.from(row)), ...PLAIN },
          ],
          rowGroupSize: numbers.length,
        });
      }
      writer.pendingIndexes = []; // there are none, and a list of nothing would grow
      const note: Note = { groups: writer.row_groups.slice(before), rows: numbers.length };
      [numbers, texts, vectors] = [[], [], []];
      return { bytes: taken(), note: JSON.stringify(note, big) };
    },
    goOn(notes, length) {
      bytes.index = 0;
      bytes.offset = length;
      for (const note of notes) {
        const { groups, rows } = JSON.parse(note, unbig) as Note;
        writer.row_groups.push(...groups);
        writer.num_rows += BigInt(rows);
      }
    },
    tail() {
      writer.finish();
      return taken();
    },
  };
}

const PLAIN = { encoding: "PLAIN", codec: "UNCOMPRESSED", offsetIndex: false } as const;

/** Whole numbers of 64 bits in JSON: `{"n": "12"}`. */
function big(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? { n: String(value) } : value;
}

function unbig(_: string, value: unknown): unknown {
  const { n } = typeof value === "object" && value !== null ? (value as { n?: unknown }) : {};
  return typeof n === "string" ? BigInt(n) : value;
}
