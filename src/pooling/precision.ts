import { refuse } from "../base/door.ts";

/** Element types a vector can be handed out in. */
export const PRECISIONS = ["float32", "int8", "uint8", "binary", "ubinary"] as const;
/** Element types a vector can be handed out in: floats, whole numbers of 8 bits, or one bit a number, eight in a byte. */
export type Precision = (typeof PRECISIONS)[number];

/** Smallest and largest value of every dimension, from vectors like those to be quantised. */
export interface Ranges {
  /** [D] */
  readonly least: Float32Array;
  /** [D] */
  readonly most: Float32Array;
}

/**
 * float32 rows [N, D] to bytes, with sentence-transformers' arithmetic (`quantize_embeddings`):
 * - `uint8`: ⌊(x - least) / ((most - least) / 255)⌋ per dimension, in float32, clipped to 0 … 255; `int8` is that less 128;
 * - `ubinary`: one bit a number, 1 where it is above zero, the first in the highest bit, [⌈D/8⌉]; `binary` is that less 128.
 *
 * Without `ranges` they are those of the rows themselves, so a row's bytes then depend on the others.
 */
export function quantizeRows(x: Float32Array, D: number, precision: "int8" | "binary", ranges?: Ranges): Int8Array;
export function quantizeRows(x: Float32Array, D: number, precision: "uint8" | "ubinary", ranges?: Ranges): Uint8Array;
export function quantizeRows(
  x: Float32Array,
  D: number,
  precision: Exclude<Precision, "float32">,
  ranges?: Ranges,
): Int8Array | Uint8Array;
export function quantizeRows(
  x: Float32Array,
  D: number,
  precision: Exclude<Precision, "float32">,
  ranges?: Ranges,
): Int8Array | Uint8Array {
  const bytes =
    precision === "binary" || precision === "ubinary" ? bits(x, D) : buckets(x, D, ranges ?? rangesOf(x, D));
  return precision === "int8" || precision === "binary" ? Int8Array.from(bytes, (b) => b - 128) : bytes;
}

/** `quantizeRows` for rows that stand apart, as `encode` returns them: N rows of [D]. */
export function quantizeEach(
  rows: readonly Float32Array[],
  D: number,
  precision: Exclude<Precision, "float32">,
  ranges: Ranges | undefined,
): (Int8Array | Uint8Array)[] {
  if (ranges !== undefined && (ranges.least?.length !== D || ranges.most?.length !== D)) {
    refuse("ranges", `must hold ${D} numbers each, least and most`);
  }
  if (rows.length === 0) return []; // of no vectors there are no ranges
  const all = new Float32Array(rows.length * D);
  for (const [n, row] of rows.entries()) all.set(row, n * D);
  const bytes = quantizeRows(all, D, precision, ranges);
  const width = bytes.length / rows.length;
  return rows.map((_, n) => bytes.slice(n * width, (n + 1) * width));
}

/** Smallest and largest value of every dimension of rows [N, D]. */
export function rangesOf(x: Float32Array, D: number): Ranges {
  if (x.length <= D) {
    refuse("precision", "needs the ranges of other vectors: give `ranges`");
  }
  const least = x.slice(0, D);
  const most = x.slice(0, D);
  for (let i = D; i < x.length; i++) {
    const d = i % D;
    if (x[i] < least[d]) least[d] = x[i];
    if (x[i] > most[d]) most[d] = x[i];
  }
  return { least, most };
}

/** [N, D] -> [N, D] of 0 … 255. Rounded to float32 after every operation, as the reference computes. */
function buckets(x: Float32Array, D: number, ranges: Ranges): Uint8Array {
  const f = Math.fround;
  const out = new Uint8Array(x.length);
  for (let i = 0; i < x.length; i++) {
    const d = i % D;
    const step = f(f(ranges.most[d] - ranges.least[d]) / 255) || 1; // a constant dimension has no width to divide
    out[i] = Math.min(255, Math.max(0, Math.floor(f(f(x[i] - ranges.least[d]) / step))));
  }
  return out;
}

/** [N, D] -> [N, ⌈D/8⌉] */
function bits(x: Float32Array, D: number): Uint8Array {
  const width = Math.ceil(D / 8);
  const out = new Uint8Array((x.length / D) * width);
  for (let i = 0; i < x.length; i++) {
    const d = i % D;
    if (x[i] > 0) out[((i - d) / D) * width + (d >> 3)] |= 0x80 >> (d & 7);
  }
  return out;
}
