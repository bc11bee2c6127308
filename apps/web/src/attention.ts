/**
 * What each token looks at, [heads][T][T], from the queries and keys of `layer i qkv`, [T][q | k | v]: softmax(q kᵀ / √D), each row adding up
 * to 1. The engine's kernels do not keep it, so it is worked out again.
 */
export function attentionOf(qkv: Float32Array, T: number, heads: number): Float32Array {
  const H = qkv.length / (3 * T);
  const D = H / heads;
  const weights = new Float32Array(heads * T * T);
  const scores = new Float64Array(T);
  for (let head = 0; head < heads; head++) {
    for (let t = 0; t < T; t++) {
      const q = t * 3 * H + head * D;
      for (let s = 0; s < T; s++) {
        const k = s * 3 * H + H + head * D;
        let dot = 0;
        for (let d = 0; d < D; d++) dot += qkv[q + d] * qkv[k + d];
        scores[s] = dot / Math.sqrt(D);
      }
      const most = Math.max(...scores);
      let sum = 0;
      for (let s = 0; s < T; s++) {
        scores[s] = Math.exp(scores[s] - most);
        sum += scores[s];
      }
      for (let s = 0; s < T; s++) weights[(head * T + t) * T + s] = scores[s] / sum;
    }
  }
  return weights;
}
