import { product, type Rows } from "./vectors.ts";

/** The cosine of two groups: of their most alike rows, of their least alike ones, or the mean over all pairs. */
export type Linkage = "average" | "complete" | "single";

export const LINKAGES: readonly Linkage[] = ["average", "complete", "single"];

/** All pairs are held in memory, 4 bytes each: at 15,000 rows, 450 MB. */
export const MOST_ROWS = 15_000;

export interface AgglomerativeOptions {
  /** Default "average". */
  readonly linkage?: Linkage;
  /** Groups of at least this cosine are put together. */
  readonly threshold?: number;
  /** Or, until that many are left. */
  readonly clusters?: number;
}

interface Merge {
  readonly a: number;
  readonly b: number;
  readonly distance: number;
}

/**
 * Puts the nearest groups together, beginning with single rows, and answers the cluster of each row, [N], numbered by first row. Distances are
 * 1 - cosine. By chains of nearest neighbours (Murtagh 1983): the same tree as by looking for the nearest pair each time, in N² steps instead of N³.
 *
 * @throws Error for more than `MOST_ROWS` rows, or more clusters than rows.
 */
export function agglomerate(
  rows: Rows,
  { linkage = "average", threshold, clusters }: AgglomerativeOptions,
): Int32Array {
  const N = rows.count;
  if (N > MOST_ROWS) {
    throw new Error(
      `${N} texts are too many to compare all pairs in memory (at most ${MOST_ROWS}): take k-means or communities`,
    );
  }
  if (clusters !== undefined && clusters > N) throw new Error(`${N} texts cannot be ${clusters} clusters`);
  if ((threshold === undefined) === (clusters === undefined))
    throw new Error("give threshold or clusters, one of them");
  const merges = tree(rows, linkage).sort((x, y) => x.distance - y.distance);
  /** Products of float32 rows of length one: equal rows may be that far from 1. */
  const ROUNDING = 1e-6;
  const near = 1 - (threshold ?? 0) + ROUNDING;
  const wanted =
    threshold === undefined ? N - (clusters ?? 1) : merges.filter(({ distance }) => distance <= near).length;
  const parent = Int32Array.from({ length: N }, (_, i) => i);
  const root = (i: number): number => {
    while (parent[i] !== i) {
      parent[i] = parent[parent[i]];
      i = parent[i];
    }
    return i;
  };
  for (const { a, b } of merges.slice(0, wanted)) parent[root(a)] = root(b);
  const numbers = new Map<number, number>();
  return Int32Array.from({ length: N }, (_, i) => {
    const at = root(i);
    if (!numbers.has(at)) numbers.set(at, numbers.size);
    return numbers.get(at) ?? 0;
  });
}

/** All N - 1 merges, each by a row of both groups, not in order. */
function tree({ count: N, width: D, data }: Rows, linkage: Linkage): Merge[] {
  /** Distances of pairs i > j. */
  const distances = new Float32Array((N * (N - 1)) / 2);
  const at = (i: number, j: number): number => (i > j ? (i * (i - 1)) / 2 + j : (j * (j - 1)) / 2 + i);
  for (let i = 1; i < N; i++) for (let j = 0; j < i; j++) distances[at(i, j)] = 1 - product(data, i, data, j, D);
  const sizes = new Int32Array(N).fill(1); // 0: the group is part of another
  const merges: Merge[] = [];
  const chain: number[] = [];
  let first = 0;
  while (merges.length < N - 1) {
    if (chain.length === 0) {
      while (sizes[first] === 0) first++;
      chain.push(first);
    }
    const here = chain[chain.length - 1];
    // The one before first: of equal distances it must win, or the chain would go round.
    let near = chain.length > 1 ? chain[chain.length - 2] : -1;
    let least = near < 0 ? Number.POSITIVE_INFINITY : distances[at(here, near)];
    for (let i = 0; i < N; i++) {
      if (sizes[i] === 0 || i === here) continue;
      const distance = distances[at(here, i)];
      if (distance < least) {
        least = distance;
        near = i;
      }
    }
    if (chain.length < 2 || near !== chain[chain.length - 2]) {
      chain.push(near);
      continue;
    }
    chain.length -= 2;
    merges.push({ a: here, b: near, distance: least });
    for (let i = 0; i < N; i++) {
      if (sizes[i] === 0 || i === here || i === near) continue;
      const [x, y] = [distances[at(here, i)], distances[at(near, i)]];
      if (linkage === "single") distances[at(near, i)] = Math.min(x, y);
      else if (linkage === "complete") distances[at(near, i)] = Math.max(x, y);
      else distances[at(near, i)] = (sizes[here] * x + sizes[near] * y) / (sizes[here] + sizes[near]);
    }
    sizes[near] += sizes[here];
    sizes[here] = 0;
  }
  return merges;
}
