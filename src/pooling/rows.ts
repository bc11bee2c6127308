import { gelu, relu } from "../base/activations.ts";
import { layerNorm } from "../base/layer-norm.ts";
import { sigmoid, tanh } from "../base/math.ts";

/*
 * What may follow pooling: each turns rows of float32 into rows of float32, [N, in] -> [N, out], with float64 inside and one rounding.
 */

/** Functions a Dense module may end in. `gelu` is the erf form, as `torch.nn.GELU` is. */
export type DenseActivation = "identity" | "tanh" | "relu" | "gelu" | "sigmoid";

export interface DenseLayer {
  /** [out, in] */
  readonly weight: Float32Array;
  /** [out] */
  readonly bias: Float32Array;
  readonly in: number;
  readonly out: number;
  readonly activation: DenseActivation;
  /** What is added after the activation: nothing, the input itself (in = out), or the input through a layer without bias, [out, in]. */
  readonly residual: "none" | "input" | Float32Array;
}

/** act(W x + b), and the residual.   [N, in] -> [N, out] */
export function dense(x: Float32Array, layer: DenseLayer): Float32Array {
  const { in: K, out: M, residual } = layer;
  const act = ACTIVATIONS[layer.activation];
  const N = x.length / K;
  const y = new Float32Array(N * M);
  for (let n = 0; n < N; n++) {
    for (let m = 0; m < M; m++) {
      let value = act(layer.bias[m] + dot(x, n * K, layer.weight, m * K, K));
      if (residual === "input") value += x[n * K + m];
      else if (residual !== "none") value += dot(x, n * K, residual, m * K, K);
      y[n * M + m] = value;
    }
  }
  return y;
}

/** x / max(‖x‖, 1e-12), row by row.   [N, D] -> [N, D] */
export function normalizeRows(x: Float32Array, D: number): Float32Array {
  const y = new Float32Array(x.length);
  for (let from = 0; from < x.length; from += D) {
    const norm = Math.max(Math.sqrt(dot(x, from, x, from, D)), 1e-12);
    for (let d = 0; d < D; d++) y[from + d] = x[from + d] / norm;
  }
  return y;
}

/** LayerNorm over each row, epsilon 1e-5 (torch's default, which the module never changes).   [N, D] -> [N, D] */
export function layerNormRows(x: Float32Array, gain: Float32Array, shift: Float32Array): Float32Array {
  const y = new Float32Array(x.length);
  layerNorm(y, x, null, { gain, shift, epsilon: 1e-5 }, x.length / gain.length, gain.length);
  return y;
}

/** The first `D` numbers of every row.   [N, width] -> [N, D] */
export function firstColumns(x: Float32Array, width: number, D: number): Float32Array {
  if (D >= width) return x;
  const N = x.length / width;
  const y = new Float32Array(N * D);
  for (let n = 0; n < N; n++) y.set(x.subarray(n * width, n * width + D), n * D);
  return y;
}

/** Σ a[i] · b[i], in order, in float64. */
export function dot(a: Float32Array, atA: number, b: Float32Array, atB: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += a[atA + i] * b[atB + i];
  return sum;
}

const ACTIVATIONS: Readonly<Record<DenseActivation, (x: number) => number>> = {
  identity: (x) => x,
  tanh,
  relu,
  gelu,
  sigmoid,
};
