import type { SimilarityFunction } from "munjang";
import { pearson, spearman } from "./correlation.ts";
import { byFunction, type EmbedOptions, encodePairs, type Model } from "./vectors.ts";

/** Two texts, and how near people find them: larger is nearer, on any scale. */
export interface StsPair {
  readonly sentence1: string;
  readonly sentence2: string;
  readonly score: number;
}

/** From -1 to 1; NaN where every similarity is the same. */
export interface Correlation {
  readonly pearson: number;
  readonly spearman: number;
}

export interface StsResult {
  readonly pairs: number;
  /** Of similarities with scores. Distances count as negative, so that larger is nearer. */
  readonly correlations: Readonly<Record<SimilarityFunction, Correlation>>;
  /** Of every pair, [N]. */
  readonly similarities: Readonly<Record<SimilarityFunction, Float32Array>>;
}

/**
 * How well a model's similarities go with people's: what sentence-transformers' EmbeddingSimilarityEvaluator computes, by all four functions.
 * @throws Error for fewer than two pairs, scores that are no numbers, and scores that are all the same.
 */
export async function evaluateSts(
  model: Model,
  pairs: readonly StsPair[],
  options: EmbedOptions = {},
): Promise<StsResult> {
  const scores = pairs.map(({ score }) => score);
  checkScores(scores);
  return scoreSts(...(await encodePairs(model, pairs, options)), scores);
}

/** `evaluateSts` of vectors: row i of `a` and row i of `b` are a pair. */
export function scoreSts(a: readonly Float32Array[], b: readonly Float32Array[], scores: readonly number[]): StsResult {
  checkScores(scores);
  if (a.length !== scores.length || b.length !== scores.length) {
    throw new Error(`${a.length} and ${b.length} vectors for ${scores.length} scores`);
  }
  const similarities = byFunction(a, b, (values) => values);
  const correlations = byFunction(a, b, (values) => ({
    pearson: pearson(scores, values),
    spearman: spearman(scores, values),
  }));
  return { pairs: scores.length, correlations, similarities };
}

function checkScores(scores: readonly number[]): void {
  if (scores.length < 2)
    throw new Error(`${scores.length === 1 ? "one pair has" : "no pairs have"} no correlation: it takes two`);
  const wrong = scores.findIndex((score) => !Number.isFinite(score));
  if (wrong >= 0) throw new Error(`the score of pair ${wrong + 1} is not a number: ${scores[wrong]}`);
  if (scores.every((score) => score === scores[0])) {
    throw new Error(`all ${scores.length} scores are ${scores[0]}: nothing can go with them`);
  }
}
