/**
 * The header of a safetensors file: what it may say, and what must hold between its numbers.
 *
 *     N       8 bytes, unsigned, little endian
 *     header  N bytes of JSON   {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …, "__metadata__": {"k": "v"}}
 *     data    the rest          data_offsets count from here
 *
 * Rules and limits: github.com/huggingface/safetensors, README "Format" and src/tensor.rs.
 */
import { fail } from "../base/errors.ts";
import { AXES, type DType } from "../base/tensor.ts";
import { arrayOf } from "./arrays.ts";
import {
  type Cursor,
  cursorOf,
  expectEnd,
  label,
  match,
  peek,
  readIntegers,
  readObject,
  readString,
  skipValue,
} from "./json-text.ts";
import { tooManyTensors } from "./limits.ts";
import type { Stored } from "./stored.ts";

/**
 * All element types by the name they have in the file: what JavaScript calls it, or the bits of an element where it has no array for it. In
 * the reference's order: its writer sorts by the last first.
 */
export const STORED_TYPES: ReadonlyMap<string, DType | number> = new Map<string, DType | number>(
  Object.entries({
    BOOL: "bool",
    F4: 4,
    F6_E2M3: 6,
    F6_E3M2: 6,
    U8: "uint8",
    I8: "int8",
    F8_E5M2: 8,
    F8_E4M3: 8,
    F8_E8M0: 8,
    F8_E4M3FNUZ: 8,
    F8_E5M2FNUZ: 8,
    I16: "int16",
    U16: "uint16",
    F16: "float16",
    BF16: "bfloat16",
    I32: "int32",
    U32: "uint32",
    F32: "float32",
    C64: 64,
    F64: "float64",
    I64: "int64",
    U64: "uint64",
  }),
);

export interface Header {
  readonly metadata: ReadonlyMap<string, string>;
  /** In the order of their data. */
  readonly tensors: ReadonlyMap<string, Stored>;
}

/** A tensor that knows its name: a hundred thousand pairs for sorting would be most of the memory spent here. */
interface Entry extends Stored {
  readonly name: string;
}

/**
 * Reads the header of a file of `byteLength` bytes, whose data begin at `dataStart`. White space before and after the object is accepted,
 * as the reference reader does (the format's text allows spaces after it only).
 * @throws ModelError naming the tensor where the header breaks a rule.
 */
export function parseHeader(
  bytes: ArrayBuffer,
  dataStart: number,
  byteLength: number,
  file: string,
  maxTensors: number,
): Header {
  const at = cursorOf(bytes, file, "header", maxTensors);
  let metadata: Header["metadata"] = new Map();
  const found = readObject(at, "the header", (name) => {
    if (name !== "__metadata__") return readTensor(at, name, dataStart);
    metadata = readMetadata(at);
    return undefined;
  });
  expectEnd(at);

  found.delete("__metadata__");
  if (found.size > maxTensors) tooManyTensors(file, "header", maxTensors);

  // The tensors must cover the data: no hole, no overlap, nothing left over.
  const tensors = new Map<string, Stored>();
  let covered = dataStart;
  for (const tensor of ([...found.values()] as Entry[]).sort(
    (a, b) => a.begin - b.begin || a.byteLength - b.byteLength,
  )) {
    const { name, begin, byteLength: length } = tensor;
    if (begin !== covered) {
      const problem =
        begin < covered
          ? "overlaps the tensor before it: the header is damaged"
          : `bytes ${covered - dataStart} to ${begin - dataStart} belong to no tensor: the header is damaged`;
      fail(file, `${label(name)} data_offsets`, problem, [begin - dataStart, begin - dataStart + length]);
    }
    tensors.set(name, tensor);
    covered = begin + length;
  }
  if (covered !== byteLength) {
    const problem =
      covered > byteLength ? "it is cut short, fetch the file again" : "bytes after the last tensor are refused";
    const lengths = `the tensors take ${covered - dataStart} bytes and the file holds ${byteLength - dataStart}`;
    fail(file, "data_offsets", `${lengths}: ${problem}`);
  }
  return { metadata, tensors };
}

/** The object after a tensor's name. Fields the format does not name are stepped over, as the reference reader does. */
function readTensor(at: Cursor, name: string, dataStart: number): Entry {
  const { file } = at;
  const field = label(name);
  let stored = "";
  let shape: number[] | undefined;
  let offsets: number[] = [];
  readObject(at, field, (key) => {
    if (key === "dtype") stored = readString(at);
    else if (key === "shape") shape = readIntegers(at, AXES);
    else if (key === "data_offsets") offsets = readIntegers(at, AXES);
    else skipValue(at);
  });
  if (stored === "" || shape === undefined || offsets.length !== 2) {
    return fail(file, field, "a tensor needs dtype, shape and data_offsets [begin, end]: the header is damaged");
  }
  const type = STORED_TYPES.get(stored) ?? fail(file, `${field} dtype`, "not an element type of the format", stored);
  const [begin, end] = offsets;
  let bits = typeof type === "number" ? type : 8 * arrayOf(type).BYTES_PER_ELEMENT;
  // What cannot be counted is no number any more, whatever comes after: a zero, say.
  for (const size of shape) bits = bits * size > Number.MAX_SAFE_INTEGER ? NaN : bits * size;
  if (end - begin !== bits / 8) {
    const problem = `${end - begin} bytes, but [${shape.slice(0, 8)}] of ${stored} takes ${bits / 8}: the header is damaged`;
    fail(file, `${field} data_offsets`, problem, offsets);
  }
  const dtype = typeof type === "number" ? stored : type;
  return { name, dtype, shape, begin: dataStart + begin, byteLength: end - begin };
}

function readMetadata(at: Cursor): Map<string, string> {
  if (match(at, /^null$/)) return new Map(); // the reference reader takes it for "none"
  return readObject(at, "__metadata__", (key) => {
    if (peek(at) === '"') return readString(at);
    return fail(at.file, `__metadata__ ${label(key)}`, "metadata maps text to text");
  });
}
