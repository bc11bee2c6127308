// biome-ignore-all assist/source/organizeImports: bundles keep this order

/** munjang: sentence embeddings in TypeScript. Public names only. */

export {} from "./bundle-order.ts";
export { type Encoding, type Unknown, WordPieceTokenizer } from "./tokenizer/index.ts";
export type { TokenizerOptions } from "./tokenizer/index.ts";
export {
  communityDetection,
  paraphraseMining,
  paraphraseMiningEmbeddings,
  semanticSearch,
  similarity,
  similarityPairwise,
} from "./pooling/index.ts";
export type {
  CommunityOptions,
  MiningOptions,
  ParaphraseMiningOptions,
  Precision,
  Ranges,
  ScoredPair,
  ScoreFunction,
  SearchControl,
  SearchHit,
  SemanticSearchOptions,
  SimilarityFunction,
  TextModel,
} from "./pooling/index.ts";
import "./web-threads.ts";
export { BertModel, type BertOutput, type EncodingLike, meanPooling } from "./bert-model.ts";
export type { BertConfig } from "./bert/config.ts";
export type { SeeValues } from "./run/runner.ts";
export { ModelError } from "./base/errors.ts";
export { BertTokenizer } from "./bert-tokenizer.ts";
export {
  type DirectoryHandle,
  type FileListLike,
  type ModelFiles,
  type ModelInput,
  type ModelSource,
  openModel,
  type SourceOptions,
} from "./source.ts";
export { SentenceTransformer } from "./sentence-transformer.ts";
export { type Identity, NUMERICS_VERSION } from "./identity.ts";
export type { Backend, BackendInfo, BackendName, BackendOptions, Figure } from "./backend.ts";
export type { DType, ReadBytes, RowsPlace, Tensor, TensorData } from "./base/tensor.ts";
export type { DTypeName, EncoderOptions } from "./encoder.ts";
export type {
  Encoded,
  EncodeInput,
  EncodeOptions,
  LoadOptions,
  LoadProgress,
  OutputValue,
  Row,
  RowOf,
  StreamOptions,
  TextFeatures,
} from "./options.ts";
