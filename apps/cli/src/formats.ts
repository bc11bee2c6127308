import type { Identity, Precision } from "munjang";
import type { Row } from "./bulk/row.ts";
import { npyHeader } from "./npy.ts";
import { safetensorsHeader } from "./safetensors.ts";

/** A row of numbers, [D]; of bits, eight to a byte, [⌈D/8⌉]. */
export type Vector = Float32Array | Int8Array | Uint8Array;

export type Bytes = string | Uint8Array;

/** What all rows of an output have in common. */
export interface About {
  /** Elements of a row. */
  readonly width: number;
  readonly precision: Precision;
  /** Vectors of JSON as base64 of their bytes. */
  readonly base64?: boolean;
  readonly identity: Identity;
}

/** How rows become bytes. */
export interface Format {
  /** What stands before all rows. */
  head(): Bytes;
  /** A row; `index` counts from 0. A form that gathers rows gives nothing here, and all of them from `block`. */
  row(row: Row, vector: Vector, index: number): Bytes;
  /** The rows gathered since the last call, and what to remember for `goOn`. */
  block?(): { readonly bytes: Uint8Array; readonly note: string };
  /** Takes up where a process ended that had remembered these notes and written so many bytes. */
  goOn?(notes: readonly string[], bytes: number): void;
  tail(): Bytes;
  /** What takes the place of the head once the number of rows is known. */
  finalHead?(count: number): Uint8Array;
}

export type SimpleName = "jsonl" | "json" | "csv" | "npy" | "safetensors";
export type FormatName = SimpleName | "parquet";

/** The forms of output; a file's ending names the same. */
export const FORMATS: readonly FormatName[] = ["jsonl", "json", "csv", "npy", "safetensors", "parquet"];

/** Forms whose beginning is written in the end: they need a file. */
export const NEEDS_FILE: readonly FormatName[] = ["npy", "safetensors"];

const matrix = (header: (count: number) => Uint8Array): Format => ({
  head: () => header(0),
  row: (_, vector) => littleEndian(vector),
  tail: () => "",
  finalHead: header,
});

export function simpleFormat(name: SimpleName, about: About): Format {
  const { width, precision, identity } = about;
  if (name === "npy") return matrix((count) => npyHeader(count, width, precision));
  if (name === "safetensors") return matrix((count) => safetensorsHeader(count, width, precision, identity));
  if (name === "csv") {
    return {
      head: () => `text,${Array.from({ length: width }, (_, i) => `e${i}`)}\n`,
      row: ({ text = "" }, vector) => `${quoted(text)},${Array.from(vector, shortest)}\n`,
      tail: () => "",
    };
  }
  const object = (row: Row, vector: Vector): string => objectOf(row, vector, about.base64 === true);
  if (name === "jsonl") return { head: () => "", row: (row, vector) => `${object(row, vector)}\n`, tail: () => "" };
  return {
    head: () => "[\n",
    row: (row, vector, index) => `${index === 0 ? "" : ",\n"}${object(row, vector)}`,
    tail: () => "\n]\n",
  };
}

/** Nine digits, which give back the same float32; a double's seventeen would only look more exact. */
export function shortest(value: number): string {
  return String(Number(value.toPrecision(9)));
}

/** A record of the input with the vector added, as it was written: numbers of more than 53 bits stay what they are. */
function objectOf({ text, record }: Row, vector: Vector, base64: boolean): string {
  const fields = record === undefined ? `{"text":${JSON.stringify(text)}` : record.slice(0, -1).trimEnd();
  if (!base64) return `${fields},"embedding":[${Array.from(vector, shortest)}]}`;
  return `${fields},"embedding":"${Buffer.from(littleEndian(vector)).toString("base64")}"}`;
}

/** A cell of CSV (RFC 4180). */
export function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function littleEndian(vector: Vector): Uint8Array {
  if (!(vector instanceof Float32Array)) return new Uint8Array(vector.buffer, vector.byteOffset, vector.length);
  const bytes = new DataView(new ArrayBuffer(4 * vector.length));
  for (let i = 0; i < vector.length; i++) bytes.setFloat32(4 * i, vector[i], true);
  return new Uint8Array(bytes.buffer);
}
