/**
 * The header of a safetensors file: what it may say, and what must hold between its numbers.
 *
 *     N       8 bytes, unsigned, little endian
 *     header  N bytes of JSON   {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …, "__metadata__": {"k": "v"}}
 *     data    the rest          data_offsets count from here
 *
 * Rules and limits: github.com/huggingface/safetensors, README "Format" and src/tensor.rs.
 */
import { ModelError } from "../base/errors.ts";
import type { DType } from "../base/tensor.ts";
import {
  type Cursor,
  cursorOf,
  eachMember,
  expectEnd,
  label,
  readIntegers,
  readString,
  skipSpace,
  skipValue,
  take,
} from "./json-text.ts";
import { tooManyTensors } from "./limits.ts";

/** Axes a tensor may have: as many as NumPy and PyTorch know. The format has no limit, and a header of zeros could claim millions. */
export const AXES = 64;

/** A stored element type: its size in bits, and what JavaScript calls it where it has an array for it. */
export interface StoredType {
  readonly bits: number;
  readonly dtype?: DType;
}

/** All element types by the name they have in the file, in the reference's order: its writer sorts by the last first. */
export const STORED_TYPES: ReadonlyMap<string, StoredType> = new Map<string, StoredType>([
  ["BOOL", { bits: 8, dtype: "bool" }],
  ["F4", { bits: 4 }],
  ["F6_E2M3", { bits: 6 }],
  ["F6_E3M2", { bits: 6 }],
  ["U8", { bits: 8, dtype: "uint8" }],
  ["I8", { bits: 8, dtype: "int8" }],
  ["F8_E5M2", { bits: 8 }],
  ["F8_E4M3", { bits: 8 }],
  ["F8_E8M0", { bits: 8 }],
  ["F8_E4M3FNUZ", { bits: 8 }],
  ["F8_E5M2FNUZ", { bits: 8 }],
  ["I16", { bits: 16, dtype: "int16" }],
  ["U16", { bits: 16, dtype: "uint16" }],
  ["F16", { bits: 16, dtype: "float16" }],
  ["BF16", { bits: 16, dtype: "bfloat16" }],
  ["I32", { bits: 32, dtype: "int32" }],
  ["U32", { bits: 32, dtype: "uint32" }],
  ["F32", { bits: 32, dtype: "float32" }],
  ["C64", { bits: 64 }],
  ["F64", { bits: 64, dtype: "float64" }],
  ["I64", { bits: 64, dtype: "int64" }],
  ["U64", { bits: 64, dtype: "uint64" }],
]);

/** One tensor as the header states it; `begin` and `end` are bytes counted from the start of the data. */
export interface Entry {
  readonly name: string;
  /** The name of the element type in the file, `F32`. */
  readonly stored: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly metadata: ReadonlyMap<string, string>;
  /** In the order of their data. */
  readonly entries: ReadonlyMap<string, Entry>;
}

/**
 * Reads the N bytes of a header whose data is `dataLength` bytes long. White space before and after the object is accepted, as the
 * reference reader does (the format's text allows spaces after it only).
 * @throws ModelError naming the tensor where the header breaks a rule.
 */
export function parseHeader(bytes: ArrayBuffer, dataLength: number, file: string, maxTensors: number): Header {
  const at = cursorOf(bytes, file, "header", maxTensors);
  const metadata = new Map<string, string>();
  const found: Entry[] = [];
  eachMember(at, "the header", (name) => {
    if (name === "__metadata__") readMetadata(at, metadata);
    else if (found.push(readEntry(at, name)) > maxTensors) throw tooManyTensors(file, "header", maxTensors);
  });
  expectEnd(at);
  return { metadata, entries: layOut(found, dataLength, file) };
}

/** Puts tensors in the order of their data and checks that they cover it: no hole, no overlap, nothing left over. */
function layOut(found: Entry[], dataLength: number, file: string): Map<string, Entry> {
  found.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  const entries = new Map<string, Entry>();
  for (const entry of found) {
    const { name, stored, shape, begin, end } = entry;
    entries.set(name, entry);
    const at = { file, field: `${label(name)} data_offsets`, value: [begin, end] };
    if (end < begin) throw new ModelError("the end comes before the beginning: the header is damaged", at);
    if (begin > covered)
      throw new ModelError(`bytes ${covered} to ${begin} belong to no tensor: holes are refused`, at);
    if (begin < covered) throw new ModelError("overlaps the tensor before it: shared bytes are refused", at);
    const size = byteSize(stored, shape);
    if (size === undefined) {
      const problem = `the shape [${shape}] of ${stored} is not a whole number of bytes that can be counted`;
      throw new ModelError(problem, { file, field: label(name), value: shape });
    }
    if (end - begin !== size) {
      throw new ModelError(
        `${end - begin} bytes, but [${shape.slice(0, 8)}] of ${stored} takes ${size}: the header is damaged`,
        at,
      );
    }
    covered = end;
  }
  if (covered !== dataLength) {
    const problem =
      covered > dataLength ? "the file is cut short, fetch it again" : "bytes after the last tensor are refused";
    throw new ModelError(`the tensors take ${covered} bytes and the file holds ${dataLength}: ${problem}`, {
      file,
      field: "data_offsets",
    });
  }
  return entries;
}

/** Bytes of a tensor; undefined where they cannot be counted exactly or do not end on a byte. */
function byteSize(stored: string, shape: readonly number[]): number | undefined {
  let bits = STORED_TYPES.get(stored)!.bits;
  for (const size of shape) {
    bits *= size;
    if (bits > Number.MAX_SAFE_INTEGER) return undefined;
  }
  return bits % 8 === 0 ? bits / 8 : undefined;
}

/** The object after a tensor's name. Fields the format does not name are stepped over, as the reference reader does. */
function readEntry(at: Cursor, name: string): Entry {
  const field = label(name);
  let stored: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  eachMember(at, field, (key) => {
    if (key === "dtype") {
      stored = readString(at);
      if (!STORED_TYPES.has(stored)) {
        const problem = `not an element type of the format (${[...STORED_TYPES.keys()].join(" ")})`;
        throw new ModelError(problem, { file: at.file, field: `${field} dtype`, value: stored });
      }
    } else if (key === "shape") shape = readIntegers(at, field, AXES);
    else if (key === "data_offsets") offsets = readIntegers(at, field, AXES);
    else skipValue(at);
  });
  if (stored === undefined || shape === undefined || offsets === undefined || offsets.length !== 2) {
    const problem = "a tensor needs dtype, shape and data_offsets [begin, end]: the header is damaged";
    throw new ModelError(problem, { file: at.file, field });
  }
  return { name, stored, shape, begin: offsets[0], end: offsets[1] };
}

function readMetadata(at: Cursor, metadata: Map<string, string>): void {
  skipSpace(at);
  if (take(at, "null")) return; // the reference reader takes it for "none"
  eachMember(at, "__metadata__", (key) => {
    skipSpace(at);
    if (at.text[at.next] !== '"') {
      const problem = "metadata maps text to text: write numbers and objects as text";
      throw new ModelError(problem, { file: at.file, field: `__metadata__ ${label(key)}` });
    }
    metadata.set(key, readString(at));
  });
}
