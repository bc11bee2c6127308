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
  const used = s.length - s.skip; // tokens that count
  const mean = (divisor: number, weighted = false): void => sum(out, at, hidden, H, s, divisor, weighted);
  switch (mode) {
    case "cls":
      // The first token that counts; with nothing left, the first of all (as torch's argmax over an empty mask answers).
      copyRow(out, at, hidden, H, s.start + (used > 0 ? s.skip : 0), 1);
      break;
    case "lasttoken":
      copyRow(out, at, hidden, H, s.start + Math.max(s.length - 1, 0), used > 0 ? 1 : 0);
      break;
    case "max":
      largest(out, at, hidden, H, s);
      break;
    case "mean":
      mean(Math.max(used, 1e-9));
      break;
    case "mean_sqrt_len_tokens":
      mean(Math.sqrt(Math.max(used, 1e-9)));
      break;
    case "weightedmean": // Weights 1, 2, 3, … count from the first token of the text, whether or not a prompt is left out.
      mean(Math.max((used * (s.length + s.skip + 1)) / 2, 1e-9), true);
      break;
  }
}

function copyRow(out: Float32Array, at: number, hidden: Float32Array, H: number, row: number, times: 0 | 1): void {
  for (let h = 0; h < H; h++) out[at + h] = times * hidden[row * H + h];
}

function largest(out: Float32Array, at: number, hidden: Float32Array, H: number, s: Segment): void {
  for (let h = 0; h < H; h++) {
    let most = -Infinity;
    for (let t = s.skip; t < s.length; t++) most = Math.max(most, hidden[(s.start + t) * H + h]); // keeps a NaN
    out[at + h] = most;
  }
}

/** No function is called for each number: every one that comes out of such a call is 12 bytes of garbage, 14 MB for 20 sentences. */
function sum(
  out: Float32Array,
  at: number,
  hidden: Float32Array,
  H: number,
  s: Segment,
  divisor: number,
  weighted: boolean,
): void {
  for (let h = 0; h < H; h++) {
    let sum = 0;
    for (let t = s.skip; t < s.length; t++) sum += (weighted ? t + 1 : 1) * hidden[(s.start + t) * H + h];
    out[at + h] = sum / divisor;
  }
}
