import type { Rows } from "./vectors.ts";

/**
 * How much nearer each row is to its own cluster than to the next one, -1 to 1, [N] (Rousseeuw 1987, with cosine distances). Rows of no cluster
 * (-1) do not count and have NaN; a row alone in its cluster has 0. Exact for any number of rows: the mean cosine with a cluster is the
 * product with the mean of its rows.
 */
export function silhouettes({ count: N, width: D, data }: Rows, clusters: Int32Array): Float64Array {
  const K = clusters.reduce((most, k) => Math.max(most, k), -1) + 1;
  const counts = new Int32Array(K);
  const sums = new Float64Array(K * D);
  for (let i = 0; i < N; i++) {
    const k = clusters[i];
    if (k < 0) continue;
    counts[k]++;
    for (let d = 0; d < D; d++) sums[k * D + d] += data[i * D + d];
  }
  const values = new Float64Array(N).fill(Number.NaN);
  for (let i = 0; i < N; i++) {
    const own = clusters[i];
    if (own < 0) continue;
    let inside = 0;
    let next = Number.POSITIVE_INFINITY;
    for (let k = 0; k < K; k++) {
      let cosines = 0;
      for (let d = 0; d < D; d++) cosines += data[i * D + d] * sums[k * D + d];
      if (k !== own && counts[k] > 0) next = Math.min(next, 1 - cosines / counts[k]);
      if (k === own) {
        let self = 0;
        for (let d = 0; d < D; d++) self += data[i * D + d] * data[i * D + d];
        inside = counts[k] === 1 ? 0 : 1 - (cosines - self) / (counts[k] - 1);
      }
    }
    const larger = Math.max(inside, next);
    values[i] = counts[own] === 1 || larger === 0 || next === Number.POSITIVE_INFINITY ? 0 : (next - inside) / larger;
  }
  return values;
}

/** Mean silhouette; NaN where there are fewer than two clusters. */
export function meanSilhouette(rows: Rows, clusters: Int32Array): number {
  const known = silhouettes(rows, clusters).filter((value) => !Number.isNaN(value));
  const several = new Set(clusters.filter((k) => k >= 0)).size > 1;
  return several ? known.reduce((sum, value) => sum + value, 0) / known.length : Number.NaN;
}
