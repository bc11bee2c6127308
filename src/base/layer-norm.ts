/** LayerNorm of x, or of x + residual, with float64 inside. Two passes: the variance around a mean already known loses nothing to cancellation.   [T,H] -> [T,H] */
export function layerNorm(
  out: Float32Array,
  x: Float32Array,
  residual: Float32Array | null,
  norm: { readonly gain: Float32Array; readonly shift: Float32Array; readonly epsilon: number },
  T: number,
  H: number,
): void {
  const { gain, shift, epsilon } = norm;
  for (let t = 0; t < T; t++) {
    const from = t * H;
    let sum = 0;
    for (let h = 0; h < H; h++) sum += residual === null ? x[from + h] : x[from + h] + residual[from + h];
    const mean = sum / H;
    let squares = 0;
    for (let h = 0; h < H; h++) {
      const off = (residual === null ? x[from + h] : x[from + h] + residual[from + h]) - mean;
      squares += off * off;
    }
    const scale = 1 / Math.sqrt(squares / H + epsilon);
    for (let h = 0; h < H; h++) {
      const y = residual === null ? x[from + h] : x[from + h] + residual[from + h];
      out[from + h] = (y - mean) * scale * gain[h] + shift[h];
    }
  }
}
