/**
 * Words that stand for clusters: class-based TF-IDF, the share a word has of a cluster's words times how rare it is in all of them (Grootendorst
 * 2022). Not the words whose vectors are nearest the centre: a sentence encoder has seen few texts of one word, their vectors lie beside each other
 * and far from all sentences, and a library that is given vectors has no model to make them with.
 */

/** Endings of Korean nouns. A word that is another word of the texts and one of them counts as that word. */
const PARTICLES = [
  ...[
    "에서는",
    "으로는",
    "에게는",
    "이라고",
    "에서",
    "에게",
    "으로",
    "까지",
    "부터",
    "보다",
    "처럼",
    "이나",
    "라고",
    "이다",
  ],
  ...["은", "는", "이", "가", "을", "를", "에", "의", "도", "로", "과", "와", "만"],
];

/** Shortest stem, in letters: shorter ones would be cut out of words that only end so. */
const STEM = 2;

/** Words of a text in small letters, without numbers and marks. */
function wordsOf(text: string): string[] {
  const words = text
    .normalize("NFC")
    .toLowerCase()
    .match(/[\p{L}\p{M}][\p{L}\p{M}\p{N}'’-]*/gu);
  return (words ?? []).filter((word) => Array.from(word).length > 1);
}

/** Every word without its particle, where that is a word of these texts by itself, or with another particle. */
function stems(all: Iterable<string>): Map<string, string> {
  const words = new Set(all);
  const cuts = (word: string): string[] =>
    PARTICLES.filter((ending) => word.endsWith(ending) && word.length - ending.length >= STEM).map((ending) =>
      word.slice(0, -ending.length),
    );
  const seen = new Map<string, number>();
  for (const word of words) for (const stem of cuts(word)) seen.set(stem, (seen.get(stem) ?? 0) + 1);
  return new Map(
    Array.from(words, (word) => {
      const stem = cuts(word).find((stem) => words.has(stem) || (seen.get(stem) ?? 0) > 1);
      return [word, stem ?? word];
    }),
  );
}

/** The words that tell each cluster from the others, the most telling first, [K][up to `count`]. Rows of no cluster (-1) count for none. */
export function clusterWords(texts: readonly string[], clusters: Int32Array, count = 5): string[][] {
  const K = clusters.reduce((most, k) => Math.max(most, k), -1) + 1;
  const perText = texts.map(wordsOf);
  const stemOf = stems(perText.flat());
  const counts = Array.from({ length: K }, () => new Map<string, number>());
  const sums = new Array<number>(K).fill(0);
  const total = new Map<string, number>();
  for (const [i, words] of perText.entries()) {
    const k = clusters[i];
    if (k < 0) continue;
    // Once a text: one that repeats itself would speak for the whole cluster.
    for (const word of new Set(words.map((word) => stemOf.get(word) ?? word))) {
      counts[k].set(word, (counts[k].get(word) ?? 0) + 1);
      total.set(word, (total.get(word) ?? 0) + 1);
      sums[k]++;
    }
  }
  const mean = sums.reduce((a, b) => a + b, 0) / Math.max(1, K);
  return counts.map((of, k) =>
    Array.from(of, ([word, n]) => ({ word, score: (n / sums[k]) * Math.log(1 + mean / (total.get(word) ?? 1)) }))
      .sort((a, b) => b.score - a.score || (a.word < b.word ? -1 : 1))
      .slice(0, count)
      .map(({ word }) => word),
  );
}
