/*
 * Hidden states to one vector a sentence. The sentence's tokens are a segment of rows, so a masked mean is a mean over that segment;
 * sums run in float64, in token order, and are rounded to float32 once.
 *
 * Formulas: sentence-transformers, modules/pooling.py.
 */

/** The pooling modes by the names they have in the newer `1_Pooling/config.json`. */
export const POOLING_MODES = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"] as const;
export type PoolingMode = (typeof POOLING_MODES)[number];

/** Where a sentence stands among the hidden states of its batch. */
export interface Segment {
  /** Row of its first token. */
  readonly start: number;
  /** Its tokens, [CLS] and [SEP] included. */
  readonly length: number;
  /** Leading tokens that pooling leaves out: those of the prompt, where the model asks for that; 0 otherwise. */
  readonly skip: number;
}

/** Pools one sentence of `hidden` [T, H] in one mode into `out[at … at + H]`. */
export function pool(
  out: Float32Array,
  at: number,
  hidden: Float32Array,
  H: number,
  s: Segment,
  mode: PoolingMode,
): void {
  const { start, length, skip } = s;
  const used = length - skip; // tokens that count
  const cell = (token: number, h: number): number => hidden[(start + token) * H + h];
  /** Every column by itself: its numbers, in the order of the tokens that count, to one. */
  const fold = (first: number, step: (sum: number, x: number, token: number) => number, divisor = 1): void => {
    for (let h = 0; h < H; h++) {
      let sum = first;
      for (let t = skip; t < length; t++) sum = step(sum, cell(t, h), t);
      out[at + h] = sum / divisor;
    }
  };
  const take = (token: number, times: number): void => {
    for (let h = 0; h < H; h++) out[at + h] = times * cell(token, h);
  };
  switch (mode) {
    case "cls":
      // The first token that counts; with nothing left, the first of all (as torch's argmax over an empty mask answers).
      take(used > 0 ? skip : 0, 1);
      break;
    case "lasttoken":
      take(Math.max(length - 1, 0), used > 0 ? 1 : 0);
      break;
    case "max":
      fold(-Infinity, (most, x) => Math.max(most, x)); // keeps a NaN
      break;
    case "mean":
      fold(0, (sum, x) => sum + x, Math.max(used, 1e-9));
      break;
    case "mean_sqrt_len_tokens":
      fold(0, (sum, x) => sum + x, Math.sqrt(Math.max(used, 1e-9)));
      break;
    case "weightedmean": // Weights 1, 2, 3, … count from the first token of the text, whether or not a prompt is left out.
      fold(0, (sum, x, t) => sum + (t + 1) * x, Math.max((used * (length + skip + 1)) / 2, 1e-9));
      break;
  }
}
