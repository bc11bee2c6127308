import { expect } from "vitest";
import type { Golden } from "../golden/read.ts";

/**
 * How near the rows of a golden model's texts are to float64's: the largest difference, relative to the row's largest element where weights have
 * outlier channels, and the least cosine.
 */
export function nearness(golden: Golden, rows: readonly ArrayLike<number>[]): { worst: number; cosine: number } {
  expect(rows.length).toBe(golden.texts.length);
  let [worst, cosine] = [0, 1];
  for (const [n, { vector }] of golden.texts.entries()) {
    const [row, want] = [rows[n], vector.exact];
    expect(row.length).toBe(want.length);
    const size = golden.outliers ? Math.max(1, ...want.map(Math.abs)) : 1;
    let [dot, a, b] = [0, 0, 0];
    for (let i = 0; i < want.length; i++) {
      // A NaN is as far off as can be.
      const off = Math.abs(row[i] - want[i]) / size;
      worst = Number.isNaN(off) ? Number.POSITIVE_INFINITY : Math.max(worst, off);
      dot += row[i] * want[i];
      a += row[i] * row[i];
      b += want[i] * want[i];
    }
    cosine = Math.min(cosine, dot / Math.sqrt(a * b));
  }
  return { worst, cosine };
}
