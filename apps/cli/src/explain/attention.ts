import { reference } from "munjang/kernels";

/*
 * Attention as a picture needs its weights, which the engine never writes down. They are made again from query and key by the naive kernels,
 * in float64, and checked: gathered with them, the values must give the context that the engine computed.
 */

/** What one layer's attention saw in a text of T tokens. */
export interface Attention {
  readonly tokens: number;
  readonly heads: number;
  /** How much token t looks at token s in a head, summing to 1 over s: [heads, T, T]. */
  readonly weights: Float64Array;
  /** The largest difference from the engine's own context, as a part of what rounding allows at that place. */
  readonly off: number;
}

/**
 * Of one layer's `qkv` [T, 3H] and the engine's own `context` [T, H].
 * @throws Error where the context is another than these weights gather.
 */
export function attentionOf(qkv: Float32Array, context: Float32Array, T: number, heads: number): Attention {
  const weights = weightsOf(qkv, T, heads);
  const off = difference(qkv, context, weights, T, heads);
  if (!(off <= 1)) {
    throw new Error(
      `attention made again from queries and keys gathers another context than the backend's own, ${off.toPrecision(2)} times as far off as rounding allows: the backend computes wrongly here`,
    );
  }
  return { tokens: T, heads, weights, off };
}

/** Where the values are the rows of the identity, what attention gathers are its weights; D of them at a time, for so wide is a head. */
function weightsOf(qkv: Float32Array, T: number, heads: number): Float64Array {
  const H = qkv.length / T / 3;
  const D = H / heads;
  const { attention } = reference();
  const batch = { ids: none(T), positions: none(T), typeIds: none(T), starts: Int32Array.of(0, T) };
  const gathered = new Float64Array(T * H);
  const weights = new Float64Array(heads * T * T);
  for (let from = 0; from < T; from += D) {
    const to = Math.min(from + D, T);
    const asked = Float64Array.from(qkv, (x, i) => (i % (3 * H) < 2 * H ? x : 0));
    for (let s = from; s < to; s++) {
      for (let head = 0; head < heads; head++) asked[s * 3 * H + 2 * H + head * D + s - from] = 1;
    }
    attention(gathered, asked, batch, heads, H);
    for (let head = 0; head < heads; head++) {
      for (let t = 0; t < T; t++) {
        for (let s = from; s < to; s++) weights[(head * T + t) * T + s] = gathered[t * H + head * D + s - from];
      }
    }
  }
  return weights;
}

function none(T: number): Int32Array {
  return new Int32Array(T);
}

/**
 * The largest difference between context and weights · values, in units of what float32 may be off. A score is a sum of D products, so it may be
 * off by (D + 2) ulps of the sum of their sizes; that moves a weight by twice as large a part of it. Exponentials, their sum and the sum over
 * values add some ulps for every token.
 */
function difference(qkv: Float32Array, context: Float32Array, weights: Float64Array, T: number, heads: number): number {
  const ULP = 2 ** -24;
  const H = context.length / T;
  const D = H / heads;
  let worst = 0;
  for (let head = 0; head < heads; head++) {
    const [q, k, v] = [0, H, 2 * H].map((part) => part + head * D);
    for (let t = 0; t < T; t++) {
      let score = 0;
      for (let s = 0; s < T; s++) {
        let sizes = 0;
        for (let d = 0; d < D; d++) sizes += Math.abs(qkv[t * 3 * H + q + d] * qkv[s * 3 * H + k + d]);
        score = Math.max(score, sizes / Math.sqrt(D));
      }
      const part = (2 * (D + 2) * score + T + 32) * ULP;
      for (let d = 0; d < D; d++) {
        let [sum, size] = [0, 0];
        for (let s = 0; s < T; s++) {
          const value = qkv[s * 3 * H + v + d];
          sum += weights[(head * T + t) * T + s] * value;
          size = Math.max(size, Math.abs(value));
        }
        const off = Math.abs(context[t * H + head * D + d] - sum);
        if (!(off <= worst * part * size)) worst = Number.isNaN(off) ? off : off / (part * size);
        if (Number.isNaN(worst)) return worst;
      }
    }
  }
  return worst;
}

/** [T, T] of one head, or the mean of all. */
export function headOf({ tokens, heads, weights }: Attention, head: number | undefined): Float64Array {
  const size = tokens * tokens;
  if (head !== undefined) return weights.slice(head * size, (head + 1) * size);
  const mean = new Float64Array(size);
  for (let i = 0; i < weights.length; i++) mean[i % size] += weights[i] / heads;
  return mean;
}
