import type { Features } from "./features.ts";
import { minimize } from "./lbfgs.ts";
import { momentsOf, solver } from "./moments.ts";

/** Logistic regression of K classes on features [N, D + V]. */
export interface Logistic {
  /** [K, D] */
  readonly dense: Float64Array;
  /** [V, K]: a text has few of the V, so that what belongs to one of them lies together. */
  readonly sparse: Float64Array;
  /** [K] */
  readonly bias: Float64Array;
  readonly iterations: number;
  readonly converged: boolean;
}

export interface LogisticOptions {
  /** How little the weights are held back: the smallest value of C · Σ loss + ½ |weights|² is looked for, as in scikit-learn. */
  readonly C: number;
  /** What an example of each class counts, [K]. */
  readonly classWeights: readonly number[];
  /** Rows to fit to; all, if not given. */
  readonly rows?: readonly number[];
  /** Largest element that the gradient of the mean loss may have in the end. Default 1e-5, a tenth of scikit-learn's. */
  readonly tolerance?: number;
  /** Default 1000. */
  readonly maxIterations?: number;
  /** Where to begin; weights of the same features and classes. */
  readonly start?: Logistic;
}

/** What an example of each class counts so that all classes count the same: N / (K · examples of it), [K]. */
export function balanced(classes: Int32Array, K: number): number[] {
  const counts = new Array<number>(K).fill(0);
  for (const k of classes) counts[k]++;
  return counts.map((count) => (count === 0 ? 0 : classes.length / (K * count)));
}

/**
 * Fits weights and bias to the classes of the rows, [N] of 0 to K - 1. The bias is not held back. Two classes have one set of weights, that
 * of the second, and those of the first are 0: with a set each, the same C would hold them back half as much, and scikit-learn has one.
 */
export function fitLogistic(
  features: Features,
  classes: Int32Array,
  K: number,
  { C, classWeights, rows, tolerance = 1e-5, maxIterations, start }: LogisticOptions,
): Logistic {
  const { denseWidth: D, sparseWidth: V } = features;
  const which = Int32Array.from(rows ?? classes.keys());
  const from = K === 2 ? 1 : 0;
  const R = K - from;
  const total = which.reduce((sum, i) => sum + classWeights[classes[i]], 0);
  const held = 1 / (C * total);
  const views = (all: Float64Array) => ({
    dense: all.subarray(0, R * D),
    sparse: all.subarray(R * D, R * (D + V)),
    bias: all.subarray(R * (D + V)),
  });
  const scores = new Float64Array(R);
  const loss = (all: Float64Array, gradient: Float64Array): number => {
    const weights = views(all);
    const slopes = views(gradient);
    let value = 0;
    for (let j = 0; j < R * (D + V); j++) {
      value += 0.5 * held * all[j] * all[j];
      gradient[j] = held * all[j];
    }
    slopes.bias.fill(0);
    for (const i of which) {
      const weight = classWeights[classes[i]] / total;
      scoreRow(features, i, weights, scores);
      const own = classes[i] - from; // -1: the class whose score is 0
      const scoreOfOwn = own < 0 ? 0 : scores[own];
      value += weight * (softmax(scores, from === 1) - scoreOfOwn);
      if (own >= 0) scores[own] -= 1;
      for (let k = 0; k < R; k++) scores[k] *= weight;
      addRow(features, i, scores, slopes);
    }
    return value;
  };
  const x = new Float64Array(R * (D + V + 1));
  if (start !== undefined) {
    const at = views(x);
    at.dense.set(start.dense.subarray(from * D));
    at.bias.set(start.bias.subarray(from));
    for (let v = 0; v < V; v++) at.sparse.set(start.sparse.subarray(v * K + from, (v + 1) * K), v * R);
  }
  const curvature = start === undefined ? (K - 1) / (K * K) : curvatureOf(features, which, start);
  const precondition = preconditioner(features, R, curvature, held);
  const found = minimize(loss, x, { tolerance, maxIterations, precondition });
  const { dense, sparse, bias } = views(found.x);
  const all = { dense: new Float64Array(K * D), sparse: new Float64Array(V * K), bias: new Float64Array(K) };
  all.dense.set(dense, from * D);
  all.bias.set(bias, from);
  for (let v = 0; v < V; v++) all.sparse.set(sparse.subarray(v * R, (v + 1) * R), v * K + from);
  return { ...all, iterations: found.iterations, converged: found.converged };
}

/**
 * Mean of p (1 - p) over rows and classes, how much a score still changes its probability, as it will be at the end: weights that are held back less than
 * where they begin are surer. A third of where they begin was the best guess on news titles.
 */
function curvatureOf(features: Features, rows: Int32Array, weights: Weights): number {
  const scores = new Float64Array(weights.bias.length);
  let sum = 0;
  for (const i of rows) {
    scoreRow(features, i, weights, scores);
    softmax(scores, false);
    for (const p of scores) sum += p * (1 - p);
  }
  return Math.max(1e-4, sum / (3 * rows.length * scores.length));
}

/**
 * About the inverse of the loss's second derivatives: products of the dense columns, squares of the sparse ones, times the mean curvature. Embeddings
 * have few directions that matter much and many that matter a little; without this 7,000 of them take eight times the steps.
 */
function preconditioner(
  features: Features,
  R: number,
  curvature: number,
  held: number,
): (vector: Float64Array) => void {
  const { denseWidth: D, sparseWidth: V } = features;
  const { products, squares } = momentsOf(features);
  const solve = solver(products, D, curvature, held);
  const inverse = squares.map((square) => 1 / (curvature * square + held));
  return (vector) => {
    for (let r = 0; r < R; r++) solve(vector.subarray(r * D, (r + 1) * D));
    for (let v = 0; v < V; v++) {
      for (let i = R * (D + v); i < R * (D + v + 1); i++) vector[i] *= inverse[v];
    }
    for (let i = R * (D + V); i < vector.length; i++) vector[i] /= curvature;
  };
}

export type Weights = Pick<Logistic, "dense" | "sparse" | "bias">;

/** Probabilities of the classes for rows, all or those given, [rows][K]. */
export function probabilities(features: Features, weights: Weights, rows?: readonly number[]): Float64Array[] {
  return Array.from(rows ?? Array(features.rows).keys(), (i) => {
    const row = new Float64Array(weights.bias.length);
    scoreRow(features, i, weights, row);
    softmax(row, false);
    return row;
  });
}

/** Scores of row i, [R]: bias and weighted sum. */
function scoreRow(features: Features, i: number, of: Weights, out: Float64Array): void {
  const { denseWidth: D, dense, starts, columns, values } = features;
  const { dense: weights, sparse, bias } = of;
  const R = out.length;
  const x = i * D;
  for (let k = 0; k < R; k++) {
    const w = k * D;
    // Four sums, because one would wait for itself.
    let a = bias[k];
    let b = 0;
    let c = 0;
    let d = 0;
    let j = 0;
    for (; j + 3 < D; j += 4) {
      a += weights[w + j] * dense[x + j];
      b += weights[w + j + 1] * dense[x + j + 1];
      c += weights[w + j + 2] * dense[x + j + 2];
      d += weights[w + j + 3] * dense[x + j + 3];
    }
    for (; j < D; j++) a += weights[w + j] * dense[x + j];
    out[k] = a + c + (b + d);
  }
  for (let n = starts[i]; n < starts[i + 1]; n++) {
    const w = columns[n] * R;
    const value = values[n];
    for (let k = 0; k < R; k++) out[k] += sparse[w + k] * value;
  }
}

/** Adds row i, times [R] numbers, to a gradient. */
function addRow(features: Features, i: number, times: Float64Array, to: Weights): void {
  const { denseWidth: D, dense, starts, columns, values } = features;
  const { dense: slopes, sparse, bias } = to;
  const R = times.length;
  const x = i * D;
  for (let k = 0; k < R; k++) {
    const t = times[k];
    const w = k * D;
    bias[k] += t;
    for (let j = 0; j < D; j++) slopes[w + j] += t * dense[x + j];
  }
  for (let n = starts[i]; n < starts[i + 1]; n++) {
    const w = columns[n] * R;
    const value = values[n];
    for (let k = 0; k < R; k++) sparse[w + k] += times[k] * value;
  }
}

/** Turns scores into probabilities and answers the logarithm of the sum of their exponentials; `withZero`: one more class has the score 0. */
function softmax(scores: Float64Array, withZero: boolean): number {
  let most = withZero ? 0 : Number.NEGATIVE_INFINITY;
  for (const score of scores) most = Math.max(most, score);
  let sum = withZero ? Math.exp(-most) : 0;
  for (let k = 0; k < scores.length; k++) {
    scores[k] = Math.exp(scores[k] - most);
    sum += scores[k];
  }
  for (let k = 0; k < scores.length; k++) scores[k] /= sum;
  return most + Math.log(sum);
}
