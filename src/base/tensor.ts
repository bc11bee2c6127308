/**
 * Tensors are plain data: a typed array and how to walk it. The shape is structurally what the `ndarray` package uses, so
 * `ndarray(t.data, t.shape, t.stride, t.offset)` is a view without a copy.
 */
export interface Tensor<D extends TensorData = TensorData> {
  readonly data: D;
  /** Size of every axis, outermost first; `[]` is a scalar. */
  readonly shape: readonly number[];
  /** Elements (not bytes) between neighbours along every axis. */
  readonly stride: readonly number[];
  /** Element of `data` at index [0, …, 0]. */
  readonly offset: number;
  readonly dtype: DType;
}

/**
 * A weight [out, in] as whole numbers: weight[o][i] is about data[o][i] · scale[o] · balance[i]. An input is multiplied by the balance before
 * it becomes whole numbers too, so that no column of it needs a coarser grid than the others.
 */
export interface QuantisedTensor {
  /** -127 to 127 */
  readonly data: Int8Array;
  readonly shape: readonly [number, number];
  /** [out] */
  readonly scale: Float32Array;
  /** Of each row of `data`. [out] */
  readonly sum: Int32Array;
  /** [in] */
  readonly balance: Float32Array;
}

/** The arrays a tensor may lie in. */
export type TensorData =
  | Float64Array
  | Float32Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** Element types. `float16` and `bfloat16` are kept as their bits in a `Uint16Array`; `bool` as 0 and 1 in a `Uint8Array`. */
export type DType =
  | "float64"
  | "float32"
  | "float16"
  | "bfloat16"
  | "int8"
  | "uint8"
  | "int16"
  | "uint16"
  | "int32"
  | "uint32"
  | "int64"
  | "uint64"
  | "bool";

/** What a tensor is, before its bytes are read. */
export interface TensorInfo {
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** Named tensors in some file or files; read one at a time, so that peak memory is one tensor and not one model. */
export interface TensorSource {
  /** Where they come from, for messages: `model.safetensors`. */
  readonly file: string;
  /** Every tensor by name, in the order of the file. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /**
   * Reads one tensor as float32 (float16 and bfloat16 are widened, exactly), row-major and contiguous. It may be read `into` memory of just
   * its length, which spares letting go of it: garbage stays resident for long.
   */
  readFloat32(name: string, into?: ArrayBuffer): Promise<Tensor<Float32Array>>;
  /** Reads one tensor in its own type, `into` memory of just its length if there is some. */
  read(name: string, into?: ArrayBuffer): Promise<Tensor>;
  /**
   * Rows of a [rows, width] table, as they are needed, without reading the whole of it where the source allows that. Only a caller who knows
   * what `whole` numbers stand for is given a table of those.
   */
  rows(name: string, where: RowsPlace, whole?: boolean): Promise<RowSource>;
  /** The first and the last 4 KiB of a tensor as it is stored (all of a small one): enough to tell one model from another. */
  ends(name: string): Promise<Uint8Array>;
}

/** Rows of a table that need not lie in memory: the word embeddings, which are a quarter of BERT and used a few rows at a time. */
export interface RowSource {
  readonly rows: number;
  readonly width: number;
  /** Writes row `ids[t]` of the table to `out[t * width …]`, as float32, for every t: [T, width]. */
  read(ids: Int32Array, out: Float32Array): Promise<void> | void;
}

/**
 * Where the rows of a table stay: in memory in their stored precision; in their file, of which a few are read at a time; or in the file behind
 * a function that keeps some of its bytes, such as `munjang/edge` brings.
 */
export type RowsPlace = "memory" | "source" | ((read: ReadBytes, byteLength: number, rowBytes: number) => ReadBytes);

/** Reads bytes `from` to `to` of something. */
export type ReadBytes = (from: number, to: number) => Promise<ArrayBuffer>;

/** Axes a tensor of a file may have: as many as NumPy and PyTorch know. No format has a limit, and a header of zeros could claim millions. */
export const AXES = 64;

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((n, d) => n * d, 1);
}

/** Strides of a contiguous row-major tensor. */
export function rowMajor(shape: readonly number[]): number[] {
  const stride = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    stride[i] = step;
    step *= shape[i];
  }
  return stride;
}

/** A contiguous row-major float32 tensor over `data`. */
export function tensor(data: Float32Array, shape: readonly number[]): Tensor<Float32Array> {
  if (data.length !== sizeOf(shape)) throw new Error(`${data.length} numbers cannot have the shape [${shape}]`);
  return { data, shape, stride: rowMajor(shape), offset: 0, dtype: "float32" };
}
