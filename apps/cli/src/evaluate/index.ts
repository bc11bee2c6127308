/** `munjang-cli/evaluate`: how good a model is, on labelled data. */

export {
  type BinaryResult,
  type BinaryScores,
  binaryScores,
  evaluateBinary,
  type LabelledPair,
  scoreBinary,
} from "./binary.ts";
export { pearson, ranks, spearman } from "./correlation.ts";
export {
  type Cutoffs,
  evaluateRetrieval,
  type RetrievalData,
  type RetrievalResult,
  scoreRetrieval,
} from "./retrieval.ts";
export { type ScatterOptions, scatter } from "./scatter.ts";
export { type Correlation, evaluateSts, type StsPair, type StsResult, scoreSts } from "./sts.ts";
export type { EmbedOptions, Model } from "./vectors.ts";
