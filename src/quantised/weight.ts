import type { QuantisedTensor } from "../base/tensor.ts";

/** Of 1: how much of a column's balance is for its activations, and how much is left for its weights, in eighths. */
export type Eighths = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

const f = Math.fround;

/**
 * What the columns of an input are multiplied by: b = weights^(1-a) / activations^a, of the largest magnitudes of each. A column whose
 * activations stand out is made smaller and its weights larger, which have a scale of their own to spend (SmoothQuant: Xiao et al. 2022).
 * The powers are made of square roots, whose bits are the same on every engine.
 */
export function balanceOf(activations: Float32Array, weights: Float32Array, eighths: Eighths): Float32Array {
  /** A column that was hardly used by the texts it was measured with may be used by others. */
  const LEAST = 1e-3;
  const floor = activations.reduce((a, b) => Math.max(a, b), 0) * LEAST;
  return activations.map((activation, k) => {
    const b = power(weights[k], 8 - eighths) / power(Math.max(activation, floor), eighths);
    return b > 0 && Number.isFinite(b) ? b : 1;
  });
}

/** x^(eighths / 8) */
function power(x: number, eighths: number): number {
  const root = Math.sqrt(Math.sqrt(Math.sqrt(x)));
  let product = 1;
  for (let i = 0; i < eighths; i++) product *= root;
  return product;
}

/** The largest magnitude in each column of rows of K numbers. */
export function columnRanges(rows: Float32Array, K: number): Float32Array {
  const most = new Float32Array(K);
  for (let from = 0; from < rows.length; from += K) {
    for (let k = 0; k < K; k++) {
      const size = Math.abs(rows[from + k]);
      if (size > most[k]) most[k] = size;
    }
  }
  return most;
}

/** A weight [N,K] as whole numbers: each row divided by the balance, then by its scale, and rounded to the nearest, ties to even. */
export function quantiseWeight(weight: Float32Array, N: number, K: number, balance: Float32Array): QuantisedTensor {
  const data = new Int8Array(N * K);
  const scale = new Float32Array(N);
  const sum = new Int32Array(N);
  const row = new Float32Array(K);
  for (let n = 0; n < N; n++) {
    for (let k = 0; k < K; k++) row[k] = weight[n * K + k] / balance[k];
    scale[n] = quantiseRow(data.subarray(n * K, (n + 1) * K), row);
    for (let k = 0; k < K; k++) sum[n] += data[n * K + k];
  }
  return { data, shape: [N, K], scale, sum, balance };
}

/** A row as whole numbers from -127 to 127; returns what to multiply them by. A row of zeros has 1. */
export function quantiseRow(to: Int8Array, row: Float32Array): number {
  let most = 0;
  for (let k = 0; k < row.length; k++) most = Math.max(most, Math.abs(row[k]));
  const scale = f(most / 127) || 1;
  for (let k = 0; k < row.length; k++) to[k] = Math.max(-127, Math.min(127, nearest(row[k] / scale)));
  return scale;
}

/** The nearest whole number, ties to even, of less than 2^51. */
function nearest(x: number): number {
  /** 1.5 · 2^52: doubles there are whole numbers. */
  const ROUND = 6755399441055744;
  return x + ROUND - ROUND;
}
