import { seeded } from "../random.ts";
import { product, unitRows } from "./vectors.ts";

export type Point = readonly [x: number, y: number];

export interface LayoutOptions {
  /** Default 0. */
  readonly seed?: number;
  /** Rows each row is held near to. Default 15, or fewer where there are fewer. */
  readonly neighbours?: number;
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
}

/**
 * Places in a plane, near where vectors are alike: UMAP (McInnes, Healy and Melville 2018), by umap-js, from the exact nearest neighbours by cosine. The
 * same seed gives the same places. Up to three rows lie on a line, because UMAP needs more.
 */
export async function layOut(vectors: readonly ArrayLike<number>[], options: LayoutOptions = {}): Promise<Point[]> {
  const { seed = 0, neighbours = 15, onProgress } = options;
  const rows = unitRows(vectors);
  const N = rows.count;
  if (N < 4) return vectors.map((_, i) => [i, 0]);
  const { UMAP } = await import("umap-js");
  const nNeighbors = Math.min(neighbours, N - 1);
  const umap = new UMAP({ nNeighbors, minDist: 0.1, random: seeded(seed) });
  const indices: number[][] = [];
  const distances: number[][] = [];
  const closeness = new Float32Array(N);
  for (let i = 0; i < N; i++) {
    for (let j = 0; j < N; j++) closeness[j] = product(rows.data, i, rows.data, j, rows.width);
    closeness[i] = 2; // itself first, as umap-js expects
    const near = nearest(closeness, nNeighbors);
    indices.push(near);
    distances.push(near.map((j) => (j === i ? 0 : Math.max(0, 1 - closeness[j]))));
    if (i % 256 === 0) {
      onProgress?.({ done: i / 2, total: N });
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  umap.setPrecomputedKNN(indices, distances);
  const epochs = umap.initializeFit(vectors.map((_, i) => [i])); // of which only the number is looked at
  for (let epoch = 0; epoch < epochs; epoch++) {
    umap.step();
    if (epoch % 16 === 0) {
      onProgress?.({ done: (N * (1 + epoch / epochs)) / 2, total: N });
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return umap.getEmbedding().map(([x, y]) => [x, y]);
}

/** Places of the largest numbers, the largest first, of equal ones the first. */
function nearest(values: Float32Array, count: number): number[] {
  const best: number[] = [];
  for (let j = 0; j < values.length; j++) {
    if (best.length === count && values[j] <= values[best[count - 1]]) continue;
    let at = best.length === count ? count - 1 : best.push(j) - 1;
    for (; at > 0 && values[best[at - 1]] < values[j]; at--) best[at] = best[at - 1];
    best[at] = j;
  }
  return best;
}
