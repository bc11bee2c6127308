import { checkOneOf, refuse } from "../base/door.ts";
import { dot } from "./rows.ts";

/** How near two vectors are: larger is nearer in all four, so the two distances are negative, as in sentence-transformers. */
export const SIMILARITY_FUNCTIONS = ["cosine", "dot", "euclidean", "manhattan"] as const;
/** How near two vectors are: larger is nearer in all four, so the two distances are negative. */
export type SimilarityFunction = (typeof SIMILARITY_FUNCTIONS)[number];

/** Every row of `a` against every row of `b`: row i of the result holds the similarities of a[i], [|a|] rows of [|b|]. */
export function similarity(
  a: readonly Float32Array[],
  b: readonly Float32Array[],
  by: SimilarityFunction = "cosine",
): Float32Array[] {
  check([...a, ...b], by);
  // Norms once a row, not once a pair.
  const norms = by === "cosine" ? b.map(norm) : [];
  return a.map((x) => {
    const own = norm(x);
    const row = new Float32Array(b.length);
    for (let j = 0; j < b.length; j++) row[j] = near(x, b[j], by, own * norms[j]);
    return row;
  });
}

/** Row i of `a` against row i of `b`: [N]. */
export function similarityPairwise(
  a: readonly Float32Array[],
  b: readonly Float32Array[],
  by: SimilarityFunction = "cosine",
): Float32Array {
  if (a.length !== b.length) {
    refuse("similarityPairwise", `takes as many rows on both sides, not ${a.length} and ${b.length}`);
  }
  check([...a, ...b], by);
  return Float32Array.from(a, (x, i) => near(x, b[i], by));
}

/** One similarity, in float64. `norms` is the product of both norms, where it is known. */
export function near(x: Float32Array, y: Float32Array, by: SimilarityFunction, norms?: number): number {
  if (by === "cosine") return dot(x, 0, y, 0, x.length) / (norms ?? norm(x) * norm(y));
  if (by === "dot") return dot(x, 0, y, 0, x.length);
  const euclidean = by === "euclidean";
  let sum = 0;
  for (let i = 0; i < x.length; i++) {
    const off = Math.abs(x[i] - y[i]);
    sum += euclidean ? off * off : off;
  }
  return -(euclidean ? Math.sqrt(sum) : sum);
}

/** A zero vector is as far from everything as a norm of 1e-12 makes it, as in torch. */
export function norm(x: Float32Array): number {
  return Math.max(Math.sqrt(dot(x, 0, x, 0, x.length)), 1e-12);
}

function check(rows: readonly Float32Array[], by: SimilarityFunction): void {
  checkOneOf("similarityFunction", by, SIMILARITY_FUNCTIONS);
  const D = rows[0]?.length ?? 0;
  for (const row of rows) {
    if (!(row instanceof Float32Array))
      refuse("similarity", "must be rows of Float32Array, as encode returns them", row);
    if (row.length !== D) refuse("similarity", `rows of ${D} and of ${row.length} numbers`);
  }
}
