import { breathe } from "../../base/breathe.ts";
import { checkFields, checkOneOf, refuse } from "../../base/door.ts";
import { near, norm, SIMILARITY_FUNCTIONS, type SimilarityFunction } from "../similarity.ts";

/** How near two rows are, larger is nearer: by name, or a function of one's own, which must be symmetric for `paraphraseMining`. */
export type ScoreFunction = SimilarityFunction | ((a: Float32Array, b: Float32Array) => number);

/** What all searches may be told. */
export interface SearchControl {
  /** Called now and then with the number of comparisons done. */
  onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
  /** Stops soon; the promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** Rows compared while they are in the processor's cache. */
export const BLOCK = 512;

/**
 * Writes the scores of row i of `a` with rows `from` to `to` of `b` into `out`, from 0 on. The bits are those of `similarity`: sums in order,
 * in float64, rounded once to float32.
 */
export type Scores = (i: number, from: number, to: number, out: Float64Array) => void;

export function scoresOf(a: readonly Float32Array[], b: readonly Float32Array[], by: ScoreFunction): Scores {
  if (typeof by === "function") {
    return (i, from, to, out) => {
      for (let j = from; j < to; j++) out[j - from] = known(by(a[i], b[j]), i, j);
    };
  }
  if (by === "dot") return products(a, b);
  if (by === "cosine") {
    const lengths = Float64Array.from(b, norm);
    return cosines(a, a === b ? lengths : Float64Array.from(a, norm), b, lengths);
  }
  return (i, from, to, out) => {
    for (let j = from; j < to; j++) out[j - from] = known(Math.fround(near(a[i], b[j], by)), i, j);
  };
}

/** Cosines of rows whose norms are known. */
export function cosines(
  a: readonly Float32Array[],
  normsOfA: Float64Array,
  b: readonly Float32Array[],
  normsOfB: Float64Array,
): Scores {
  return products(a, b, (sum, i, j) => sum / (normsOfA[i] * normsOfB[j]));
}

function products(
  a: readonly Float32Array[],
  b: readonly Float32Array[],
  finish: (sum: number, i: number, j: number) => number = (sum) => sum,
): Scores {
  return (i, from, to, out) => {
    const x = a[i];
    const D = x.length;
    let j = from;
    // Four rows at a time: four sums that do not wait for each other, each in the order of one alone.
    for (; j + 4 <= to; j += 4) {
      const [y0, y1, y2, y3] = [b[j], b[j + 1], b[j + 2], b[j + 3]];
      let [s0, s1, s2, s3] = [0, 0, 0, 0];
      for (let d = 0; d < D; d++) {
        const value = x[d];
        s0 += value * y0[d];
        s1 += value * y1[d];
        s2 += value * y2[d];
        s3 += value * y3[d];
      }
      out[j - from] = s0;
      out[j - from + 1] = s1;
      out[j - from + 2] = s2;
      out[j - from + 3] = s3;
    }
    for (; j < to; j++) {
      const y = b[j];
      let sum = 0;
      for (let d = 0; d < D; d++) sum += x[d] * y[d];
      out[j - from] = sum;
    }
    for (j = from; j < to; j++) out[j - from] = known(Math.fround(finish(out[j - from], i, j)), i, j);
  };
}

/** A score that is not a number is neither near nor far. */
function known(score: number, i: number, j: number): number {
  if (typeof score !== "number" || Number.isNaN(score))
    refuse("score", `is not a number for rows ${i} and ${j}`, score);
  return score;
}

/** Counts comparisons; tells of them, gives the event loop a turn, and sees an abort, every some milliseconds of arithmetic. */
export function pacer(
  total: number,
  D: number,
  { onProgress, signal }: SearchControl,
): (pairs: number) => Promise<void> | undefined {
  const most = Math.max(1, Math.floor(8_388_608 / (D + 16)));
  let [done, told] = [0, 0];
  const pause = async (): Promise<void> => {
    onProgress?.({ done, total });
    await breathe();
    signal?.throwIfAborted();
  };
  return (pairs) => {
    done += pairs;
    if (done - told < most && done < total) return undefined; // no turn of its own for every block
    told = done;
    return pause();
  };
}

/** Refuses what are no rows of one width. Answers with the width; 0 where there are none. */
export function checkRows(field: string, rows: unknown, width?: number): number {
  if (!Array.isArray(rows)) refuse(field, "must be rows of Float32Array, as encode returns them", rows);
  let D = width;
  for (const [i, row] of rows.entries()) {
    if (!(row instanceof Float32Array))
      refuse(`${field}[${i}]`, "must be a row of Float32Array, as encode returns it", row);
    D ??= row.length;
    if (row.length !== D) refuse(`${field}[${i}]`, `has ${row.length} numbers, where another row has ${D}`);
  }
  return D ?? 0;
}

export function checkSearch(options: SearchControl & { scoreFunction?: ScoreFunction }): void {
  checkFields(options, { onProgress: "function" });
  const { scoreFunction, signal } = options;
  if (scoreFunction !== undefined && typeof scoreFunction !== "function") {
    checkOneOf("scoreFunction", scoreFunction, SIMILARITY_FUNCTIONS);
  }
  signal?.throwIfAborted();
}
