import { checkWhole } from "../../base/door.ts";
import { type Best, createBest, offer, ranked } from "./best.ts";
import { BLOCK, checkRows, checkSearch, pacer, type ScoreFunction, type SearchControl, scoresOf } from "./scores.ts";

/** Options of `semanticSearch`. */
export interface SemanticSearchOptions extends SearchControl {
  /** Queries compared at once. Results do not depend on it. Default: 100. */
  queryChunkSize?: number;
  /** Rows of the corpus compared at once. Results do not depend on it. Default: 500,000. */
  corpusChunkSize?: number;
  /** Hits a query has at most. Default: 10. */
  topK?: number;
  /** Default: `"cosine"`. */
  scoreFunction?: ScoreFunction;
}

/** A row of the corpus that is near a query. */
export interface SearchHit {
  readonly corpusId: number;
  readonly score: number;
}

/**
 * The rows of the corpus nearest to every query, nearest first: `util.semantic_search` of sentence-transformers. Exact: everything is compared
 * with everything, in memory for the hits alone. One row as the query gives one list too. Of equal scores the earlier row of the corpus
 * goes first (the reference leaves that to torch).
 *
 * @throws ModelError for what are no rows of one width, and for options that cannot be meant.
 * @example
 * const [hits] = await semanticSearch(await model.encodeQuery("졸리다"), await model.encodeDocument(texts), { topK: 3 });
 */
export async function semanticSearch(
  queries: Float32Array | readonly Float32Array[],
  corpus: readonly Float32Array[],
  options: SemanticSearchOptions = {},
): Promise<SearchHit[][]> {
  checkSearch(options);
  const { queryChunkSize = 100, corpusChunkSize = 500_000, topK = 10, scoreFunction = "cosine" } = options;
  checkWhole("queryChunkSize", queryChunkSize, 1);
  checkWhole("corpusChunkSize", corpusChunkSize, 1);
  checkWhole("topK", topK, 1);
  const rows = queries instanceof Float32Array ? [queries] : queries;
  const D = checkRows("queries", rows);
  checkRows("corpus", corpus, rows.length === 0 ? undefined : D);
  const found = rows.map(() => createBest(Math.min(topK, corpus.length)));
  const scores = scoresOf(rows, corpus, scoreFunction);
  const pace = pacer(rows.length * corpus.length, D, options);
  const block = Math.min(BLOCK, corpusChunkSize);
  const out = new Float64Array(block);
  for (let start = 0; start < corpus.length; start += corpusChunkSize) {
    const end = Math.min(start + corpusChunkSize, corpus.length);
    for (let first = 0; first < rows.length; first += queryChunkSize) {
      const last = Math.min(first + queryChunkSize, rows.length);
      for (let from = start; from < end; from += block) {
        const to = Math.min(from + block, end);
        for (let i = first; i < last; i++) {
          scores(i, from, to, out);
          take(found[i], out, from, to);
          const turn = pace(to - from);
          if (turn !== undefined) await turn;
        }
      }
    }
  }
  return found.map((best) => ranked(best).map(({ id, score }) => ({ corpusId: id, score })));
}

/** Offers the scores of rows `from` to `to`, but for one row. */
export function take(best: Best, out: Float64Array, from: number, to: number, except = -1): void {
  for (let j = from; j < to; j++) {
    // Rows come in order, so that one with the score of the worst is worse.
    if (best.size === best.scores.length && out[j - from] <= best.scores[0]) continue;
    if (j !== except) offer(best, out[j - from], j);
  }
}
