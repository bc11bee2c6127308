import { type Random, seeded } from "../random.ts";
import { product, type Rows } from "./vectors.ts";

export interface KMeansOptions {
  /** Decides where the centres begin. Default 0. */
  readonly seed?: number;
  /** Beginnings that are tried; the best is kept. Default 5. */
  readonly restarts?: number;
  /** Default 300. */
  readonly maxIterations?: number;
  /** Centres to begin with instead, [K, D]. */
  readonly start?: Float32Array;
}

export interface KMeans {
  /** Cluster of each row, [N]. */
  readonly clusters: Int32Array;
  /** [K, D]; means, so of length 1 or less. */
  readonly centres: Float32Array;
  /** Sum of squared distances to the centres. */
  readonly inertia: number;
  readonly iterations: number;
}

/**
 * Lloyd's k-means with the beginnings of k-means++ (Arthur and Vassilvitskii 2007). A cluster that loses all its rows takes the row that is furthest
 * from its centre. @throws Error for more clusters than different rows.
 */
export function kMeans(rows: Rows, K: number, options: KMeansOptions = {}): KMeans {
  const { seed = 0, restarts = 5, maxIterations = 300, start } = options;
  if (!(K >= 1 && K <= rows.count)) throw new Error(`${rows.count} texts cannot be ${K} clusters`);
  const random = seeded(seed);
  let best: KMeans | undefined;
  for (let n = 0; n < (start === undefined ? restarts : 1); n++) {
    const found = lloyd(rows, start ?? plusPlus(rows, K, random), K, maxIterations);
    if (best === undefined || found.inertia < best.inertia) best = found;
  }
  if (best === undefined) throw new Error("restarts must be 1 or more");
  return best;
}

/** K rows that lie apart: each is drawn by its squared distance to the nearest before. */
function plusPlus({ count: N, width: D, data }: Rows, K: number, random: Random): Float32Array {
  const centres = new Float32Array(K * D);
  const distances = new Float64Array(N).fill(Number.POSITIVE_INFINITY);
  for (let k = 0; k < K; k++) {
    let chosen = Math.floor(random() * N);
    if (k > 0) {
      const total = distances.reduce((sum, distance) => sum + distance, 0);
      if (total === 0) throw new Error(`there are only ${k} different texts: they cannot be ${K} clusters`);
      let left = random() * total;
      chosen = distances.findIndex((distance) => {
        left -= distance;
        return left < 0;
      });
      if (chosen < 0) chosen = distances.findLastIndex((distance) => distance > 0); // roundings
    }
    centres.set(data.subarray(chosen * D, (chosen + 1) * D), k * D);
    for (let i = 0; i < N; i++) {
      // Equal rows are at no distance at all, whatever roundings say.
      const distance = equal(data, i, chosen, D) ? 0 : Math.max(1e-12, 2 - 2 * product(data, i, centres, k, D));
      distances[i] = Math.min(distances[i], distance);
    }
  }
  return centres;
}

function equal(data: Float32Array, i: number, j: number, D: number): boolean {
  for (let d = 0; d < D; d++) if (data[i * D + d] !== data[j * D + d]) return false;
  return true;
}

function lloyd({ count: N, width: D, data }: Rows, start: Float32Array, K: number, maxIterations: number): KMeans {
  const centres = Float32Array.from(start);
  const clusters = new Int32Array(N).fill(-1);
  const distances = new Float64Array(N); // squared, to the own centre
  const halves = new Float64Array(K); // half the squared length of each centre
  const sums = new Float64Array(K * D);
  const counts = new Int32Array(K);
  for (let iterations = 0; ; iterations++) {
    for (let k = 0; k < K; k++) halves[k] = product(centres, k, centres, k, D) / 2;
    let moved = 0;
    let inertia = 0;
    for (let i = 0; i < N; i++) {
      let near = 0;
      let most = Number.NEGATIVE_INFINITY;
      for (let k = 0; k < K; k++) {
        const closeness = product(data, i, centres, k, D) - halves[k];
        if (closeness > most) {
          most = closeness;
          near = k;
        }
      }
      if (clusters[i] !== near) moved++;
      clusters[i] = near;
      distances[i] = Math.max(0, 1 - 2 * most);
      inertia += distances[i];
    }
    if (moved === 0 || iterations === maxIterations) return { clusters, centres, inertia, iterations };
    counts.fill(0);
    sums.fill(0);
    for (let i = 0; i < N; i++) {
      const k = clusters[i];
      counts[k]++;
      for (let d = 0; d < D; d++) sums[k * D + d] += data[i * D + d];
    }
    for (let k = 0; k < K; k++) {
      if (counts[k] > 0) continue;
      const far = distances.reduce(
        (at, distance, i) => (distance > distances[at] && counts[clusters[i]] > 1 ? i : at),
        0,
      );
      const from = clusters[far];
      for (let d = 0; d < D; d++) {
        sums[from * D + d] -= data[far * D + d];
        sums[k * D + d] = data[far * D + d];
      }
      counts[from]--;
      counts[k] = 1;
      clusters[far] = k;
      distances[far] = 0;
    }
    for (let k = 0; k < K; k++) for (let d = 0; d < D; d++) centres[k * D + d] = sums[k * D + d] / counts[k];
  }
}
