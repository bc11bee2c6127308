/**
 * Tensors as they lie in a file: where each begins, and how to walk it. What both formats have in common once their headers are read.
 * Every tensor is a read of its own, so peak memory is one tensor.
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
import { label } from "./json-text.ts";
import { FLOAT_TYPES, notFloats, rowsFromSource, rowsInMemory, toFloat32 } from "./rows.ts";

/** One tensor in a file: what it is and which bytes it spans. */
export interface Stored {
  /** A `DType`, or the name in the file of a type JavaScript has no array for. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Bytes of the file, from the first element to behind the last. */
  readonly begin: number;
  readonly end: number;
  /** Elements between neighbours along every axis, where the elements do not lie row-major and end to end. */
  readonly stride?: readonly number[];
}

/** An open file. Peak memory of a read is the tensor, for strided ones also the bytes they span. */
export interface StoredTensors extends TensorSource {
  /**
   * Reads one tensor in its own type, row-major and contiguous; float16 and bfloat16 as their bits.
   * @throws ModelError for an unknown name, or a type JavaScript has no array for (`F8_…`, `F6_…`, `F4`, `C64`).
   */
  read(name: string): Promise<Tensor>;
}

/** Bytes of each end of a tensor that `ends` reads. */
const ENDS = 4096;

export function storedTensors(source: ByteSource, file: string, entries: ReadonlyMap<string, Stored>): StoredTensors {
  const tensors = new Map<string, TensorInfo>();
  for (const [name, { dtype, shape }] of entries) tensors.set(name, { dtype, shape });

  function find(name: string): Stored {
    const entry = entries.get(name);
    if (entry === undefined) throw noSuchTensor(name, file, tensors);
    return entry;
  }

  /** A tensor of a type JavaScript has an array for. */
  function findReadable(name: string): Stored & { dtype: DType } {
    const entry = find(name);
    if (arrayOf(entry.dtype) === undefined) {
      const problem = `is ${entry.dtype}, for which JavaScript has no array: convert it to F32, F16 or BF16 first`;
      throw new ModelError(problem, { file, field: label(name) });
    }
    return entry as Stored & { dtype: DType };
  }

  /** Elements `from` to `to`, in row-major order; of a strided tensor whole rows along its first axis. */
  async function part(name: string, from: number, to: number): Promise<TensorData> {
    const { dtype, shape, begin, stride } = findReadable(name);
    const Kept = arrayOf(dtype);
    const size = Kept.BYTES_PER_ELEMENT;
    const bytes = (start: number, end: number): Promise<ArrayBuffer> =>
      readBytes(source, begin + start * size, begin + end * size, file, label(name));
    if (stride === undefined) return new Kept(await bytes(from, to));
    const width = sizeOf(shape.slice(1));
    const rows = [(to - from) / width, ...shape.slice(1)];
    const first = (from / width) * stride[0];
    return gather(new Kept(await bytes(first, first + reach(rows, stride))), rows, stride, new Kept(to - from));
  }

  async function read(name: string): Promise<Tensor> {
    const { dtype, shape } = findReadable(name);
    const data = await part(name, 0, sizeOf(shape));
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
    const { dtype, shape } = findReadable(name);
    if (where === "memory") return rowsInMemory(await read(name), place);
    return rowsFromSource((from, to) => part(name, from, to), dtype, shape, place);
  }

  async function ends(name: string): Promise<Uint8Array> {
    const { begin, end, stride } = find(name);
    const whole = stride === undefined ? undefined : (await read(name)).data;
    const [start, stop] = whole === undefined ? [begin, end] : [0, whole.byteLength];
    const bytes = async (from: number, to: number): Promise<Uint8Array> =>
      whole === undefined
        ? new Uint8Array(await readBytes(source, from, to, file, label(name)))
        : new Uint8Array(whole.buffer, from, to - from);
    const first = await bytes(start, Math.min(stop, start + ENDS));
    const last = await bytes(Math.max(stop - ENDS, start + first.length), stop);
    const both = new Uint8Array(first.length + last.length);
    both.set(first);
    both.set(last, first.length);
    return both;
  }

  return { file, tensors, read, readFloat32, rows, ends };
}

export function noSuchTensor(name: string, file: string, tensors: ReadonlyMap<string, unknown>): ModelError {
  const names = [...tensors.keys()].slice(0, 3).map(label);
  if (tensors.size > 3) names.push("…");
  return new ModelError(`no such tensor among ${tensors.size} (${names.join(", ")})`, { file, field: label(name) });
}

/** Elements from the first of a strided tensor to behind its last; 0 of an empty one. */
export function reach(shape: readonly number[], stride: readonly number[]): number {
  return shape.includes(0) ? 0 : shape.reduce((n, size, axis) => n + (size - 1) * stride[axis], 1);
}

/** Copies the elements of a strided tensor [..shape] into `out`, row-major. */
function gather<D extends TensorData>(data: D, shape: readonly number[], stride: readonly number[], out: D): D {
  const last = shape.length - 1;
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let to = 0; to < out.length; ) {
    for (let i = 0; i < shape[last]; i++) out[to++] = data[from + i * stride[last]];
    for (let axis = last - 1; axis >= 0; axis--) {
      from += stride[axis];
      if (++index[axis] < shape[axis]) break;
      from -= shape[axis] * stride[axis];
      index[axis] = 0;
    }
  }
  return out;
}

/** What people open by mistake instead of weights, told by its first bytes; undefined where it is none of these. */
export function mistaken(start: Uint8Array): string | undefined {
  const text = String.fromCharCode(...start.subarray(0, 8));
  if (text.startsWith("version ")) return "this is a Git LFS pointer, not the weights: run `git lfs pull`";
  return /^\s*[<{]/.test(text) ? "this is a web page or JSON, not weights: check the address" : undefined;
}

/** Reads exactly the bytes asked for. */
export async function readBytes(
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
  return ArrayBuffer.isView(bytes) ? (sourceOf(bytes).slice(0, bytes.byteLength) as ArrayBuffer) : bytes;
}

/** The bytes of a view as a source: `slice` copies, so tensors lie on their own boundaries wherever they lay in the file. */
export function sourceOf(bytes: ByteSource | Uint8Array): ByteSource {
  if (!ArrayBuffer.isView(bytes)) return bytes;
  const { buffer, byteOffset, byteLength } = bytes;
  return {
    byteLength,
    slice(start: number, end: number): ArrayBuffer {
      const copy = new Uint8Array(end - start);
      copy.set(new Uint8Array(buffer, byteOffset + start, end - start));
      return copy.buffer;
    },
  };
}
