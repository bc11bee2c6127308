import type { Features } from "./features.ts";

/** What the columns of features are on average. */
export interface Moments {
  /** Mean products of two dense columns, the lower triangle, [D, D]. */
  readonly products: Float64Array;
  /** Mean squares of the sparse columns, [V]. */
  readonly squares: Float64Array;
}

/** A sample says enough about so many rows. */
const ENOUGH = 4000;

/** Kept for as long as the features are: the same ones are fitted many times. */
const known = new WeakMap<Features, Moments>();

export function momentsOf(features: Features): Moments {
  const kept = known.get(features);
  if (kept !== undefined) return kept;
  const { rows, denseWidth: D, dense, sparseWidth, starts, columns, values } = features;
  const products = new Float64Array(D * D);
  const squares = new Float64Array(sparseWidth);
  const every = Math.max(1, Math.floor(rows / ENOUGH));
  const share = every / rows;
  for (let i = 0; i < rows; i += every) {
    for (let a = 0; a < D; a++) {
      const x = dense[i * D + a] * share;
      for (let b = 0; b <= a; b++) products[a * D + b] += x * dense[i * D + b];
    }
    for (let n = starts[i]; n < starts[i + 1]; n++) squares[columns[n]] += values[n] * values[n] * share;
  }
  const moments = { products, squares };
  known.set(features, moments);
  return moments;
}

/** Solves (times · products + added · I) x = vector in place, by Cholesky's decomposition. `added` must be above 0. */
export function solver(
  products: Float64Array,
  D: number,
  times: number,
  added: number,
): (vector: Float64Array) => void {
  const L = new Float64Array(D * D);
  for (let i = 0; i < D; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = times * products[i * D + j] + (i === j ? added : 0);
      for (let k = 0; k < j; k++) sum -= L[i * D + k] * L[j * D + k];
      // Roundings may take the last bit of a column that others give already.
      L[i * D + j] = i === j ? Math.sqrt(Math.max(sum, added * 1e-3)) : sum / L[j * D + j];
    }
  }
  return (vector) => {
    for (let i = 0; i < D; i++) {
      let sum = vector[i];
      for (let k = 0; k < i; k++) sum -= L[i * D + k] * vector[k];
      vector[i] = sum / L[i * D + i];
    }
    for (let i = D - 1; i >= 0; i--) {
      let sum = vector[i];
      for (let k = i + 1; k < D; k++) sum -= L[k * D + i] * vector[k];
      vector[i] = sum / L[i * D + i];
    }
  };
}
