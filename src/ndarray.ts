import type { Tensor, TensorData } from "./base/tensor.ts";

/** The constructor that the `ndarray` package exports. */
export type NdarrayConstructor<D extends TensorData, V> = (
  data: D,
  shape: number[],
  stride: number[],
  offset: number,
) => V;

/**
 * A tensor as a view of the `ndarray` package, without a copy. The package is the caller's to bring (it builds code with
 * `new Function`, which edge runtimes forbid, so the engine does not depend on it):
 *
 *     import ndarray from "ndarray";
 *     import { asNdarray } from "munjang/ndarray";
 *     const view = asNdarray(ndarray, tokenEmbeddings);   // view.get(0, 1, 2)
 */
export function asNdarray<D extends TensorData, V>(ndarray: NdarrayConstructor<D, V>, tensor: Tensor<D>): V {
  return ndarray(tensor.data, [...tensor.shape], [...tensor.stride], tensor.offset);
}

/** Rows as `encode` returns them, copied side by side into one [N, D] view. */
export function rowsAsNdarray<V>(ndarray: NdarrayConstructor<Float32Array, V>, rows: readonly Float32Array[]): V {
  const D = rows[0]?.length ?? 0;
  const data = new Float32Array(rows.length * D);
  for (const [n, row] of rows.entries()) data.set(row, n * D);
  return ndarray(data, [rows.length, D], [D, 1], 0);
}
