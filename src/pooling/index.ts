export { applyModules, type Feature, type Features, type Module, type Rows } from "./chain.ts";
export { POOLING_MODES, type PoolingMode, pool, type Segment } from "./pool.ts";
export { PRECISIONS, type Precision, quantizeEach, quantizeRows, type Ranges, rangesOf } from "./precision.ts";
export {
  type DenseActivation,
  type DenseLayer,
  dense,
  dot,
  firstColumns,
  layerNormRows,
  normalizeRows,
} from "./rows.ts";
export { type CommunityOptions, communityDetection } from "./search/community-detection.ts";
export {
  type MiningOptions,
  type ParaphraseMiningOptions,
  paraphraseMining,
  paraphraseMiningEmbeddings,
  type ScoredPair,
  type TextModel,
} from "./search/paraphrase-mining.ts";
export type { ScoreFunction, SearchControl } from "./search/scores.ts";
export { type SearchHit, type SemanticSearchOptions, semanticSearch } from "./search/semantic-search.ts";
export { SIMILARITY_FUNCTIONS, type SimilarityFunction, similarity, similarityPairwise } from "./similarity.ts";
