import { checkFields, checkOneOf, checkWhole, refuse } from "./base/door.ts";
import type { Tensor } from "./base/tensor.ts";
import type { EncodingLike } from "./bert-model.ts";
import { checkEncoderOptions, type EncoderOptions } from "./encoder.ts";
import { PRECISIONS, type Precision, type Ranges, type SimilarityFunction } from "./pooling/index.ts";
import type { SourceOptions } from "./source.ts";
import type { Encoding, TokenizerOptions } from "./tokenizer/index.ts";
import type { LoadProgress } from "./url.ts";

export type { LoadProgress } from "./url.ts";

/** Options of `SentenceTransformer.load`. */
export interface LoadOptions extends EncoderOptions, SourceOptions {
  /** Longest text in tokens, [CLS] and [SEP] included; longer ones are cut. Default: what the model says. */
  maxSeqLength?: number;
  /** Keep the first so many numbers of every vector (for models trained to allow it). Default: what the model says. */
  truncateDim?: number;
  /** Texts put before texts, by name; beside and over those of the model. */
  prompts?: Readonly<Record<string, string>>;
  /** What `similarity` computes. Default: what the model says, else cosine. */
  similarityFunction?: SimilarityFunction;
  tokenizer?: TokenizerOptions;
  /** Called as files are downloaded and read. */
  onProgress?: (progress: LoadProgress) => void;
  /** Called for everything a user should know about the model as loaded; the same stand in `warnings`. */
  onWarning?: (warning: string) => void;
}

/** Options of `encode`. */
export interface EncodeOptions {
  /** Name of a prompt of the model to put before every text. */
  promptName?: string;
  /** Text to put before every text; goes before `promptName`. */
  prompt?: string;
  /** Divide every vector by its length, after everything else but `precision`. */
  normalizeEmbeddings?: boolean;
  /** Keep the first so many numbers of every vector. */
  truncateDim?: number;
  /** `"token_embeddings"` gives a [L, W] tensor a text instead of a row, special tokens included; `"all"` gives both, and the encoding. */
  outputValue?: OutputValue;
  /** Element type of the rows; bytes as `quantize_embeddings` of sentence-transformers makes them. */
  precision?: Precision;
  /** For `int8` and `uint8`: smallest and largest value of every dimension. Default: those of this call's own vectors. */
  ranges?: Ranges;
  /** Lowers the budget given to `load`, for this call. */
  tokensPerBatch?: number;
  /** Called after every batch with the number of texts done. */
  onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
  /** Stops between batches; the promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * Options of `encodeStream`. `int8` and `uint8` need `ranges` there: those of all vectors would be known only in the end. The `total` that
 * `onProgress` is told is the number of texts that have come.
 */
export type StreamOptions = Omit<EncodeOptions, "outputValue">;

/** What `encode` answers: the vector of a text, those of its tokens, or everything there is. */
export type OutputValue = "sentence_embedding" | "token_embeddings" | "all";

/** What `outputValue: "all"` gives for a text. */
export interface TextFeatures {
  /** [D] */
  readonly sentenceEmbedding: Float32Array;
  /** [L, W] */
  readonly tokenEmbeddings: Tensor<Float32Array>;
  /** What the model read: an `Encoding`, or the ids that were given. */
  readonly encoding: Encoding | EncodingLike;
}

/** A text, or one already turned into ids. */
export type EncodeInput = string | EncodingLike;

/** Named beside the options' own type, so that the compiler knows what a callback written in place is given. */
export type Callbacks = Pick<EncodeOptions, "onProgress">;

/** Options left out. */
export type NoOptions = Record<never, never>;

/** What `encode` answers: a row for a text, a list of rows for a list of texts. */
export type Encoded<I, O> = I extends readonly EncodeInput[] ? RowOf<O>[] : RowOf<O>;

/** What a text becomes under options of type `O`: a row of the element type asked for, a tensor, or everything. */
export type RowOf<O> = RowNamed<Asked<O, "outputValue", "sentence_embedding">, Asked<O, "precision", "float32">>;

type RowNamed<V, P> = V extends "token_embeddings"
  ? Tensor<Float32Array>
  : V extends "all"
    ? TextFeatures
    : P extends "int8" | "binary"
      ? Int8Array
      : P extends "uint8" | "ubinary"
        ? Uint8Array
        : Float32Array;

/** The type of option `K` in `O`, with the default `D` where it may be left out. */
type Asked<O, K extends PropertyKey, D> = K extends keyof O
  ? undefined extends O[K]
    ? Exclude<O[K], undefined> | D
    : O[K]
  : D;

/** Any row `encode` may return. */
export type Row = Float32Array | Int8Array | Uint8Array | Tensor<Float32Array> | TextFeatures;

/** Refuses what `load` cannot mean, as far as it can be told before the model is open. */
export function checkLoadOptions(options: LoadOptions): void {
  checkEncoderOptions(options);
  checkFields(options, { onProgress: "function", onWarning: "function", tokenizer: "object", prompts: "object" });
}

/** Refuses what a call cannot mean. `tokens` is the room a batch has, `dimension` the width of a vector. */
export function checkOptions(options: EncodeOptions, tokens: number, dimension: number, stream?: boolean): void {
  checkFields(options, { onProgress: "function", ranges: "object", normalizeEmbeddings: "boolean" });
  const { outputValue = "sentence_embedding", precision = "float32", tokensPerBatch, truncateDim } = options;
  checkOneOf("outputValue", outputValue, ["sentence_embedding", "token_embeddings", "all"]);
  checkOneOf("precision", precision, PRECISIONS);
  if (stream && options.ranges === undefined && (precision === "int8" || precision === "uint8")) {
    refuse("precision", "needs `ranges` in a stream", precision);
  }
  if (precision !== "float32" && outputValue !== "sentence_embedding") {
    refuse("precision", "is for sentence embeddings only", precision);
  }
  if (tokensPerBatch !== undefined) {
    checkWhole("tokensPerBatch", tokensPerBatch, 1, tokens, "the room there is (give it to load)");
  }
  if (truncateDim !== undefined) checkTruncateDim(truncateDim, dimension);
}

export function checkTruncateDim(truncateDim: number, dimension: number): void {
  checkWhole("truncateDim", truncateDim, 1, dimension, "the model's dimension");
}
