/*
 * How operands lie in memory. A product [T,K] x [N,K] -> [T,N] takes both packed, so that one pointer walks each (strided rows cost 8 %, and
 * at K = 3072 all rows of a tile share one set of the first-level cache):
 *
 *     weights   [groups][K blocks][panels][k][P]      P columns side by side are a panel, 64 a group; zeros past the last column
 *     rows      [K blocks][row tiles][k][height]
 *
 * A group is what a thread takes on at a time.
 */

/** Products summed in one chain before they are added to the total: part of the numerics version (docs/kernels.md). */
export const K_BLOCK = 256;

/** Columns of a group. */
export const GROUP = 64;

/** Rows computed together: one K-block of them (512 KB) stays in the second-level cache, and the weights stream by once. */
export const ROWS = 512;

/** Rows from which tiles are of two panels, where there are such: with 15 rows they take 78 ms instead of 56 (KR-SBERT's shape, Zen 5). */
export const PAIRS_FROM = 20;

/*
 * The first kilobyte, by address. Masks of a row's last vector, one for each remainder of its length by 4: ones in the lanes inside.
 */
export const MASKS = 0;
/** The constants that kernels read from memory: one instruction each, while V8 builds a vector constant with four. */
export const CONSTANTS = 64;
/** Where the threads of a crew meet. */
export const CREW = 512;
/** Words of the crew, from there on, each in a cache line of its own. */
export const ARRIVED = 0;
export const GENERATION = 64;
export const CLAIMED = 128;
export const STOPPED = 192;
/** Memory from here on is free. */
export const FIRST_FREE = 1024;

/** Where the panel that begins with column n, from input k on, stands in packed weights [N,K]: in numbers, not bytes. k begins a K-block. */
export function panelStart(n: number, k: number, N: number, K: number, P: number): number {
  const inGroup = n % GROUP;
  const first = n - inGroup;
  const columns = Math.min(GROUP, Math.ceil((N - first) / P) * P);
  return first * K + k * columns + inGroup * Math.min(K_BLOCK, K - k);
}

/** How many numbers packed weights [N,K] take. */
export function packedSize(N: number, K: number, P: number): number {
  return Math.ceil(N / P) * P * K;
}

/** Packs weights [N,K], row by row from `from` on. `packed` is zeros, and stays so past the last column. */
export function packWeights(
  packed: Float32Array,
  weight: Float32Array,
  from: number,
  N: number,
  K: number,
  P: number,
): void {
  for (let k = 0; k < K; k += K_BLOCK) {
    const block = Math.min(K_BLOCK, K - k);
    for (let n = 0; n < N; n += P) {
      const to = panelStart(n, k, N, K, P);
      for (let j = 0; j < Math.min(P, N - n); j++) {
        const row = from + (n + j) * K + k;
        for (let i = 0, at = to + j; i < block; i++, at += P) packed[at] = weight[row + i];
      }
    }
  }
}
