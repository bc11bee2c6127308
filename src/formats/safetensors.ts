/**
 * safetensors files, read and written: the whole format, on any runtime, with every check. Usable alone as `munjang/safetensors`.
 *
 *     const weights = await openSafetensors(await (await fetch(url)).arrayBuffer());
 *     const table = await weights.readFloat32("embeddings.word_embeddings.weight");   // { data, shape, stride, offset, dtype }
 *
 * Opening reads the header alone; every tensor is a read of its own, so peak memory is one tensor. Nothing in a file is executed, and
 * what a file claims is checked against its length before anything is allocated for it.
 */
import type { ByteSource } from "../base/bytes.ts";
import { ModelError, show } from "../base/errors.ts";
import {
  type DType,
  type RowSource,
  rowMajor,
  sizeOf,
  type Tensor,
  type TensorData,
  type TensorInfo,
  type TensorSource,
  tensor,
} from "../base/tensor.ts";
import { arrayOf } from "./arrays.ts";
import { FLOAT_TYPES, notFloats, rowsFromSource, rowsInMemory, toFloat32 } from "./rows.ts";
import { type Entry, HEADER_LIMIT, label, parseHeader, STORED_TYPES } from "./safetensors-header.ts";

export type { ByteSource } from "../base/bytes.ts";
export { ModelError } from "../base/errors.ts";
export type { DType, RowSource, Tensor, TensorData, TensorInfo, TensorSource } from "../base/tensor.ts";
export { writeSafetensors } from "./safetensors-writer.ts";

/** An open file. `tensors` are in the order of their data; a `dtype` JavaScript has no array for keeps its own name, `F8_E4M3`. */
export interface Safetensors extends TensorSource {
  /** The text the writer put beside the tensors, such as `format: pt`. */
  readonly metadata: ReadonlyMap<string, string>;
  /**
   * Reads one tensor in its own type, row-major and contiguous; float16 and bfloat16 as their bits.
   * @throws ModelError for an unknown name, or a type JavaScript has no array for (`F8_…`, `F6_…`, `F4`, `C64`).
   */
  read(name: string): Promise<Tensor>;
}

/**
 * Opens a file by reading its header. `file` names it in messages.
 * @throws ModelError saying which rule of the format is broken, and where.
 */
export async function openSafetensors(
  bytes: ByteSource | Uint8Array,
  file: string = "model.safetensors",
): Promise<Safetensors> {
  const source = ArrayBuffer.isView(bytes) ? sourceOf(bytes) : bytes;
  const { byteLength } = source;
  if (!Number.isSafeInteger(byteLength) || byteLength < 8) {
    const problem = "a safetensors file begins with 8 bytes that state the length of its header: this is not one";
    throw new ModelError(problem, { file, field: "byteLength", value: byteLength });
  }
  const start = await readBytes(source, 0, 8, file, "the first 8 bytes");
  const headerLength = checkLength(start, byteLength, file);
  const dataStart = 8 + headerLength;
  const headerBytes = await readBytes(source, 8, dataStart, file, "header");
  const { metadata, entries } = parseHeader(headerBytes, byteLength - dataStart, file);

  const tensors = new Map<string, TensorInfo>();
  for (const [name, { stored, shape }] of entries) {
    tensors.set(name, { dtype: STORED_TYPES.get(stored)?.dtype ?? stored, shape });
  }

  function find(name: string): Entry {
    const entry = entries.get(name);
    if (entry !== undefined) return entry;
    const names = [...entries.keys()].slice(0, 3).map(label);
    if (entries.size > 3) names.push("…");
    throw new ModelError(`no such tensor among ${entries.size} (${names.join(", ")})`, { file, field: label(name) });
  }

  /** A tensor of a type JavaScript has an array for. */
  function findReadable(name: string): Entry & { dtype: DType } {
    const entry = find(name);
    const dtype = STORED_TYPES.get(entry.stored)?.dtype;
    if (dtype === undefined) {
      const problem = `is ${entry.stored}, for which JavaScript has no array: convert it to F32, F16 or BF16 first`;
      throw new ModelError(problem, { file, field: label(name) });
    }
    return { ...entry, dtype };
  }

  async function read(name: string): Promise<Tensor> {
    const { dtype, shape, begin, end } = findReadable(name);
    const bytes = await readBytes(source, dataStart + begin, dataStart + end, file, label(name));
    const data = new (arrayOf(dtype))(bytes);
    return { data, shape, stride: rowMajor(shape), offset: 0, dtype };
  }

  async function readFloat32(name: string): Promise<Tensor<Float32Array>> {
    const { dtype, shape } = findReadable(name);
    if (!FLOAT_TYPES.has(dtype)) throw notFloats(dtype, { file, field: label(name) });
    const { data } = await read(name);
    return tensor(
      dtype === "float32" ? (data as Float32Array) : toFloat32(data, dtype, new Float32Array(sizeOf(shape))),
      shape,
    );
  }

  async function rows(name: string, where: "memory" | "source"): Promise<RowSource> {
    const place = { file, field: label(name) };
    const { dtype, shape, begin } = findReadable(name);
    if (where === "memory") return rowsInMemory(await read(name), place);
    const Stored = arrayOf(dtype);
    const first = dataStart + begin;
    async function view(from: number, to: number): Promise<TensorData> {
      const start = first + from * Stored.BYTES_PER_ELEMENT;
      const end = first + to * Stored.BYTES_PER_ELEMENT;
      return new Stored(await readBytes(source, start, end, file, place.field));
    }
    return rowsFromSource(view, dtype, shape, place);
  }

  async function ends(name: string): Promise<Uint8Array> {
    const { begin, end } = find(name);
    const first = await readBytes(
      source,
      dataStart + begin,
      dataStart + Math.min(end, begin + ENDS),
      file,
      label(name),
    );
    const rest = Math.max(end - ENDS, begin + first.byteLength);
    const last = await readBytes(source, dataStart + rest, dataStart + end, file, label(name));
    const both = new Uint8Array(first.byteLength + last.byteLength);
    both.set(new Uint8Array(first));
    both.set(new Uint8Array(last), first.byteLength);
    return both;
  }

  return { file, metadata, tensors, read, readFloat32, rows, ends };
}

/** Bytes of each end of a tensor that `ends` reads. */
const ENDS = 4096;

/** N, the length of the header, checked against the file and the format's limit before anything is allocated. */
function checkLength(start: ArrayBuffer, byteLength: number, file: string): number {
  const stated = new DataView(start).getBigUint64(0, true);
  if (stated <= HEADER_LIMIT && 8 + Number(stated) <= byteLength) return Number(stated);
  const text = String.fromCharCode(...new Uint8Array(start));
  const at = { file, field: "header length", value: stated };
  // What people do open by mistake: each begins with letters, which read as a length of 10^18 and more.
  if (text.startsWith("version ")) {
    throw new ModelError("this is a Git LFS pointer, not the weights: run `git lfs pull`", { file });
  }
  if (text.startsWith("PK\x03\x04")) {
    throw new ModelError("this is a zip file (a PyTorch model?), not safetensors", { file });
  }
  if (/^\s*[<{]/.test(text))
    throw new ModelError("this is a web page or JSON, not safetensors: check the address", { file });
  if (stated > HEADER_LIMIT)
    throw new ModelError(`over the format's limit of ${HEADER_LIMIT} bytes: not a safetensors file`, at);
  throw new ModelError(`the file has ${byteLength} bytes: it is cut short, fetch it again`, at);
}

/** Reads exactly the bytes asked for. */
async function readBytes(
  source: ByteSource,
  start: number,
  end: number,
  file: string,
  field: string,
): Promise<ArrayBuffer> {
  if (end === start) return new ArrayBuffer(0);
  const bytes: ArrayBuffer | Uint8Array = await source.slice(start, end);
  if (bytes.byteLength !== end - start) {
    const problem = `bytes ${start} to ${end} were asked for and ${show(bytes.byteLength)} came: the file is cut short or has changed`;
    throw new ModelError(problem, { file, field });
  }
  // A source written around a Node Buffer answers with a view, at any offset; arrays need a buffer of their own.
  return ArrayBuffer.isView(bytes) ? sourceOf(bytes).slice(0, bytes.byteLength) : bytes;
}

/** The bytes of a view as a source: `slice` copies, so tensors lie on their own boundaries wherever they lay in the file. */
function sourceOf(view: ArrayBufferView): { byteLength: number; slice(start: number, end: number): ArrayBuffer } {
  const { buffer, byteOffset, byteLength } = view;
  return {
    byteLength,
    slice(start: number, end: number): ArrayBuffer {
      const copy = new Uint8Array(end - start);
      copy.set(new Uint8Array(buffer, byteOffset + start, end - start));
      return copy.buffer;
    },
  };
}
