import type { Batch } from "../../src/base/batch.ts";
import type { Activation } from "../../src/kernels/kernels.ts";

/*
 * The wasm backend's arithmetic once more, one float32 operation at a time, as the rules of docs/kernels.md put it and nothing else: no
 * tiles, no panels, no lanes side by side. A double holds the exact product of two float32, and its sum, quotient and root are rounded so
 * late that rounding them again to float32 gives what rounding once would: so `f` around each operation is float32 arithmetic, to the bit.
 */
const f = Math.fround;

/** Products summed in one chain. */
const K_BLOCK = 256;

/** base + Σ a[i] · b[i], i from 0 to length: each block of 256 a chain from zero, multiply then add; the blocks added in order. */
function dot(base: number, length: number, a: (i: number) => number, b: (i: number) => number): number {
  let total = base;
  for (let start = 0; start < length; start += K_BLOCK) {
    let chain = 0;
    for (let i = start; i < Math.min(start + K_BLOCK, length); i++) chain = f(chain + f(a(i) * b(i)));
    total = f(total + chain);
  }
  return total;
}

/** The sum of a row: lane j takes j, j + 4, …; lanes join (0 + 2) + (1 + 3). */
function rowSum(values: readonly number[]): number {
  const lanes = [0, 1, 2, 3].map((lane) => {
    let sum = 0;
    for (let i = lane; i < values.length; i += 4) sum = f(sum + values[i]);
    return sum;
  });
  return f(f(lanes[0] + lanes[2]) + f(lanes[1] + lanes[3]));
}

/** c0 + x · (c1 + x · (c2 + …)) */
function polynomial(x: number, coefficients: readonly number[]): number {
  return coefficients.map(f).reduceRight((sum, c) => f(c + f(x * sum)));
}

/** 2^n, by its bits. */
function powerOfTwo(n: number): number {
  return new Float32Array(Int32Array.of((n + 127) << 23).buffer)[0];
}

/** The whole number nearest x, ties to even. */
function nearest(x: number): number {
  const low = Math.floor(x);
  const over = x - low;
  return over > 0.5 || (over === 0.5 && low % 2 !== 0) ? low + 1 : low;
}

/** e^x within -86.6 … 86.6: x = n ln 2 + r, and e^r = 1 + r + r² q(r). */
function expWithin(x: number): number {
  if (Number.isNaN(x)) return x;
  const n = nearest(f(x * f(Math.LOG2E)));
  const r = f(f(x - f(n * 0.693359375)) - f(n * f(-2.1219444005469057e-4)));
  const q = polynomial(
    r,
    [0.4999999403953552, 0.1666652113199234, 0.04166838899254799, 0.008368710987269878, 0.0013814610429108143],
  );
  return f(f(1 + f(r + f(f(r * r) * q))) * powerOfTwo(n));
}

const LEAST = f(-86.6);

/** e^x for x <= 0; 0 below -86.6. */
export function expOfNegative(x: number): number {
  return x < LEAST ? 0 : expWithin(x);
}

/** Each activation, of one number. */
export const activations: Readonly<Record<Activation, (x: number) => number>> = {
  /** max(x, 0) - a · Φ(-a), a = |x|, Φ(-a) = e^(-a²/2) · n(a) / d(a). */
  gelu(x) {
    const a = Math.abs(x) > 13 ? 13 : Math.abs(x);
    const power = expWithin(f(f(a * a) * -0.5));
    const above = polynomial(a, [0.5, 0.30218455, 0.0885144, 0.01034145]);
    const below = polynomial(a, [1, 1.40225344, 0.79586777, 0.22051517, 0.02599346]);
    return f(activations.relu(x) - f(f(f(a * power) * above) / below));
  },
  /** x / (1 + e^(-2u)), u = √(2/π) (x + 0.044715 x³). */
  gelu_tanh(x) {
    const cubic = f(x + f(f(0.044715) * f(f(x * x) * x)));
    const exponent = f(cubic * f(-1.5957691216057308));
    const within = exponent < LEAST ? LEAST : exponent > -LEAST ? -LEAST : exponent;
    return f(x / f(1 + expWithin(within)));
  },
  relu: (x) => (x < 0 ? 0 : x),
};

/** [T,K] · [N,K] + bias [N] -> [T,N] */
export function linear(
  x: Float32Array,
  weight: Float32Array,
  bias: Float32Array,
  T: number,
  act?: Activation,
): Float32Array {
  const N = bias.length;
  const K = weight.length / N;
  return Float32Array.from({ length: T * N }, (_, i) => {
    const [t, n] = [Math.floor(i / N), i % N];
    const y = dot(
      bias[n],
      K,
      (k) => x[t * K + k],
      (k) => weight[n * K + k],
    );
    return act === undefined ? y : activations[act](y);
  });
}

/** Times scale, less the largest, e to that, times one reciprocal of their sum. */
export function softmax(scores: readonly number[], scale: number): number[] {
  const scaled = scores.map((score) => f(score * scale));
  const largest = Math.max(...scaled);
  const powers = scaled.map((x) => expOfNegative(f(x - largest)));
  const reciprocal = f(1 / rowSum(powers));
  return powers.map((power) => f(power * reciprocal));
}

/** [T,3H] -> [T,H] */
export function attention(qkv: Float32Array, batch: Batch, heads: number, H: number): Float32Array {
  const D = H / heads;
  const scale = f(1 / Math.sqrt(D));
  const out = new Float32Array(batch.ids.length * H);
  for (let n = 0; n + 1 < batch.starts.length; n++) {
    const [first, L] = [batch.starts[n], batch.starts[n + 1] - batch.starts[n]];
    for (let head = 0; head < heads; head++) {
      /** Column d of this head's query (part 0), key (1) or value (2) of token t. */
      const at = (part: number, t: number, d: number): number => qkv[(first + t) * 3 * H + part * H + head * D + d];
      for (let t = 0; t < L; t++) {
        const scores = Array.from({ length: L }, (_, s) =>
          dot(
            0,
            D,
            (d) => at(0, t, d),
            (d) => at(1, s, d),
          ),
        );
        const weights = softmax(scores, scale);
        for (let d = 0; d < D; d++) {
          out[(first + t) * H + head * D + d] = dot(
            0,
            L,
            (s) => weights[s],
            (s) => at(2, s, d),
          );
        }
      }
    }
  }
  return out;
}

/** [T,H] -> [T,H]: two passes, one division for the reciprocal of the root. */
export function layerNorm(
  x: Float32Array,
  residual: Float32Array | null,
  { gain, shift, epsilon }: { gain: Float32Array; shift: Float32Array; epsilon: number },
  T: number,
): Float32Array {
  const H = gain.length;
  const out = new Float32Array(T * H);
  for (let t = 0; t < T; t++) {
    const y = Array.from({ length: H }, (_, h) =>
      residual === null ? x[t * H + h] : f(x[t * H + h] + residual[t * H + h]),
    );
    const mean = f(rowSum(y) / H);
    const off = y.map((value) => f(value - mean));
    const variance = f(rowSum(off.map((value) => f(value * value))) / H);
    const scale = f(1 / f(Math.sqrt(f(variance + f(epsilon)))));
    for (let h = 0; h < H; h++) out[t * H + h] = f(f(f(off[h] * scale) * gain[h]) + shift[h]);
  }
  return out;
}

/** (word + position) + type.   [T,H] */
export function embed(
  words: Float32Array,
  tables: { position: Float32Array; type: Float32Array },
  batch: Batch,
  H: number,
): Float32Array {
  return words.map((word, i) => {
    const [t, h] = [Math.floor(i / H), i % H];
    return f(f(word + tables.position[batch.positions[t] * H + h]) + tables.type[batch.typeIds[t] * H + h]);
  });
}
