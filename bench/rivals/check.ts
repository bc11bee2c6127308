/** Whether an engine computes the right thing, before anybody times it. */
import type { EngineSpec } from "./engines.ts";
import type { Check } from "./state.ts";

/** Elements of float32 engines may differ by this much, and cosines of int8 engines must be this high. */
const WORST = 1e-4;
const COSINE = 0.99;

export interface Difference {
  /** Of an element. */
  readonly worst: number;
  /** Smallest of the rows. */
  readonly cosine: number;
}

/** Two sets of vectors, [rows, H] both. A NaN anywhere, or another size, is as wrong as can be. */
export function compare(got: Float32Array, expected: Float32Array, rows: number): Difference {
  if (rows === 0 || got.length !== expected.length || got.some(Number.isNaN)) {
    return { worst: Number.POSITIVE_INFINITY, cosine: -1 };
  }
  let [worst, cosine] = [0, 1];
  const H = got.length / rows;
  for (let n = 0; n < rows; n++) {
    let [ab, aa, bb] = [0, 0, 0];
    for (let i = n * H; i < (n + 1) * H; i++) {
      const [a, b] = [got[i], expected[i]];
      ab += a * b;
      aa += a * a;
      bb += b * b;
      worst = Math.max(worst, Math.abs(a - b));
    }
    cosine = Math.min(cosine, aa * bb === 0 ? -1 : ab / Math.sqrt(aa * bb));
  }
  return { worst, cosine };
}

export function judge(differences: readonly Difference[], precision: EngineSpec["precision"], against: string): Check {
  const worst = Math.max(...differences.map((difference) => difference.worst));
  const cosine = Math.min(...differences.map((difference) => difference.cosine));
  return { worst, cosine, against, passed: precision === "int8" ? cosine >= COSINE : worst <= WORST };
}
