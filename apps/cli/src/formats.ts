import type { Precision } from "munjang";
import type { Item } from "./input.ts";
import { npyHeader } from "./npy.ts";

/** A row of numbers, [D]; of bits, eight to a byte, [⌈D/8⌉]. */
export type Vector = Float32Array | Int8Array | Uint8Array;

/** How rows become bytes: what stands before, for each row, between rows, and after. */
export interface Format {
  head(width: number, precision: Precision): string | Uint8Array;
  row(item: Item, vector: Vector): string | Uint8Array;
  readonly between: string;
  readonly tail: string;
  /** What takes the place of the head once the number of rows is known. */
  readonly finalHead?: (count: number, width: number, precision: Precision) => Uint8Array;
}

export type FormatName = "jsonl" | "json" | "csv" | "npy";

/** The forms of output; a file's ending names the same. */
export const FORMATS: Readonly<Record<FormatName, Format>> = {
  jsonl: { head: () => "", row: object, between: "\n", tail: "\n" },
  json: { head: () => "[\n", row: object, between: ",\n", tail: "\n]\n" },
  csv: {
    head: (width: number) => `text,${Array.from({ length: width }, (_, i) => `e${i}`)}\n`,
    row: ({ text }: Item, vector: Vector) => `${quoted(text)},${Array.from(vector, shortest)}`,
    between: "\n",
    tail: "\n",
  },
  npy: {
    head: (width: number, precision: Precision) => npyHeader(0, width, precision),
    row: (_: Item, vector: Vector) => littleEndian(vector),
    between: "",
    tail: "",
    finalHead: npyHeader,
  },
};

/** Nine digits, which give back the same float32; a double's seventeen would only look more exact. */
export function shortest(value: number): string {
  return String(Number(value.toPrecision(9)));
}

/** A record of the input with the vector added, as it was written: numbers of more than 53 bits stay what they are. */
function object({ text, record }: Item, vector: Vector): string {
  const numbers = Array.from(vector, shortest);
  if (record !== undefined && /"embedding"\s*:/.test(record) && Object.hasOwn(JSON.parse(record), "embedding")) {
    throw new Error(`a line of the input has an "embedding" already: ${record.slice(0, 60)}…`);
  }
  const fields = record === undefined ? `{"text":${JSON.stringify(text)}` : record.slice(0, -1).trimEnd();
  return `${fields},"embedding":[${numbers}]}`;
}

/** A cell of CSV (RFC 4180). */
export function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function littleEndian(vector: Vector): Uint8Array {
  if (!(vector instanceof Float32Array)) return new Uint8Array(vector.buffer, vector.byteOffset, vector.length);
  const bytes = new DataView(new ArrayBuffer(4 * vector.length));
  for (const [i, value] of vector.entries()) bytes.setFloat32(4 * i, value, true);
  return new Uint8Array(bytes.buffer);
}
