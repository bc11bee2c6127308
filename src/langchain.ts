import { asNumbers, type LazyOptions, lazily, type VectorOptions } from "./lazy-model.ts";
import type { SentenceTransformer } from "./sentence-transformer.ts";
import type { ModelInput } from "./source.ts";

/** Embeddings of LangChain.js: `munjang/langchain`. Nothing of its packages is imported; their types are met by shape. */

export type { LazyOptions, VectorOptions } from "./lazy-model.ts";

/** What is wanted as `EmbeddingsInterface`, and as `Embeddings`. */
export interface MunjangEmbeddings {
  /** A row for every text, with the model's prompt for documents if it has one. */
  embedDocuments(documents: string[]): Promise<number[][]>;
  /** The row of one text, with the model's prompt for queries if it has one. */
  embedQuery(document: string): Promise<number[]>;
  /**
   * What the class `Embeddings` has besides: who calls again what failed. Nothing here needs to be, so a call is just made. The class behind it
   * has private parts, which no other type can have; `never` fits them.
   */
  readonly caller: never;
  /** Lets go of a model that was loaded here. */
  dispose(): Promise<void>;
}

type Call = (...args: unknown[]) => unknown;

const caller = {
  call: async (callable: Call, ...args: unknown[]) => callable(...args),
  callWithOptions: async (_options: object, callable: Call, ...args: unknown[]) => callable(...args),
  fetch: (...args: Parameters<typeof fetch>) => fetch(...args),
};

/**
 * A model as vector stores, retrievers and chains of LangChain.js take one. What is not loaded yet is loaded at the first call.
 *
 * @throws ModelError for options that cannot be meant; a call rejects with those of `load` and `encode`.
 * @example
 * const store = await MemoryVectorStore.fromTexts(texts, {}, embeddings("munjang-mini-ko"));
 */
export function embeddings(model: SentenceTransformer, options?: VectorOptions): MunjangEmbeddings;
export function embeddings(model: ModelInput, options?: LazyOptions): MunjangEmbeddings;
export function embeddings(model: SentenceTransformer | ModelInput, options: LazyOptions = {}): MunjangEmbeddings {
  const lazy = lazily(model, options, []);
  return {
    embedDocuments: async (documents) =>
      asNumbers(await (await lazy.get()).encodeDocument(documents as readonly string[], lazy.encode)),
    embedQuery: async (document) => Array.from(await (await lazy.get()).encodeQuery(document, lazy.encode)),
    caller: caller as never,
    dispose: () => lazy.dispose(),
  };
}
