import { isUtf8 } from "node:buffer";
import { readable } from "../lines.ts";
import { type Place, type Row, textOf } from "./row.ts";

/** Bytes of a line at most: without a limit a file without line ends would fill the memory. */
export const LONGEST: number = 1 << 24;

interface Line {
  /** Without its end; none where it is too long. */
  readonly bytes: Buffer | undefined;
  /** The byte behind its end. */
  readonly next: number;
}

/** Lines of bytes, in memory of one line at most LONGEST long. */
async function* bytesOfLines(stream: AsyncIterable<unknown>, from: number, name: string): AsyncGenerator<Line> {
  let parts: Buffer[] = [];
  let length = 0;
  let next = from;
  const line = (): Line => {
    const bytes = length > LONGEST ? undefined : parts.length === 1 ? parts[0] : Buffer.concat(parts);
    parts = [];
    length = 0;
    return { bytes, next };
  };
  const keep = (part: Buffer): void => {
    length += part.length;
    if (length > LONGEST) parts = [];
    else parts.push(part);
  };
  try {
    for await (const chunk of stream) {
      const bytes = chunk as Buffer;
      let start = 0;
      for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
        keep(bytes.subarray(start, end));
        next += end + 1 - start;
        start = end + 1;
        yield line();
      }
      keep(bytes.subarray(start));
      next += bytes.length - start;
    }
  } catch (error) {
    throw readable(error, name);
  }
  if (length > 0) yield line();
}

/** How a line becomes a row. */
export interface LineForm {
  /** Lines are JSON: a text, or an object with one in `field`. */
  readonly json: boolean;
  readonly field: string;
  /** Fields that an object may not have, because the output adds them. */
  readonly added?: readonly string[];
}

/** Rows that are lines, LF or CR LF, without a byte order mark. */
export async function* readLines(
  stream: AsyncIterable<unknown>,
  from: Place,
  form: LineForm,
  name: string,
): AsyncGenerator<Row, void, void> {
  let number = from.rows;
  for await (const { bytes, next } of bytesOfLines(stream, from.at, name)) {
    number++;
    if (bytes === undefined) yield { number, next, problem: `is longer than ${LONGEST} bytes` };
    else if (!isUtf8(bytes)) yield { number, next, problem: "is not UTF-8; convert it first, for example with iconv" };
    else yield { number, next, ...fromLine(withoutEnd(bytes, number), form) };
  }
}

function withoutEnd(bytes: Buffer, number: number): string {
  const start = number === 1 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  const end = bytes.at(-1) === 0x0d ? bytes.length - 1 : bytes.length;
  return bytes.toString("utf8", start, end);
}

type Content = Pick<Row, "text" | "record" | "problem">;

function fromLine(line: string, { json, field, added = [] }: LineForm): Content {
  if (!json) return line.trim() === "" ? {} : { text: line };
  const record = line.trim();
  if (record === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(record);
  } catch {
    // What is wrong with it every engine says in other words, and `--stream` writes this into its output.
    return { problem: "is not JSON" };
  }
  if (typeof value === "string") return textOf(value, field);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { problem: "must be an object or a string" };
  }
  const there = added.find((name) => Object.hasOwn(value, name));
  if (there !== undefined) return { problem: `has an "${there}" already` };
  if (!Object.hasOwn(value, field)) {
    const fields = Object.keys(value).slice(0, 8).join(", ");
    return { record, problem: `has no text in "${field}" (its fields: ${fields}); see --field` };
  }
  return { record, ...textOf((value as Record<string, unknown>)[field], field) };
}
