import { type Random, shuffled } from "../random.ts";
import type { Features } from "./features.ts";
import { balanced, fitLogistic, type Logistic, probabilities } from "./logistic.ts";

/** How well one C did on examples that it was not fitted to. */
export interface Tried {
  readonly C: number;
  /** Mean of -log p of the right class, weighted as in training. */
  readonly logLoss: number;
  readonly accuracy: number;
}

/** From strongly held back to hardly at all. */
export const GRID: readonly number[] = [0.01, 0.1, 1, 10, 100, 1000];

export type Weighting = "balanced" | "none";

export const weightsOf = (weighting: Weighting, classes: Int32Array, K: number): number[] =>
  weighting === "balanced" ? balanced(classes, K) : new Array<number>(K).fill(1);

/**
 * A part, 0 to `count` - 1, for every row, so that every class is spread evenly over the parts, [N]. The only example of a class has none, -1:
 * it can be learnt from and not tested with.
 */
export function stratify(classes: Int32Array, K: number, count: number, random: Random): Int32Array {
  const part = new Int32Array(classes.length).fill(-1);
  let next = 0; // goes on from class to class, so that the parts are of one size
  for (let k = 0; k < K; k++) {
    const rows = [...classes.keys()].filter((i) => classes[i] === k);
    if (rows.length > 1) for (const i of shuffled(rows, random)) part[i] = next++ % count;
  }
  return part;
}

export interface SelectOptions {
  readonly weighting: Weighting;
  readonly folds: number;
  readonly random: Random;
  readonly grid?: readonly number[];
  readonly onProgress?: (done: number, total: number) => void;
}

/** A larger C must bring the loss down by this share of it. */
const WORTHWHILE = 0.001;
/** Once it is that many times the best one's, larger C only make it worse, and take long. */
const CLEARLY_WORSE = 1.05;

/**
 * Tries every C of the grid by stratified cross-validation: the loss over all examples, each judged once, by weights that were fitted without it.
 * The best is the smallest C that no larger one beats by a tenth of a percent; what comes after two that bring nothing, or one that is
 * clearly worse, is left out.
 */
export function selectC(
  features: Features,
  classes: Int32Array,
  K: number,
  { weighting, folds, random, grid = GRID, onProgress }: SelectOptions,
): { C: number; tried: Tried[] } {
  const part = stratify(classes, K, folds, random);
  const weights = weightsOf(weighting, classes, K);
  const rows = [...classes.keys()];
  const start = new Array<Logistic | undefined>(folds);
  const tried: Tried[] = [];
  let best: Tried | undefined;
  for (const [g, C] of [...grid].sort((a, b) => a - b).entries()) {
    let [loss, right, count, total] = [0, 0, 0, 0];
    for (let fold = 0; fold < folds; fold++) {
      const train = rows.filter((i) => part[i] !== fold);
      const test = rows.filter((i) => part[i] === fold);
      const classWeights = weightsOf(
        weighting,
        Int32Array.from(train, (i) => classes[i]),
        K,
      );
      const fitted = fitLogistic(features, classes, K, { C, classWeights, rows: train, start: start[fold] });
      start[fold] = fitted;
      for (const [n, row] of probabilities(features, fitted, test).entries()) {
        const own = classes[test[n]];
        loss -= weights[own] * Math.log(Math.max(row[own], Number.MIN_VALUE));
        total += weights[own];
        count++;
        if (largestOf(row) === own) right++;
      }
      onProgress?.(g * folds + fold + 1, grid.length * folds);
    }
    const here = { C, logLoss: loss / total, accuracy: right / count };
    tried.push(here);
    if (best === undefined || here.logLoss < best.logLoss * (1 - WORTHWHILE)) best = here;
    else if (here.logLoss > best.logLoss * CLEARLY_WORSE || tried.length - tried.indexOf(best) > 2) break;
  }
  if (best === undefined) throw new Error("there is no C to try");
  return { C: best.C, tried };
}

/** Fits with C by way of the smaller C of the grid, each beginning where the one before ended: faster than at once, and as `selectC` does it. */
export function fitBySteps(
  features: Features,
  classes: Int32Array,
  K: number,
  C: number,
  weighting: Weighting,
): Logistic {
  const classWeights = weightsOf(weighting, classes, K);
  const fit = (one: number, start?: Logistic): Logistic =>
    fitLogistic(features, classes, K, { C: one, classWeights, start });
  return fit(
    C,
    GRID.filter((one) => one < C).reduce<Logistic | undefined>((start, one) => fit(one, start), undefined),
  );
}

/** Where the largest number stands; the first of equal ones. */
export function largestOf(values: ArrayLike<number>): number {
  let at = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[at]) at = i;
  return at;
}
