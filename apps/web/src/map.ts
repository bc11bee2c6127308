/**
 * The first two principal components of vectors, [N][2], scaled to -1 … 1: the two directions in which they differ most, found by applying the
 * covariance again and again to a direction until it stays. Points of `others` follow: laid down by the same directions, no further out than 1.
 */
export function twoDimensions(vectors: readonly Float32Array[], others: readonly Float32Array[] = []): Float32Array {
  const [N, D] = [vectors.length, vectors[0]?.length ?? 0];
  const points = new Float32Array(2 * (N + others.length));
  if (N < 2) return points;
  const mean = new Float64Array(D);
  for (const vector of vectors) for (let d = 0; d < D; d++) mean[d] += vector[d] / N;
  const found: Float64Array[] = [];
  for (const axis of [0, 1]) {
    // Any direction that is not at right angles to the one sought.
    let direction = Float64Array.from({ length: D }, (_, d) => Math.sin(1 + d * (axis + 1)));
    for (let turn = 0; turn < 60; turn++) {
      const next = new Float64Array(D);
      for (const vector of vectors) {
        let along = 0;
        for (let d = 0; d < D; d++) along += (vector[d] - mean[d]) * direction[d];
        for (let d = 0; d < D; d++) next[d] += along * (vector[d] - mean[d]);
      }
      for (const other of found) {
        let along = 0;
        for (let d = 0; d < D; d++) along += next[d] * other[d];
        for (let d = 0; d < D; d++) next[d] -= along * other[d];
      }
      const size = Math.sqrt(next.reduce((sum, x) => sum + x * x, 0));
      if (size < 1e-12) break;
      direction = next.map((x) => x / size);
    }
    found.push(direction);
    let most = 1e-12;
    for (const [n, vector] of [...vectors, ...others].entries()) {
      let along = 0;
      for (let d = 0; d < D; d++) along += (vector[d] - mean[d]) * direction[d];
      points[2 * n + axis] = along;
      if (n < N) most = Math.max(most, Math.abs(along));
    }
    for (let i = axis; i < points.length; i += 2) points[i] = Math.max(-1, Math.min(1, points[i] / most));
  }
  return points;
}
