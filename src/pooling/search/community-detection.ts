import { checkWhole, refuse } from "../../base/door.ts";
import { norm } from "../similarity.ts";
import { BLOCK, checkRows, checkSearch, cosines, pacer, type SearchControl, scoresOf } from "./scores.ts";

/** Options of `communityDetection`. */
export interface CommunityOptions extends SearchControl {
  /** Cosine from which on two rows are near. Default: 0.75. */
  threshold?: number;
  /** Rows a community has at least. Default: 10. */
  minCommunitySize?: number;
  /** Rows compared with all others at once. Results do not depend on it. Default: 1024. */
  batchSize?: number;
}

/**
 * Groups of rows that are near a central one: `util.community_detection` of sentence-transformers. The largest first; in each the central
 * row first, then the others, nearest first (of equal cosines the earlier row). No row is in two of them, and many may be in none.
 *
 * Memory holds a count a row, and never the communities that overlap: those that are left are searched a second time.
 *
 * @throws ModelError for what are no rows of one width, and for options that cannot be meant.
 */
export async function communityDetection(
  embeddings: readonly Float32Array[],
  options: CommunityOptions = {},
): Promise<number[][]> {
  checkSearch(options);
  const { threshold = 0.75, minCommunitySize = 10, batchSize = 1024 } = options;
  if (!Number.isFinite(threshold)) refuse("threshold", "must be a number", threshold);
  checkWhole("minCommunitySize", minCommunitySize, 1);
  checkWhole("batchSize", batchSize, 1);
  const D = checkRows("embeddings", embeddings);
  if (embeddings.length < minCommunitySize) return [];
  const search = { embeddings, D, least: Math.fround(threshold), minCommunitySize, batchSize };
  const counts = await countNear(search, options);
  return separate(search, counts, options);
}

interface Search {
  readonly embeddings: readonly Float32Array[];
  readonly D: number;
  /** As a cosine is rounded. */
  readonly least: number;
  readonly minCommunitySize: number;
  readonly batchSize: number;
}

/** How many rows are near each, itself included. A cosine is the same both ways, so each is computed once. */
async function countNear({ embeddings, D, least, batchSize }: Search, control: SearchControl): Promise<Uint32Array> {
  const N = embeddings.length;
  const counts = new Uint32Array(N);
  const scores = scoresOf(embeddings, embeddings, "cosine");
  const pace = pacer((N * (N + 1)) / 2, D, control);
  const out = new Float64Array(BLOCK);
  for (let first = 0; first < N; first += batchSize) {
    const last = Math.min(first + batchSize, N);
    for (let start = first; start < N; start += BLOCK) {
      const to = Math.min(start + BLOCK, N);
      for (let i = first; i < Math.min(last, to); i++) {
        const from = Math.max(start, i);
        scores(i, from, to, out);
        for (let j = from; j < to; j++) {
          if (out[j - from] < least) continue;
          counts[i]++;
          if (j !== i) counts[j]++;
        }
        const turn = pace(to - from);
        if (turn !== undefined) await turn;
      }
    }
  }
  return counts;
}

/** The largest communities, without rows that a larger one has taken. */
async function separate(
  { embeddings, D, least, minCommunitySize }: Search,
  counts: Uint32Array,
  { signal }: SearchControl,
): Promise<number[][]> {
  const N = embeddings.length;
  const centers = Array.from({ length: N }, (_, i) => i)
    .filter((i) => counts[i] >= minCommunitySize)
    .sort((a, b) => counts[b] - counts[a]);
  const pace = pacer(Number.POSITIVE_INFINITY, D, { signal });
  const out = new Float64Array(BLOCK);
  const used = new Uint8Array(N);
  const lengths = Float64Array.from(embeddings, norm);
  let free = Array.from({ length: N }, (_, i) => i);
  let scores = cosines(embeddings, lengths, embeddings, lengths);
  const communities: number[][] = [];
  for (const center of centers) {
    if (used[center]) continue;
    const near: { readonly id: number; readonly score: number }[] = [];
    for (let from = 0; from < free.length; from += BLOCK) {
      const to = Math.min(from + BLOCK, free.length);
      scores(center, from, to, out);
      for (let j = from; j < to; j++) if (out[j - from] >= least) near.push({ id: free[j], score: out[j - from] });
      const turn = pace(to - from);
      if (turn !== undefined) await turn;
    }
    if (near.length < minCommunitySize) continue;
    near.sort((a, b) => b.score - a.score || a.id - b.id);
    const community = [center, ...near.map(({ id }) => id).filter((id) => id !== center)];
    communities.push(community);
    for (const id of community) used[id] = 1;
    free = free.filter((id) => !used[id]);
    const rows = free.map((id) => embeddings[id]);
    scores = cosines(
      embeddings,
      lengths,
      rows,
      Float64Array.from(free, (id) => lengths[id]),
    );
  }
  return communities.sort((a, b) => b.length - a.length);
}
