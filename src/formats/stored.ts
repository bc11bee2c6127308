/**
 * Tensors as they lie in a file: where each begins and ends. What both formats have in common once their headers are read.
 * Every tensor is a read of its own, so peak memory is one tensor.
 */
import type { ByteSource } from "../base/bytes.ts";
import { fail, show } from "../base/errors.ts";
import { type DType, rowMajor, type Tensor, type TensorInfo } from "../base/tensor.ts";
import { arrayOf } from "./arrays.ts";
import { checkFloats, toFloat32 } from "./floats.ts";
import { label } from "./json-text.ts";

/** One tensor in a file: what it is and where it lies, row-major and end to end. */
export interface Stored extends TensorInfo {
  /** Its first byte. */
  readonly begin: number;
  readonly byteLength: number;
  /** In the file itself its elements do not lie like that, so that no part of it is cheap to read. */
  readonly strided?: true;
}

/** An open file. Peak memory of a read is the tensor. */
export interface StoredTensors {
  /** For messages: `model.safetensors`. */
  readonly file: string;
  /** Every tensor by name, in the order of the file. */
  readonly tensors: ReadonlyMap<string, Stored>;
  /**
   * Reads one tensor in its own type, row-major and contiguous; float16 and bfloat16 as their bits.
   * It may be read `into` memory of just its length.
   * @throws ModelError for an unknown name, or a type JavaScript has no array for (`F8_…`, `F6_…`, `F4`, `C64`).
   */
  read(name: string, into?: ArrayBuffer): Promise<Tensor>;
  /**
   * Reads one tensor as float32 (float16 and bfloat16 are widened, exactly), row-major and contiguous. What is stored as float32 may be
   * read `into` memory of just its length.
   */
  readFloat32(name: string, into?: ArrayBuffer): Promise<Tensor<Float32Array>>;
  /** Bytes `from` to `to` of a tensor of whatever type. */
  bytes(name: string, from: number, to: number): Promise<ArrayBuffer>;
}

export function storedTensors(source: ByteSource, file: string, tensors: ReadonlyMap<string, Stored>): StoredTensors {
  const find = (name: string): Stored => tensors.get(name) ?? noSuchTensor(name, file, tensors);

  async function bytes(name: string, from: number, to: number, into?: ArrayBuffer): Promise<ArrayBuffer> {
    const { begin } = find(name);
    return readBytes(source, begin + from, begin + to, file, label(name), into);
  }

  async function read(name: string, into?: ArrayBuffer): Promise<Tensor> {
    const { dtype, shape, byteLength } = find(name);
    const problem = `is ${dtype}, for which JavaScript has no array: convert it to F32, F16 or BF16 first`;
    const Kept = arrayOf(dtype) ?? fail(file, label(name), problem);
    const data = new Kept(await bytes(name, 0, byteLength, into));
    return { data, shape, stride: rowMajor(shape), offset: 0, dtype: dtype as DType };
  }

  async function readFloat32(name: string, into?: ArrayBuffer): Promise<Tensor<Float32Array>> {
    const { dtype } = find(name);
    checkFloats(dtype, { file, field: label(name) });
    const stored = await read(name, dtype === "float32" ? into : undefined);
    const { data } = stored;
    const floats = data instanceof Float32Array ? data : toFloat32(data, dtype, new Float32Array(data.length));
    return { ...stored, data: floats, dtype: "float32" };
  }

  return { file, tensors, read, readFloat32, bytes };
}

export function noSuchTensor(name: string, file: string, tensors: ReadonlyMap<string, unknown>): never {
  const names = [...tensors.keys()].slice(0, 3).map(label);
  if (tensors.size > 3) names.push("…");
  fail(file, label(name), `no such tensor among ${tensors.size} (${names.join(", ")})`);
}

/** What people open by mistake instead of weights, told by its first bytes; undefined where it is none of these. */
export function mistaken(start: Uint8Array): string | undefined {
  const text = String.fromCharCode(...start.subarray(0, 8));
  if (text.startsWith("version ")) return "this is a Git LFS pointer, not the weights: run `git lfs pull`";
  return /^\s*[<{]/.test(text) ? "this is a web page or JSON, not weights: check the address" : undefined;
}

/** Reads exactly the bytes asked for, into memory of that length if there is some. */
export async function readBytes(
  source: ByteSource,
  start: number,
  end: number,
  file: string,
  field: string,
  into?: ArrayBuffer,
): Promise<ArrayBuffer> {
  if (end === start) return new ArrayBuffer(0);
  const bytes: ArrayBuffer | Uint8Array = await source.slice(start, end, into);
  if (bytes.byteLength !== end - start) {
    const problem = `bytes ${start} to ${end} were asked for and ${show(bytes.byteLength)} came: the file is cut short or has changed`;
    fail(file, field, problem);
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
