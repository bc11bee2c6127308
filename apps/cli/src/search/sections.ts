import { isUtf8 } from "node:buffer";
import type { Kind } from "./files.ts";
import { markdownSections } from "./markdown.ts";
import { pdfSections } from "./pdf.ts";
import { recordsOfJson, recordsOfTable } from "./records.ts";

/** A part of a file that chunks do not reach across: what stands under a heading, a page, a record. */
export interface Section {
  readonly text: string;
  /** Line of the file where the text begins, from 1 up; of a PDF there are none. */
  readonly line?: number;
  /** Page of a PDF, from 1 up. */
  readonly page?: number;
  /** A record of a table, for filters. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

export interface ReadOptions {
  /** Columns of tables that are embedded, in this order. Default: `text` where there is one, else all that hold text. */
  readonly columns?: readonly string[];
}

/** A file that cannot be indexed though it ought to be; says why. */
export class Unreadable extends Error {}

/** A file that is none of our business. */
export class Binary extends Error {}

/**
 * What a file says, in its order.
 *
 * @throws Binary where it holds no text
 * @throws Unreadable naming the line or the byte that is wrong
 */
export async function sectionsOf(bytes: Uint8Array, kind: Kind, options: ReadOptions = {}): Promise<Section[]> {
  if (kind === "pdf") return pdfSections(bytes);
  const text = decoded(bytes);
  if (kind === "markdown") return markdownSections(text);
  if (kind === "jsonl") return recordsOfJson(text, options.columns);
  if (kind === "csv" || kind === "tsv") return recordsOfTable(text, kind === "csv" ? "," : "\t", options.columns);
  return [{ text, line: 1 }];
}

/** Bytes at the beginning that tell text from the rest, as git does. */
const HEAD = 8000;

function decoded(bytes: Uint8Array): string {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    throw new Unreadable("is UTF-16, not UTF-8: convert it first, for example with iconv -f UTF-16 -t UTF-8");
  }
  const head = bytes.subarray(0, HEAD);
  if (head.includes(0)) throw new Binary();
  if (!isUtf8(bytes)) {
    if (head.some(isControl)) throw new Binary(); // no text of another encoding either
    const at = firstWrong(bytes);
    const line = bytes.subarray(0, at).reduce((lines, byte) => (byte === 10 ? lines + 1 : lines), 1);
    const byte = bytes[at].toString(16).padStart(2, "0");
    throw new Unreadable(
      `is not UTF-8: byte 0x${byte} at ${at}, in line ${line}; convert it first, for example with iconv -f CP949 -t UTF-8`,
    );
  }
  return new TextDecoder("utf-8").decode(bytes); // without a byte order mark
}

/** Bytes that stand in no text of any encoding: tabs, line ends, page ends and the escapes of Korean ISO-2022 do. */
function isControl(byte: number): boolean {
  return byte < 9 || (byte > 15 && byte < 27) || (byte > 27 && byte < 32);
}

/** The first byte that no UTF-8 has at its place. */
function firstWrong(bytes: Uint8Array): number {
  if (beginsRight(bytes)) return bytes.findLastIndex((byte) => (byte & 0xc0) !== 0x80); // the last letter is cut in two
  let [low, high] = [0, bytes.length]; // the part before `low` is right, but for a letter cut in two
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (beginsRight(bytes.subarray(0, middle))) low = middle;
    else high = middle;
  }
  return low;
}

/** Whether bytes are UTF-8, or would be with a few more. */
function beginsRight(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}
