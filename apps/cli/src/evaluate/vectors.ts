import { type SentenceTransformer, type SimilarityFunction, similarityPairwise } from "munjang";

/** In the order of tables. */
export const FUNCTIONS: readonly SimilarityFunction[] = ["cosine", "dot", "manhattan", "euclidean"];

/** What is evaluated: everything is turned into vectors by `encode`, `encodeQuery` and `encodeDocument`. */
export type Model = Pick<SentenceTransformer, "encode" | "encodeQuery" | "encodeDocument" | "similarityFunction">;

/** What all evaluations with a model may be told. */
export interface EmbedOptions {
  /** Keep the first so many numbers of every vector. */
  readonly truncateDim?: number;
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
  readonly signal?: AbortSignal;
}

/** Vectors of both sides of pairs; a text that stands in many is encoded once. */
export async function encodePairs(
  model: Model,
  pairs: readonly { readonly sentence1: string; readonly sentence2: string }[],
  options: EmbedOptions,
): Promise<[a: Float32Array[], b: Float32Array[]]> {
  const texts = [...new Set(pairs.flatMap(({ sentence1, sentence2 }) => [sentence1, sentence2]))];
  const vectors = await model.encode(texts, { ...options });
  const of = new Map(texts.map((text, i) => [text, vectors[i]]));
  return [pairs.map(({ sentence1 }) => of.get(sentence1)!), pairs.map(({ sentence2 }) => of.get(sentence2)!)];
}

/** What `compute` finds, for the similarity of every pair by each function. */
export function byFunction<T>(
  a: readonly Float32Array[],
  b: readonly Float32Array[],
  compute: (similarities: Float32Array, by: SimilarityFunction) => T,
): Record<SimilarityFunction, T> {
  const found = FUNCTIONS.map((by) => [by, compute(similarityPairwise(a, b, by), by)] as const);
  return Object.fromEntries(found) as Record<SimilarityFunction, T>;
}
