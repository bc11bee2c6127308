import type { Item } from "./input.ts";
import { npyHeader } from "./npy.ts";

/** How rows become bytes: what stands before, for each row, between rows, and after. */
export interface Format {
  head(width: number): string | Uint8Array;
  row(item: Item, vector: Float32Array): string | Uint8Array;
  readonly between: string;
  readonly tail: string;
  /** What takes the place of the head once the number of rows is known. */
  readonly finalHead?: (count: number, width: number) => Uint8Array;
}

export type FormatName = "jsonl" | "json" | "csv" | "npy";

/** The forms of output; a file's ending names the same. */
export const FORMATS: Readonly<Record<FormatName, Format>> = {
  jsonl: { head: () => "", row: object, between: "\n", tail: "\n" },
  json: { head: () => "[\n", row: object, between: ",\n", tail: "\n]\n" },
  csv: {
    head: (width: number) => `text,${Array.from({ length: width }, (_, i) => `e${i}`)}\n`,
    row: ({ text }: Item, vector: Float32Array) => `${quoted(text)},${Array.from(vector, shortest)}`,
    between: "\n",
    tail: "\n",
  },
  npy: {
    head: (width: number) => npyHeader(0, width),
    row: (_: Item, vector: Float32Array) => littleEndian(vector),
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
function object({ text, record }: Item, vector: Float32Array): string {
  const numbers = Array.from(vector, shortest);
  if (record !== undefined && /"embedding"\s*:/.test(record) && Object.hasOwn(JSON.parse(record), "embedding")) {
    throw new Error(`a line of the input has an "embedding" already: ${record.slice(0, 60)}…`);
  }
  const fields = record === undefined ? `{"text":${JSON.stringify(text)}` : record.slice(0, -1).trimEnd();
  return `${fields},"embedding":[${numbers}]}`;
}

/** A cell of CSV (RFC 4180). */
function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function littleEndian(vector: Float32Array): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(4 * vector.length));
  for (const [i, value] of vector.entries()) bytes.setFloat32(4 * i, value, true);
  return new Uint8Array(bytes.buffer);
}
