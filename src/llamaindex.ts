import { checkOneOf, checkWhole, refuse } from "./base/door.ts";
import { asNumbers, type LazyOptions, lazily, type VectorOptions } from "./lazy-model.ts";
import type { SentenceTransformer } from "./sentence-transformer.ts";
import type { ModelInput } from "./source.ts";

/** Embeddings of LlamaIndex.TS: `munjang/llamaindex`. Nothing of its packages is imported; their types are met by shape. */

export type { LazyOptions, VectorOptions } from "./lazy-model.ts";

/** The part of its `BaseNode` that is used here. */
export interface NodeLike {
  /** The text with the metadata that are for embedding. */
  getContent(mode: never): string;
  embedding?: number[] | undefined;
}

/** A part of a message; what has no text has no embedding here. */
export interface ContentLike {
  readonly type: string;
  readonly text?: string;
}

/** What LlamaIndex gives `getTextEmbeddingsBatch`. */
export interface BatchOptions {
  /** Called after every batch with the number of texts done. */
  progressCallback?: (current: number, total: number) => void;
  logProgress?: boolean;
  logger?: { log(message: string): void };
}

/** What is wanted as `BaseEmbedding`, `Settings.embedModel` first of all. Called with nodes, it gives each its embedding. */
export interface MunjangEmbedding {
  <N extends NodeLike>(nodes: N[], options?: Readonly<Record<string, unknown>>): Promise<N[]>;
  /** What caches tell embeddings apart by: the identity of a model that was given; otherwise new every time, for files may change. */
  id: string;
  /** Texts between two calls of `progressCallback`. Default: 256. */
  embedBatchSize: number;
  /** The row of one text, with the model's prompt for documents if it has one. */
  getTextEmbedding(text: string): Promise<number[]>;
  /** A row for every text, with the model's prompt for documents if it has one. */
  getTextEmbeddings(texts: string[]): Promise<number[][]>;
  /** The same in batches of `embedBatchSize`, after each of which `progressCallback` is called. */
  getTextEmbeddingsBatch(texts: string[], options?: BatchOptions): Promise<number[][]>;
  /** The row of a question, with the model's prompt for queries if it has one; null where there is no text. */
  getQueryEmbedding(query: ContentLike): Promise<number[] | null>;
  /** `"cosine"`, the default, `"dot_product"` or `"euclidean"`, of which the distance is made negative. */
  similarity(embedding1: number[], embedding2: number[], mode?: string): number;
  /** The texts as they are: the model cuts what is too long for it by itself. */
  truncateMaxTokens(input: string[]): string[];
  /** Lets go of a model that was loaded here. */
  dispose(): Promise<void>;
}

/**
 * A model as indices, retrievers and pipelines of LlamaIndex.TS take one. What is not loaded yet is loaded at the first call.
 *
 * @throws ModelError for options that cannot be meant; a call rejects with those of `load` and `encode`.
 * @example
 * Settings.embedModel = embedding("munjang-mini-ko");
 */
export function embedding(model: SentenceTransformer, options?: VectorOptions): MunjangEmbedding;
export function embedding(model: ModelInput, options?: LazyOptions): MunjangEmbedding;
export function embedding(model: SentenceTransformer | ModelInput, options: LazyOptions = {}): MunjangEmbedding {
  const lazy = lazily(model, options, []);
  const vectors = lazy.encode;

  async function getTextEmbeddings(texts: string[]): Promise<number[][]> {
    return asNumbers(await (await lazy.get()).encodeDocument(texts as readonly string[], vectors));
  }

  async function getTextEmbeddingsBatch(texts: string[], options: BatchOptions = {}): Promise<number[][]> {
    const { progressCallback, logProgress, logger = logProgress ? console : undefined } = options;
    checkWhole("embedBatchSize", self.embedBatchSize, 1);
    const rows: number[][] = [];
    while (rows.length < texts.length) {
      for (const row of await getTextEmbeddings(texts.slice(rows.length, rows.length + self.embedBatchSize)))
        rows.push(row);
      progressCallback?.(rows.length, texts.length);
      logger?.log(`getting embedding progress: ${rows.length} / ${texts.length}`);
    }
    return rows;
  }

  const self: MunjangEmbedding = Object.assign(
    async <N extends NodeLike>(nodes: N[], options?: Readonly<Record<string, unknown>>): Promise<N[]> => {
      const texts = nodes.map((node) => node.getContent("EMBED" as never));
      const rows = await getTextEmbeddingsBatch(texts, options);
      for (const [n, node] of nodes.entries()) node.embedding = rows[n];
      return nodes;
    },
    {
      id: lazy.given === undefined ? newId() : `munjang ${JSON.stringify([lazy.given.identity, vectors])}`,
      embedBatchSize: 256,
      getTextEmbedding: async (text: string) => Array.from(await (await lazy.get()).encodeDocument(text, vectors)),
      getTextEmbeddings,
      getTextEmbeddingsBatch,
      async getQueryEmbedding({ text }: ContentLike) {
        return text ? Array.from(await (await lazy.get()).encodeQuery(text, vectors)) : null;
      },
      similarity,
      truncateMaxTokens: (input: string[]) => input,
      dispose: () => lazy.dispose(),
    },
  );
  return self;
}

function similarity(a: number[], b: number[], mode: string = "cosine"): number {
  checkOneOf("mode", mode, ["cosine", "dot_product", "euclidean"]);
  if (a.length !== b.length) refuse("similarity", `compares rows of one length, not ${a.length} and ${b.length}`);
  if (mode === "dot_product") return dot(a, b);
  if (mode === "cosine") return dot(a, b) / (norm(a) * norm(b));
  const off = a.map((x, i) => x - b[i]);
  return -Math.sqrt(dot(off, off));
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, x, i) => sum + x * b[i], 0);
}

/** As in the engine's `similarity`, a row of zeros is like nothing. */
function norm(row: readonly number[]): number {
  return Math.max(Math.sqrt(dot(row, row)), 1e-12);
}

/** `crypto.randomUUID` is not for pages without TLS. */
function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(16).padStart(8, "0")).join("");
}
