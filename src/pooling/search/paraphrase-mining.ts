import { checkWhole, refuse } from "../../base/door.ts";
import { createBest, offer, ranked } from "./best.ts";
import { BLOCK, checkRows, checkSearch, pacer, type ScoreFunction, type SearchControl, scoresOf } from "./scores.ts";
import { take } from "./semantic-search.ts";

/** Options of `paraphraseMiningEmbeddings`. */
export interface MiningOptions extends SearchControl {
  /** Rows whose nearest are held at once. Results do not depend on it. Default: 5000. */
  queryChunkSize?: number;
  /** Rows compared with them at once. Results do not depend on it. Default: 100,000. */
  corpusChunkSize?: number;
  /** Pairs there may be at most. Default: 500,000. */
  maxPairs?: number;
  /** Of every row only so many nearest are looked at. Default: 100. */
  topK?: number;
  /** Symmetric. Default: `"cosine"`. */
  scoreFunction?: ScoreFunction;
}

/** Options of `paraphraseMining`: those, and what `encode` is told. */
export interface ParaphraseMiningOptions extends MiningOptions {
  promptName?: string;
  prompt?: string;
  truncateDim?: number;
  tokensPerBatch?: number;
}

/** The score of two rows, and which they are, `i < j`. */
export type ScoredPair = readonly [score: number, i: number, j: number];

/** What `paraphraseMining` needs of a model. */
export interface TextModel {
  /** A row for every text, in their order. */
  encode(
    texts: readonly string[],
    options: Pick<ParaphraseMiningOptions, "promptName" | "prompt" | "truncateDim" | "tokensPerBatch" | "signal">,
  ): Promise<Float32Array[]>;
}

/**
 * The pairs of texts that are nearest to each other, nearest first: `util.paraphrase_mining` of sentence-transformers. `onProgress` tells of
 * comparisons, which begin when all texts are encoded.
 *
 * @example
 * for (const [score, i, j] of await paraphraseMining(model, texts, { maxPairs: 100 })) console.log(score, texts[i], texts[j]);
 */
export async function paraphraseMining(
  model: TextModel,
  sentences: readonly string[],
  options: ParaphraseMiningOptions = {},
): Promise<ScoredPair[]> {
  checkMining(options);
  if (typeof model?.encode !== "function")
    refuse("model", "must be a SentenceTransformer (rows: paraphraseMiningEmbeddings)", model);
  if (!Array.isArray(sentences)) refuse("sentences", "must be an array of texts", sentences);
  const { promptName, prompt, truncateDim, tokensPerBatch, signal } = options;
  const rows = await model.encode(sentences, { promptName, prompt, truncateDim, tokensPerBatch, signal });
  return paraphraseMiningEmbeddings(rows, options);
}

/** Pairs that can be held at a time: a Set has no room for more. */
const MOST_PAIRS = 16_777_215;

/**
 * The pairs of rows that are nearest to each other, nearest first: `util.paraphrase_mining_embeddings`. A pair counts when one of its rows is
 * among the `topK` nearest of the other. Memory holds the nearest of `queryChunkSize` rows and `maxPairs` pairs. Of equal scores the pair
 * with the smaller indices goes first.
 *
 * @throws ModelError for what are no rows of one width, and for options that cannot be meant.
 */
export async function paraphraseMiningEmbeddings(
  embeddings: readonly Float32Array[],
  options: MiningOptions = {},
): Promise<ScoredPair[]> {
  const { queryChunkSize, corpusChunkSize, maxPairs, topK, scoreFunction } = checkMining(options);
  const D = checkRows("embeddings", embeddings);
  const N = embeddings.length;
  if (N < 2) return [];
  const scores = scoresOf(embeddings, embeddings, scoreFunction);
  const pace = pacer(N * N, D, options);
  // As in the reference: when there is one pair too many, the smaller of equal ones goes, and none that is as bad comes any more.
  const most = Math.min(maxPairs, (N * (N - 1)) / 2, N * topK);
  if (most > MOST_PAIRS)
    refuse("maxPairs", `must be ${MOST_PAIRS} at most for so many rows, or topK smaller`, maxPairs);
  const pairs = createBest(most, true);
  const queued = new Set<number>();
  let least = Number.NEGATIVE_INFINITY;
  const block = Math.min(BLOCK, corpusChunkSize);
  const out = new Float64Array(block);
  for (let first = 0; first < N; first += queryChunkSize) {
    const last = Math.min(first + queryChunkSize, N);
    const nearest = Array.from({ length: last - first }, () => createBest(Math.min(topK, N - 1)));
    for (let from = 0; from < N; from += block) {
      const to = Math.min(from + block, N);
      for (let i = first; i < last; i++) {
        scores(i, from, to, out);
        take(nearest[i - first], out, from, to, i);
        const turn = pace(to - from);
        if (turn !== undefined) await turn;
      }
    }
    for (let i = first; i < last; i++) {
      for (const { id: j, score } of ranked(nearest[i - first])) {
        if (score <= least) break; // nearest first
        const pair = i < j ? i * N + j : j * N + i;
        if (queued.has(pair)) continue;
        queued.add(pair);
        const worst = pairs.scores[0];
        const dropped = offer(pairs, score, pair);
        if (dropped < 0) continue;
        queued.delete(dropped);
        least = dropped === pair ? score : worst;
      }
    }
  }
  return ranked(pairs).map(({ id, score }) => [score, Math.floor(id / N), id % N]);
}

function checkMining(options: MiningOptions) {
  checkSearch(options);
  const { queryChunkSize = 5000, corpusChunkSize = 100_000, maxPairs = 500_000, topK = 100 } = options;
  const { scoreFunction = "cosine" } = options;
  for (const [field, value] of Object.entries({ queryChunkSize, corpusChunkSize, maxPairs, topK })) {
    checkWhole(field, value, 1);
  }
  return { queryChunkSize, corpusChunkSize, maxPairs, topK, scoreFunction };
}
