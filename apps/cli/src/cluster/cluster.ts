import { communityDetection } from "munjang";
import { agglomerate, type Linkage } from "./agglomerative.ts";
import { kMeans } from "./kmeans.ts";
import { meanSilhouette, silhouettes } from "./silhouette.ts";
import { product, type Rows, unitRows } from "./vectors.ts";
import { clusterWords } from "./words.ts";

export type Method = "kmeans" | "agglomerative" | "community";

export const METHODS: readonly Method[] = ["kmeans", "agglomerative", "community"];

export interface ClusterOptions {
  /** Default "kmeans". */
  readonly method?: Method;
  /** For k-means and agglomerative. K-means without it takes the number of the best silhouette. */
  readonly clusters?: number;
  /** Cosine from which texts belong together; for agglomerative and community. */
  readonly threshold?: number;
  /** For agglomerative. Default "average". */
  readonly linkage?: Linkage;
  /** Texts a community has at least. Default 10, as in sentence-transformers. */
  readonly minSize?: number;
  /** For k-means. Default 0. */
  readonly seed?: number;
  /** For k-means. Default 5. */
  readonly restarts?: number;
}

export interface Cluster {
  readonly size: number;
  /** Words that tell it from the others, the most telling first; none where only vectors are given. */
  readonly words: readonly string[];
  /** The row nearest its centre. */
  readonly central: number;
  /** Mean silhouette of its rows. */
  readonly silhouette: number;
}

export interface Clustering {
  readonly method: Method;
  /** The largest first. */
  readonly clusters: readonly Cluster[];
  /** Cluster of each row, -1 for none, [N]. */
  readonly assignments: Int32Array;
  /** Mean of the rows that are in one, -1 to 1; NaN for fewer than two clusters. */
  readonly silhouette: number;
  /** Silhouettes that decided how many clusters k-means makes; empty where that was said. */
  readonly tried: readonly { readonly clusters: number; readonly silhouette: number }[];
}

/** Numbers of clusters that are tried, up to half of the rows. */
const NUMBERS = [2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30];
/** Beginnings for each of them. */
const SCAN = 3;

/** Groups vectors, and names the groups by the words of their texts. @throws Error for what cannot be grouped so. */
export async function cluster(
  vectors: readonly ArrayLike<number>[],
  texts: readonly string[] | undefined,
  options: ClusterOptions = {},
): Promise<Clustering> {
  const { method = "kmeans" } = options;
  if (vectors.length < 2)
    throw new Error(`${vectors.length === 0 ? "no text" : "one text"} cannot be clustered: give two or more`);
  if (texts !== undefined && texts.length !== vectors.length) {
    throw new Error(`there are ${vectors.length} vectors and ${texts.length} texts`);
  }
  const rows = unitRows(vectors);
  const { found, tried } = await group(rows, vectors, options);
  const assignments = bySize(found);
  const K = assignments.reduce((most, k) => Math.max(most, k), -1) + 1;
  const words = texts === undefined ? [] : clusterWords(texts, assignments);
  const values = silhouettes(rows, assignments);
  const clusters = Array.from({ length: K }, (_, k) => describe(rows, assignments, values, k, words[k] ?? []));
  return { method, clusters, assignments, silhouette: meanSilhouette(rows, assignments), tried };
}

async function group(
  rows: Rows,
  vectors: readonly ArrayLike<number>[],
  { method = "kmeans", clusters, threshold, linkage, minSize = 10, seed, restarts }: ClusterOptions,
): Promise<{ found: Int32Array; tried: Clustering["tried"] }> {
  if (method === "agglomerative") return { found: agglomerate(rows, { linkage, threshold, clusters }), tried: [] };
  if (method === "community") {
    if (threshold === undefined) throw new Error("communities need a threshold");
    const communities = await communityDetection(
      vectors.map((vector) => Float32Array.from(vector)),
      { threshold, minCommunitySize: minSize },
    );
    const found = new Int32Array(rows.count).fill(-1);
    for (const [k, members] of communities.entries()) for (const i of members) found[i] = k;
    return { found, tried: [] };
  }
  if (clusters !== undefined) return { found: kMeans(rows, clusters, { seed, restarts }).clusters, tried: [] };
  const tried: { clusters: number; silhouette: number }[] = [];
  const different = countDifferent(rows, NUMBERS[NUMBERS.length - 1]);
  if (different < 2) throw new Error("all texts are the same: there is nothing to tell apart");
  for (const K of NUMBERS.filter((K) => K <= different && (K === 2 || 2 * K <= rows.count))) {
    // A few beginnings are enough to see how many there are; where they lie is looked at once more with all.
    tried.push({
      clusters: K,
      silhouette: meanSilhouette(rows, kMeans(rows, K, { seed, restarts: Math.min(SCAN, restarts ?? SCAN) }).clusters),
    });
  }
  const best = tried.reduce((a, b) => (b.silhouette > a.silhouette ? b : a));
  return { found: kMeans(rows, best.clusters, { seed, restarts }).clusters, tried };
}

/** How many rows differ, up to so many: each is kept as text, which is large. */
function countDifferent({ count, width, data }: Rows, most: number): number {
  const seen = new Set<string>();
  for (let i = 0; i < count && seen.size < most; i++) seen.add(data.subarray(i * width, (i + 1) * width).join());
  return seen.size;
}

/** Clusters numbered anew: the largest is 0; of equal ones the one whose first row comes first. */
function bySize(found: Int32Array): Int32Array {
  const sizes = new Map<number, number>();
  for (const k of found) if (k >= 0) sizes.set(k, (sizes.get(k) ?? 0) + 1);
  const order = [...sizes].sort(([, a], [, b]) => b - a).map(([k]) => k);
  const numbers = new Map(order.map((k, n) => [k, n]));
  return found.map((k) => numbers.get(k) ?? -1);
}

function describe(
  { count, width, data }: Rows,
  assignments: Int32Array,
  values: Float64Array,
  k: number,
  words: readonly string[],
): Cluster {
  const members = Array.from({ length: count }, (_, i) => i).filter((i) => assignments[i] === k);
  const sum = new Float32Array(width);
  for (const i of members) for (let d = 0; d < width; d++) sum[d] += data[i * width + d];
  let central = members[0];
  let most = Number.NEGATIVE_INFINITY;
  for (const i of members) {
    const closeness = product(data, i, sum, 0, width);
    if (closeness > most) {
      most = closeness;
      central = i;
    }
  }
  const silhouette = members.reduce((total, i) => total + values[i], 0) / members.length;
  return { size: members.length, words, central, silhouette };
}
