import type { SimilarityFunction } from "munjang";
import { byFunction, type EmbedOptions, encodePairs, type Model } from "./vectors.ts";

/** Two texts, and whether they belong together. */
export interface LabelledPair {
  readonly sentence1: string;
  readonly sentence2: string;
  readonly same: boolean;
}

/** How well a limit on the similarity tells pairs that belong together from others. All but the limits are from 0 to 1 (mcc: from -1). */
export interface BinaryScores {
  /** Share of right answers, at the best limit for it. */
  readonly accuracy: number;
  readonly accuracyThreshold: number;
  /** F1, precision and recall of pairs that belong together, at the limit with the best F1. */
  readonly f1: number;
  readonly f1Threshold: number;
  readonly precision: number;
  readonly recall: number;
  /** Average precision, which needs no limit. */
  readonly ap: number;
  /** Matthews' correlation coefficient, at the limit with the best F1. */
  readonly mcc: number;
}

export interface BinaryResult {
  readonly pairs: number;
  /** Pairs that belong together. */
  readonly same: number;
  /** By similarity; for the two distances limits are distances, and a pair belongs together below. */
  readonly scores: Readonly<Record<SimilarityFunction, BinaryScores>>;
}

/**
 * How well a model's similarities tell pairs that belong together from others: what sentence-transformers' BinaryClassificationEvaluator
 * computes, limits included, by all four functions.
 * @throws Error where all pairs have one label, or there are none.
 */
export async function evaluateBinary(
  model: Model,
  pairs: readonly LabelledPair[],
  options: EmbedOptions = {},
): Promise<BinaryResult> {
  const labels = pairs.map(({ same }) => same);
  checkLabels(labels);
  return scoreBinary(...(await encodePairs(model, pairs, options)), labels);
}

/** `evaluateBinary` of vectors: row i of `a` and row i of `b` are a pair. */
export function scoreBinary(
  a: readonly Float32Array[],
  b: readonly Float32Array[],
  labels: readonly boolean[],
): BinaryResult {
  checkLabels(labels);
  if (a.length !== labels.length || b.length !== labels.length) {
    throw new Error(`${a.length} and ${b.length} vectors for ${labels.length} labels`);
  }
  const scores = byFunction(a, b, (values, by) => {
    const found = binaryScores(values, labels);
    if (by !== "manhattan" && by !== "euclidean") return found;
    return { ...found, accuracyThreshold: -found.accuracyThreshold, f1Threshold: -found.f1Threshold };
  });
  return { pairs: labels.length, same: labels.filter(Boolean).length, scores };
}

/** `evaluateBinary` of similarities from anywhere, of every pair; larger is nearer. Limits are in float32, as similarities are. */
export function binaryScores(similarities: Float32Array, labels: readonly boolean[]): BinaryScores {
  checkLabels(labels);
  if (similarities.length !== labels.length) {
    throw new Error(`${similarities.length} similarities for ${labels.length} labels`);
  }
  return scoresOf(steps(similarities, labels), labels.length);
}

function checkLabels(labels: readonly boolean[]): void {
  if (labels.length === 0) throw new Error("no pairs to tell apart");
  if (labels.every((label) => label === labels[0])) {
    throw new Error(
      `all ${labels.length} pairs ${labels[0] ? "belong" : "do not belong"} together: there is nothing to tell apart`,
    );
  }
}

/** One similarity that occurs, and the pairs of at least that, so far down the list. */
interface Step {
  readonly similarity: number;
  readonly taken: number;
  readonly right: number;
}

/** The nearest first; pairs of one similarity are taken together. */
function steps(similarities: Float32Array, labels: readonly boolean[]): Step[] {
  const order = Array.from(similarities, (_, i) => i).sort((a, b) => similarities[b] - similarities[a]);
  const found: Step[] = [];
  let right = 0;
  for (const [n, i] of order.entries()) {
    if (labels[i]) right++;
    if (n + 1 < order.length && similarities[order[n + 1]] === similarities[i]) continue;
    found.push({ similarity: similarities[i], taken: n + 1, right });
  }
  return found;
}

function scoresOf(list: readonly Step[], total: number): BinaryScores {
  const { right: positives } = list[list.length - 1];
  const negatives = total - positives;
  // A limit that takes no pair at all is the first to beat.
  let accuracy = negatives / total;
  let accuracyThreshold = nextFloat32(list[0].similarity);
  let best = { f1: 0, f1Threshold: 0, precision: 0, recall: 0, mcc: 0 };
  let ap = 0;
  let before = 0;
  for (const [n, { taken, right }] of list.entries()) {
    const correct = (right + negatives - (taken - right)) / total;
    if (correct > accuracy) [accuracy, accuracyThreshold] = [correct, between(list, n)];
    if (right === 0) continue;
    const [precision, recall] = [right / taken, right / positives];
    ap += (recall - before) * precision;
    before = recall;
    const f1 = (2 * precision * recall) / (precision + recall);
    if (f1 > best.f1)
      best = { f1, precision, recall, f1Threshold: between(list, n), mcc: matthews(taken, right, positives, total) };
  }
  return { accuracy, accuracyThreshold, ...best, ap };
}

/** A limit between a similarity and the next smaller one, in float32 as the reference has it. */
function between(list: readonly Step[], n: number): number {
  const { similarity } = list[n];
  if (n + 1 === list.length) return similarity;
  const next = list[n + 1].similarity;
  const middle = Math.fround(Math.fround(similarity + next) / 2);
  return middle === next ? similarity : middle; // it must not take the next ones too
}

function nextFloat32(value: number): number {
  if (value === 0) return 2 ** -149;
  const bits = new Int32Array(1);
  const number = new Float32Array(bits.buffer);
  number[0] = value;
  bits[0] += value > 0 ? 1 : -1;
  return number[0];
}

function matthews(taken: number, right: number, positives: number, total: number): number {
  const [fp, fn] = [taken - right, positives - right];
  const tn = total - positives - fp;
  const root = Math.sqrt(taken) * Math.sqrt(positives) * Math.sqrt(tn + fp) * Math.sqrt(tn + fn);
  return root === 0 ? 0 : (right * tn - fp * fn) / root;
}
