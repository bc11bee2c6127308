import { checkNames, checkObject, checkOneOf, refuse } from "./base/door.ts";
import { asNumbers, type CallOptions, type LazyOptions, lazily, type VectorOptions } from "./lazy-model.ts";
import type { SentenceTransformer } from "./sentence-transformer.ts";
import type { ModelInput } from "./source.ts";

/** Embedding models of the Vercel AI SDK: `munjang/ai-sdk`. Nothing of the package `ai` is imported; its types are met by shape. */

export type { LazyOptions, VectorOptions } from "./lazy-model.ts";

/** Versions of the interface: `ai` 7 wants `"v4"` and takes the others, 6 wants `"v3"`, 5 wants `"v2"`. */
export type SpecificationVersion = "v2" | "v3" | "v4";

/** Options of `embeddingModel` for a model that is loaded. */
export interface EmbeddingModelOptions<V extends SpecificationVersion = "v4"> extends VectorOptions {
  /** Default: `"v4"`. */
  specificationVersion?: V;
  /** What the SDK calls the model in logs. Default: what it is loaded from. */
  modelId?: string;
  /** Name of a prompt of the model to put before every text, such as `query`. */
  promptName?: string;
  /** Text to put before every text; goes before `promptName`. */
  prompt?: string;
}

/** What `embed` and `embedMany` take. */
export interface EmbeddingModel<V extends SpecificationVersion = "v4"> {
  readonly specificationVersion: V;
  readonly provider: "munjang";
  readonly modelId: string;
  /** As many as there are. */
  readonly maxEmbeddingsPerCall: number;
  readonly supportsParallelCalls: boolean;
  /** Vectors of texts; what the SDK calls. */
  doEmbed(options: EmbedCall): Promise<EmbedResult>;
  /** Lets go of a model that was loaded here. */
  dispose(): Promise<void>;
}

/** What the SDK gives `doEmbed`. */
export interface EmbedCall {
  values: string[];
  abortSignal?: AbortSignal;
  /** Under `munjang`: `prompt`, `promptName`, `normalizeEmbeddings` or `truncateDim` for this call, instead of what `embeddingModel` was told. */
  providerOptions?: Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;
  /** For models behind HTTP; nothing is sent. */
  headers?: Readonly<Record<string, string | undefined>>;
}

/** What `doEmbed` answers: a vector for every value, in their order. */
export interface EmbedResult {
  embeddings: number[][];
  /** Tokens of all texts as the model reads them, prompt, [CLS] and [SEP] included. */
  usage: { tokens: number };
  warnings: never[];
}

const CALL = ["prompt", "promptName", "normalizeEmbeddings", "truncateDim"] as const;

/**
 * A model as `embed` and `embedMany` of the package `ai` take one. What is not loaded yet is loaded at the first call.
 *
 * @throws ModelError for options that cannot be meant; a call rejects with those of `load` and `encode`.
 * @example
 * const { embedding } = await embed({ model: embeddingModel("munjang-mini-ko"), value: "잠이 옵니다" });
 */
export function embeddingModel<V extends SpecificationVersion = "v4">(
  model: SentenceTransformer,
  options?: EmbeddingModelOptions<V>,
): EmbeddingModel<V>;
export function embeddingModel<V extends SpecificationVersion = "v4">(
  model: ModelInput,
  options?: LazyOptions<EmbeddingModelOptions<V>>,
): EmbeddingModel<V>;
export function embeddingModel(
  model: SentenceTransformer | ModelInput,
  options: LazyOptions<EmbeddingModelOptions<SpecificationVersion>> = {},
): EmbeddingModel<SpecificationVersion> {
  checkObject("options", options);
  const { specificationVersion = "v4", modelId, ...rest } = options;
  checkOneOf("specificationVersion", specificationVersion, ["v2", "v3", "v4"]);
  const lazy = lazily(model, rest, ["prompt", "promptName"]);
  return {
    specificationVersion,
    provider: "munjang",
    modelId: modelId ?? lazy.name,
    maxEmbeddingsPerCall: Number.POSITIVE_INFINITY,
    supportsParallelCalls: true,
    async doEmbed({ values, abortSignal, providerOptions }) {
      if (!Array.isArray(values)) refuse("values", "must be a list of texts", values);
      const loaded = await lazy.get(abortSignal);
      const call = callOptions(providerOptions?.munjang);
      // `encode` would take a prompt before one that is named.
      const named = call.promptName === undefined ? {} : { prompt: undefined };
      const encode: CallOptions = { ...lazy.encode, ...named, ...call };
      const rows = await loaded.encode(values, { ...encode, signal: abortSignal });
      const prompt = encode.prompt ?? (encode.promptName ? loaded.prompts[encode.promptName] : loaded.identity.prompt);
      const tokens = values.reduce((sum, text) => sum + loaded.tokenize(prompt + text).ids.length, 0);
      return { embeddings: asNumbers(rows), usage: { tokens }, warnings: [] };
    },
    dispose: () => lazy.dispose(),
  };
}

function callOptions(given: Readonly<Record<string, unknown>> | undefined): CallOptions {
  if (given === undefined) return {};
  checkObject("providerOptions.munjang", given);
  checkNames(given, CALL);
  return given;
}
