import type { DType, TensorData } from "../base/tensor.ts";

/** The class of the array a type is kept in; `new` takes a length, or bytes of its own. */
export interface ArrayOf {
  new (from: number | ArrayBuffer): TensorData;
  readonly name: string;
  readonly BYTES_PER_ELEMENT: number;
}

const ARRAYS = {
  float64: Float64Array,
  float32: Float32Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
} as const satisfies Record<DType, unknown>;

/** The array a type is kept in; undefined for a type of a file that JavaScript has none for. Files are little endian, and so is every machine that runs JavaScript today. */
export function arrayOf(dtype: DType): ArrayOf;
export function arrayOf(dtype: string): ArrayOf | undefined;
export function arrayOf(dtype: string): ArrayOf | undefined {
  return Object.hasOwn(ARRAYS, dtype) ? (ARRAYS[dtype as DType] as ArrayOf) : undefined;
}
