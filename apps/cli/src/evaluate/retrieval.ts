import { type SimilarityFunction, semanticSearch } from "munjang";
import type { EmbedOptions, Model } from "./vectors.ts";

/** Queries, documents, and which of these belong to which of those. */
export interface RetrievalData<T> {
  /** By id. */
  readonly queries: ReadonlyMap<string, T>;
  /** By id. */
  readonly corpus: ReadonlyMap<string, T>;
  /** By query, then by document: how relevant it is, 1 if there are no grades; 0 and less is not. */
  readonly relevant: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

/** Numbers of documents at the top that are looked at, by measure. */
export interface Cutoffs {
  /** Default: 10. */
  readonly ndcg?: readonly number[];
  /** Default: 10. */
  readonly mrr?: readonly number[];
  /** Default: 100. */
  readonly map?: readonly number[];
  /** Of accuracy, precision and recall. Default: 1, 3, 5, 10. */
  readonly at?: readonly number[];
}

export interface RetrievalResult {
  /** Queries with a relevant document; others are left out. */
  readonly queries: number;
  readonly documents: number;
  readonly similarityFunction: SimilarityFunction;
  /** Means over queries, from 0 to 1: `ndcg@10`, `mrr@10`, `map@100`, `accuracy@1`, `precision@1`, `recall@1`, … */
  readonly measures: Readonly<Record<string, number>>;
}

/**
 * How well the nearest documents are the relevant ones: what sentence-transformers' InformationRetrievalEvaluator computes, and trec_eval for
 * graded relevance (the gain of a document is its grade). Documents of one similarity are in the order of their ids.
 *
 * Queries and documents are encoded with the model's own prompts for them, if it has any.
 * A relevant document that is not there is one that is never found, as in the reference.
 *
 * @throws Error where no query has a relevant document, or a judgement is about a query that is not there.
 */
export async function evaluateRetrieval(
  model: Model,
  data: RetrievalData<string>,
  options: EmbedOptions & { readonly cutoffs?: Cutoffs } = {},
): Promise<RetrievalResult> {
  const { cutoffs, onProgress, signal, truncateDim } = options;
  const asked = judged(data);
  const total = asked.length + data.corpus.size;
  const encode = { truncateDim, signal };
  const queries = await model.encodeQuery(
    asked.map((id) => data.queries.get(id)!),
    { ...encode, onProgress: ({ done }) => onProgress?.({ done, total }) },
  );
  const documents = await model.encodeDocument([...data.corpus.values()], {
    ...encode,
    onProgress: ({ done }) => onProgress?.({ done: asked.length + done, total }),
  });
  const vectors: RetrievalData<Float32Array> = {
    queries: new Map(asked.map((id, i) => [id, queries[i]])),
    corpus: new Map([...data.corpus.keys()].map((id, i) => [id, documents[i]])),
    relevant: data.relevant,
  };
  return scoreRetrieval(vectors, { cutoffs, signal, similarityFunction: model.similarityFunction });
}

/** `evaluateRetrieval` of vectors. */
export async function scoreRetrieval(
  data: RetrievalData<Float32Array>,
  options: {
    readonly cutoffs?: Cutoffs;
    readonly signal?: AbortSignal;
    /** Default: `"cosine"`. */
    readonly similarityFunction?: SimilarityFunction;
  } = {},
): Promise<RetrievalResult> {
  const { cutoffs = {}, signal, similarityFunction = "cosine" } = options;
  const asked = judged(data);
  // In the order of ids, which is what the search keeps among equal scores.
  const ids = [...data.corpus.keys()].map((id) => [id, Buffer.from(id)] as const);
  const sorted = ids.sort(([, a], [, b]) => Buffer.compare(a, b)).map(([id]) => id);
  const { ndcg = [10], mrr = [10], map = [100], at = [1, 3, 5, 10] } = cutoffs;
  const topK = Math.max(...ndcg, ...mrr, ...map, ...at);
  const hits = await semanticSearch(
    asked.map((id) => data.queries.get(id)!),
    sorted.map((id) => data.corpus.get(id)!),
    { topK, scoreFunction: similarityFunction, signal },
  );
  const grades = asked.map((id, i) => {
    const of = data.relevant.get(id)!;
    const all = [...of.values()].filter((grade) => grade > 0);
    return { found: hits[i].map(({ corpusId }) => Math.max(0, of.get(sorted[corpusId]) ?? 0)), all };
  });
  const measures: Record<string, number> = {};
  const measure = (name: string, list: readonly number[], compute: (of: Grades, k: number) => number): void => {
    for (const k of list) {
      measures[`${name}@${k}`] = grades.reduce((sum, of) => sum + compute(of, k), 0) / grades.length;
    }
  };
  measure(
    "ndcg",
    ndcg,
    ({ found, all }, k) =>
      gain(found, k) /
      gain(
        [...all].sort((a, b) => b - a),
        k,
      ),
  );
  measure("mrr", mrr, ({ found }, k) => {
    const first = found.slice(0, k).findIndex((grade) => grade > 0);
    return first < 0 ? 0 : 1 / (first + 1);
  });
  measure("map", map, averagePrecision);
  measure("accuracy", at, (of, k) => (right(of, k) > 0 ? 1 : 0));
  measure("precision", at, (of, k) => right(of, k) / k);
  measure("recall", at, (of, k) => right(of, k) / of.all.length);
  return { queries: asked.length, documents: sorted.length, similarityFunction, measures };
}

interface Grades {
  /** Of the documents found, the nearest first. */
  readonly found: readonly number[];
  /** Of all relevant documents. */
  readonly all: readonly number[];
}

function right({ found }: Grades, k: number): number {
  return found.slice(0, k).filter((grade) => grade > 0).length;
}

/** Discounted cumulative gain. */
function gain(grades: readonly number[], k: number): number {
  return grades.slice(0, k).reduce((sum, grade, i) => sum + grade / Math.log2(i + 2), 0);
}

function averagePrecision({ found, all }: Grades, k: number): number {
  let [sum, count] = [0, 0];
  for (const [i, grade] of found.slice(0, k).entries()) if (grade > 0) sum += ++count / (i + 1);
  return sum / Math.min(k, all.length);
}

/** Judgements about documents that are not there: some sets have them. */
export function unknownDocuments({ corpus, relevant }: RetrievalData<unknown>): number {
  return [...relevant.values()].reduce((sum, of) => sum + [...of.keys()].filter((id) => !corpus.has(id)).length, 0);
}

/** Ids of the queries that have a relevant document. */
function judged({ queries, relevant }: RetrievalData<unknown>): string[] {
  for (const query of relevant.keys()) {
    if (!queries.has(query))
      throw new Error(
        `a judgement is about query ${JSON.stringify(query)}, which is not among the ${queries.size} queries`,
      );
  }
  const asked = [...queries.keys()].filter((id) => [...(relevant.get(id)?.values() ?? [])].some((grade) => grade > 0));
  if (asked.length === 0) throw new Error("no query has a relevant document");
  return asked;
}
