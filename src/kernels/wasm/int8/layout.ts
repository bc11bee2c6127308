import type { Dot } from "./dots.ts";

/*
 * How whole numbers lie in memory. A step of the tile's loop takes four bytes a row and four a column: four numbers of 8 bits, or two of 16
 * for the rows, whose weights are still bytes. K is filled up to a multiple of four, with weights of zero. No K-blocks: sums of whole numbers
 * are exact in any order, and the weights are a quarter of the size, so that a panel of all K stays in the first-level cache.
 *
 *     weights   [groups][panels][steps][P][2 or 4]      bytes; P columns side by side are a panel
 *     rows      [row tiles][steps][height][4 bytes]
 *     scales    of each row: the float s and the whole number z
 *     columns   [panels][3][P]: the float scale, the whole number sum, the float bias
 */

/** Bits of an activation. Weights have eight. */
export type Bits = 7 | 12;

/** The largest whole number an activation becomes. */
export const LARGEST: Readonly<Record<Bits, number>> = { 7: 127, 12: 2047 };

/** Bytes of a row's scale and zero point. */
export const ROW_BYTES = 8;

/** Numbers of k in a step. */
export function kOf(dot: Dot): 2 | 4 {
  return dot === "pairs2" ? 2 : 4;
}

/** Bytes of one column of packed weights. */
export function columnBytes(K: number): number {
  return Math.ceil(K / 4) * 4;
}

/** Packs weights [N,K] of whole numbers. `packed` is zeros, and stays so past the last column and the last input. */
export function packWhole(packed: Int8Array, q: Int8Array, N: number, K: number, P: number, dot: Dot): void {
  const per = kOf(dot);
  if (K % 4 === 0 && q.byteOffset % 4 === 0) {
    packUnits(packed, q, N, K / per, P, per);
    return;
  }
  const column = columnBytes(K);
  for (let n = 0; n < N; n++) {
    const first = (n - (n % P)) * column + (n % P) * per;
    for (let k = 0, from = n * K; k < K; k++) packed[first + (k - (k % per)) * P + (k % per)] = q[from + k];
  }
}

/** The same, a column's numbers of a step at once. */
function packUnits(packed: Int8Array, q: Int8Array, N: number, steps: number, P: number, per: 2 | 4): void {
  const units = ({ buffer, byteOffset, length }: Int8Array): Int32Array | Int16Array =>
    per === 4 ? new Int32Array(buffer, byteOffset, length / 4) : new Int16Array(buffer, byteOffset, length / 2);
  const [to, from] = [units(packed), units(q)];
  for (let n = 0; n < N; n++) {
    let at = (n - (n % P)) * steps + (n % P);
    for (let i = n * steps; i < (n + 1) * steps; i++, at += P) to[at] = from[i];
  }
}
