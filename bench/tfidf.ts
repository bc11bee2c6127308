/**
 * Character TF-IDF, the baseline that costs nothing: scikit-learn's `TfidfVectorizer(analyzer="char_wb", ngram_range=range, sublinear_tf=True)`, which a
 * test compares it with.
 */

export interface Tfidf {
  readonly range: readonly [shortest: number, longest: number];
  /** How rare every run of characters is. */
  readonly idf: ReadonlyMap<string, number>;
}

/** Weights of runs of characters, learnt from texts. */
export function fitTfidf(texts: readonly string[], range: Tfidf["range"] = [1, 3]): Tfidf {
  const found = new Map<string, number>();
  for (const text of texts) for (const run of runsOf(text, range).keys()) found.set(run, (found.get(run) ?? 0) + 1);
  const idf = [...found].map(([run, count]) => [run, Math.log((1 + texts.length) / (1 + count)) + 1] as const);
  return { range, idf: new Map(idf) };
}

/** A text's runs and their weights, of length 1; without a known run it is empty. */
export function tfidf({ range, idf }: Tfidf, text: string): Map<string, number> {
  const known = [...runsOf(text, range)].flatMap(([run, count]) => {
    const weight = idf.get(run);
    return weight === undefined ? [] : [[run, (1 + Math.log(count)) * weight] as const];
  });
  const norm = Math.sqrt(known.reduce((sum, [, value]) => sum + value * value, 0));
  return new Map(known.map(([run, value]) => [run, value / norm]));
}

/** 0 where one of them is empty. */
export function sparseCosine(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const [run, value] of a) sum += value * (b.get(run) ?? 0);
  return sum;
}

/** Runs inside words, a blank on each side; a word that is shorter than a run counts once. */
function runsOf(text: string, [shortest, longest]: Tfidf["range"]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of text.toLowerCase().split(/\s+/).filter(Boolean)) {
    const letters = Array.from(` ${word} `);
    for (let length = shortest; length <= longest; length++) {
      const last = Math.max(0, letters.length - length);
      for (let i = 0; i <= last; i++) {
        const run = letters.slice(i, i + length).join("");
        counts.set(run, (counts.get(run) ?? 0) + 1);
      }
      if (last === 0) break;
    }
  }
  return counts;
}
