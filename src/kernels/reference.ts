import type { Batch } from "../base/batch.ts";
import type { Tensor } from "../base/tensor.ts";
import type { Activation, Embeddings, Kernels, Linear, Norm } from "./kernels.ts";

/**
 * The naive backend: every operation as its formula, in float64 from end to end. It is the oracle the fast backends are tested
 * against and the place to learn what they compute, so it shares no arithmetic with them: exp and tanh are the engine's own
 * `Math.exp` and `Math.tanh` here (and only here), erf is summed from its series.
 */
export function reference(): Kernels<Float64Array> {
  return { name: "reference", alloc, write, prepare, read, dispose, embed, linear, attention, layerNorm };
}

function alloc(length: number): Float64Array {
  return new Float64Array(length);
}

function write(to: Float64Array, values: Float32Array): void {
  to.set(values);
}

function prepare(weight: Tensor<Float32Array>, bias: Tensor<Float32Array>): Linear<Float64Array> {
  return { weight: flat(weight), bias: flat(bias), in: weight.shape[1], out: weight.shape[0] };
}

async function read(from: Float64Array, length: number): Promise<Float32Array> {
  return Float32Array.from(from.subarray(0, length));
}

async function dispose(): Promise<void> {}

/** (word + position) + type.   [T,H] */
function embed(
  out: Float64Array,
  words: Float64Array,
  tables: Embeddings<Float64Array>,
  batch: Batch,
  H: number,
): void {
  for (let t = 0; t < batch.ids.length; t++) {
    for (let h = 0; h < H; h++) {
      const position = tables.position[batch.positions[t] * H + h];
      const type = tables.type[batch.typeIds[t] * H + h];
      out[t * H + h] = words[t * H + h] + position + type;
    }
  }
}

/** [T,in] -> [T,out] */
function linear(out: Float64Array, x: Float64Array, w: Linear<Float64Array>, T: number, act?: Activation): void {
  for (let t = 0; t < T; t++) {
    for (let o = 0; o < w.out; o++) {
      let sum = w.bias[o];
      for (let i = 0; i < w.in; i++) sum += x[t * w.in + i] * w.weight[o * w.in + i];
      out[t * w.out + o] = act === undefined ? sum : activate(act, sum);
    }
  }
}

/** Every token of a sentence looks at every token of it, in each head apart.   [T,3H] -> [T,H] */
function attention(out: Float64Array, qkv: Float64Array, batch: Batch, heads: number, H: number): void {
  const D = H / heads; // numbers a head
  for (let n = 0; n + 1 < batch.starts.length; n++) {
    const first = batch.starts[n];
    const end = batch.starts[n + 1];
    for (let head = 0; head < heads; head++) {
      const q = head * D; // columns of this head's query, key and value in a row of qkv
      const k = H + head * D;
      const v = 2 * H + head * D;
      for (let t = first; t < end; t++) {
        const scores: number[] = []; // [L]
        for (let s = first; s < end; s++) {
          let dot = 0;
          for (let d = 0; d < D; d++) dot += qkv[t * 3 * H + q + d] * qkv[s * 3 * H + k + d];
          scores.push(dot / Math.sqrt(D));
        }
        const weights = softmax(scores); // [L], summing to 1
        for (let d = 0; d < D; d++) {
          let sum = 0;
          for (let s = first; s < end; s++) sum += weights[s - first] * qkv[s * 3 * H + v + d];
          out[t * H + head * D + d] = sum;
        }
      }
    }
  }
}

/** [T,H] -> [T,H] */
function layerNorm(
  out: Float64Array,
  x: Float64Array,
  residual: Float64Array | null,
  norm: Norm<Float64Array>,
  T: number,
  H: number,
): void {
  for (let t = 0; t < T; t++) {
    const y = Array.from({ length: H }, (_, h) => x[t * H + h] + (residual === null ? 0 : residual[t * H + h]));
    const mean = y.reduce((sum, v) => sum + v, 0) / H;
    const variance = y.reduce((sum, v) => sum + (v - mean) ** 2, 0) / H;
    for (let h = 0; h < H; h++) {
      out[t * H + h] = ((y[h] - mean) / Math.sqrt(variance + norm.epsilon)) * norm.gain[h] + norm.shift[h];
    }
  }
}

/** exp(x) / Σ exp(x), shifted by the largest so that nothing overflows. */
export function softmax(x: readonly number[]): number[] {
  const largest = x.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = x.map((v) => Math.exp(v - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((p) => p / sum);
}

export function activate(act: Activation, x: number): number {
  switch (act) {
    case "relu":
      return Math.max(0, x);
    case "gelu":
      return (x / 2) * (1 + erf(x / Math.SQRT2));
    case "gelu_tanh":
      return (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
  }
}

/**
 * erf x = 2/√π · e^(-x²) · Σ 2ⁿ x^(2n+1) / (1·3·5 … (2n+1)), all terms of one sign (Abramowitz and Stegun 7.1.6); 1 beyond 6, where the
 * difference from 1 is below 3e-17.
 */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

function flat(t: Tensor<Float32Array>): Float64Array {
  return Float64Array.from(t.data.subarray(t.offset, t.offset + t.shape.reduce((n, d) => n * d, 1)));
}
