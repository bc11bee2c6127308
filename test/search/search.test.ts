import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  communityDetection,
  paraphraseMining,
  paraphraseMiningEmbeddings,
  type ScoreFunction,
  SentenceTransformer,
  type SimilarityFunction,
  semanticSearch,
  similarity,
} from "../../src/node.ts";
import { randomNumbers } from "../random.ts";

/*
 * The searches against those of sentence-transformers (reference/search/search.py), every score and every row, and against plain sorting.
 */
type Options = Record<string, number>;
interface Golden {
  readonly rows: Record<string, number[][]>;
  readonly searches: readonly {
    readonly queries: string;
    readonly corpus: string;
    readonly by: SimilarityFunction;
    readonly options: Options;
    readonly hits: readonly (readonly [id: number, score: number])[][];
  }[];
  readonly minings: readonly {
    readonly rows: string;
    readonly by: SimilarityFunction;
    readonly options: Options;
    readonly pairs: readonly (readonly [score: number, i: number, j: number])[];
  }[];
  readonly communities: readonly {
    readonly rows: string;
    readonly threshold: number;
    readonly options: Options;
    readonly communities: number[][];
  }[];
}
const golden = JSON.parse(readFileSync(join(import.meta.dirname, "../golden/search.json"), "utf8")) as Golden;
const rows = (name: string): Float32Array[] =>
  golden.rows[name].map((row) => Float32Array.from(row, (value) => value / 64));

/** Options of the reference by our names. */
const camel = (options: Options): Options =>
  Object.fromEntries(
    Object.entries(options).map(([name, value]) => [name.replace(/_(.)/g, (_, c: string) => c.toUpperCase()), value]),
  );

/** A score in float64, written down once more. */
function plain(a: Float32Array, b: Float32Array, by: SimilarityFunction): number {
  const sum = (f: (x: number, y: number) => number): number => a.reduce((total, x, i) => total + f(x, b[i]), 0);
  const length = (x: Float32Array): number =>
    Math.max(Math.sqrt(x.reduce((total, value) => total + value * value, 0)), 1e-12);
  if (by === "manhattan") return -sum((x, y) => Math.abs(x - y));
  if (by === "euclidean") return -Math.sqrt(sum((x, y) => (x - y) ** 2));
  return by === "dot" ? sum((x, y) => x * y) : sum((x, y) => x * y) / (length(a) * length(b));
}

/** Half a unit in the last place of float32, and what float64 may be off. */
const bound = (score: number): number => Math.abs(score) * 2 ** -24 + 1e-12;

interface Scored {
  readonly key: string;
  readonly score: number;
}

/**
 * The same scores in the same order, and the same keys where scores are equal, in whatever order. `all` holds every score there is: where some
 * equal to the last one were left out, which of them stand in a list is for nobody to say.
 */
function same(found: readonly Scored[], expected: readonly Scored[], all: ReadonlyMap<string, number>): void {
  expect(found.length).toBe(expected.length);
  for (let from = 0; from < found.length; ) {
    const { score } = expected[from];
    let to = from;
    while (to < expected.length && Math.abs(expected[to].score - score) < 1e-9) to++;
    for (let i = from; i < to; i++) {
      expect(Math.abs(found[i].score - expected[i].score), `score ${i}`).toBeLessThanOrEqual(bound(expected[i].score));
    }
    const keys = (list: readonly Scored[]): string[] =>
      list
        .slice(from, to)
        .map(({ key }) => key)
        .sort();
    const equal = [...all].filter(([, other]) => Math.abs(other - score) < 1e-9).map(([key]) => key);
    if (equal.length === to - from || to < expected.length) expect(keys(found)).toEqual(keys(expected));
    expect(equal).toEqual(expect.arrayContaining(keys(found)));
    from = to;
  }
}

describe("semanticSearch", () => {
  it.each(golden.searches)(
    "$queries in $corpus by $by, $options, as the reference",
    async ({ queries, corpus, by, options, hits }) => {
      const [a, b] = [rows(queries), rows(corpus)];
      const found = await semanticSearch(a, b, { scoreFunction: by, ...camel(options) });
      expect(found.length).toBe(hits.length);
      for (const [i, expected] of hits.entries()) {
        const all = new Map(b.map((row, j) => [String(j), plain(a[i], row, by)]));
        const list = found[i].map(({ corpusId, score }) => ({ key: String(corpusId), score }));
        const wanted = expected.map(([id, score]) => ({ key: String(id), score }));
        same(list, wanted, all);
      }
    },
  );

  const numbers = randomNumbers(5);
  const many = Array.from({ length: 1300 }, () => numbers(5).map((value) => Math.round(value * 4)));
  const asked = many.slice(0, 9);

  it.each(["cosine", "dot", "euclidean", "manhattan"] as const)(
    "by %s: the bits of similarity, sorted, equal scores by row; the same in chunks of any size",
    async (by) => {
      const table = similarity(asked, many, by);
      const expected = table.map((row) =>
        Array.from(row, (score, corpusId) => ({ corpusId, score }))
          .sort((a, b) => b.score - a.score || a.corpusId - b.corpusId)
          .slice(0, 40),
      );
      const options = { topK: 40, scoreFunction: by };
      expect(await semanticSearch(asked, many, options)).toEqual(expected);
      for (const [queryChunkSize, corpusChunkSize] of [
        [1, 1],
        [4, 7],
        [2, 513],
        [9, 1300],
      ]) {
        expect(await semanticSearch(asked, many, { ...options, queryChunkSize, corpusChunkSize })).toEqual(expected);
      }
    },
  );

  it("a function of one's own that answers with nothing, or later", async () => {
    const rows = [Float32Array.of(1, 0)];
    for (const scoreFunction of [() => undefined, async () => 1]) {
      await expect(semanticSearch(rows, rows, { scoreFunction: scoreFunction as never })).rejects.toThrow(
        "is not a number for rows 0 and 0",
      );
    }
  });

  it("a function of one's own, unrounded; one row; more hits than rows; nothing", async () => {
    const scoreFunction: ScoreFunction = (a, b) => -Math.abs(a[0] - b[0]) / 3;
    const corpus = [[4], [1], [2], [9]].map((row) => Float32Array.from(row));
    const expected = [
      [2, -1 / 3],
      [0, -1 / 3],
      [1, -2 / 3],
      [3, -6 / 3],
    ].map(([corpusId, score]) => ({ corpusId, score }));
    expected.sort((a, b) => b.score - a.score || a.corpusId - b.corpusId);
    expect(await semanticSearch(Float32Array.of(3), corpus, { scoreFunction })).toEqual([expected]);
    expect(await semanticSearch([], corpus)).toEqual([]);
    expect(await semanticSearch(corpus, [])).toEqual([[], [], [], []]);
  });
});

describe("paraphraseMining", () => {
  it.each(golden.minings)("of $rows by $by, $options, as the reference", async ({ rows: name, by, options, pairs }) => {
    const x = rows(name);
    const found = await paraphraseMiningEmbeddings(x, { scoreFunction: by, ...camel(options) });
    const scored = (list: readonly (readonly [number, number, number])[]): Scored[] =>
      list.map(([score, i, j]) => ({ key: `${i} ${j}`, score }));
    const all = new Map(
      x.flatMap((row, i) => x.slice(i + 1).map((other, k) => [`${i} ${i + 1 + k}`, plain(row, other, by)] as const)),
    );
    for (const [, i, j] of found) expect(i).toBeLessThan(j);
    same(scored(found), scored(pairs), all);
  });

  it("takes any number of pairs for all there are, and refuses more than can be held", async () => {
    const rows = [1, 2, 3].map((x) => Float32Array.of(x, 1));
    expect(await paraphraseMiningEmbeddings(rows, { maxPairs: Number.MAX_SAFE_INTEGER })).toHaveLength(3);
    const many = Array.from({ length: 6000 }, (_, n) => Float32Array.of(n + 1));
    const all = { maxPairs: Number.MAX_SAFE_INTEGER, topK: 6000 };
    await expect(paraphraseMiningEmbeddings(many, all)).rejects.toThrow("maxPairs");
  });

  it("is every pair sorted, where nothing limits it, in chunks of any size", async () => {
    const x = rows("tied");
    const table = similarity(x, x);
    const expected = x
      .flatMap((_, i) => x.slice(i + 1).map((__, k) => [table[i][i + 1 + k], i, i + 1 + k] as const))
      .sort((a, b) => b[0] - a[0] || a[1] - b[1] || a[2] - b[2]);
    expect(await paraphraseMiningEmbeddings(x)).toEqual(expected);
    expect(await paraphraseMiningEmbeddings(x, { queryChunkSize: 1, corpusChunkSize: 4 })).toEqual(expected);
    expect(await paraphraseMiningEmbeddings(x.slice(0, 1))).toEqual([]);
    expect(await paraphraseMiningEmbeddings([])).toEqual([]);
  });

  it("takes a model and texts, and gives encode its options", async () => {
    const model = await SentenceTransformer.load(join(import.meta.dirname, "../golden/models/plain"));
    try {
      const texts = ["하나 둘", "둘 하나", "one two", "하나 둘"];
      const options = { truncateDim: 3, prompt: "셋 " };
      const pairs = await paraphraseMining(model, texts, options);
      expect(pairs).toEqual(await paraphraseMiningEmbeddings(await model.encode(texts, options)));
      expect(pairs[0]).toEqual([1, 0, 3]);
      expect(pairs).not.toEqual(await paraphraseMining(model, texts));
    } finally {
      await model.dispose();
    }
  });
});

describe("communityDetection", () => {
  it.each(golden.communities)("of $rows from $threshold on, $options, as the reference", async (one) => {
    const x = rows(one.rows);
    const found = await communityDetection(x, { threshold: one.threshold, ...camel(one.options) });
    expect(found.map(({ length }) => length)).toEqual(one.communities.map(({ length }) => length));
    for (const [at, community] of found.entries()) {
      const [center, ...expected] = one.communities[at];
      expect(community[0]).toBe(center);
      const scored = (ids: readonly number[]): Scored[] =>
        ids.map((id) => ({ key: String(id), score: plain(x[center], x[id], "cosine") }));
      same(
        scored(community.slice(1)),
        scored(expected),
        new Map(scored(expected).map(({ key, score }) => [key, score])),
      );
    }
  });

  it("batches of any size, rows on one ray, rows in no community", async () => {
    const numbers = randomNumbers(3);
    const x = Array.from({ length: 700 }, () => numbers(3).map((value) => Math.round(value * 2) + 0.5));
    const options = { threshold: 1, minCommunitySize: 2 };
    const found = await communityDetection(x, options);
    // Every row has the same cosine, 1, with those on its own ray: the communities are the rays.
    const ray = (row: Float32Array): string => {
      const largest = Math.max(...row.map(Math.abs));
      return [...row].map((value) => (value / largest).toFixed(9)).join();
    };
    const groups = new Map<string, number[]>();
    for (const [i, row] of x.entries()) groups.set(ray(row), [...(groups.get(ray(row)) ?? []), i]);
    const expected = [...groups.values()]
      .filter(({ length }) => length >= 2)
      .sort((a, b) => b.length - a.length || a[0] - b[0]);
    expect(found).toEqual(expected);
    expect(found.length).toBeGreaterThan(20);
    for (const batchSize of [1, 100, 699])
      expect(await communityDetection(x, { ...options, batchSize })).toEqual(expected);
    expect(await communityDetection(x.slice(0, 5), { minCommunitySize: 6 })).toEqual([]);
    expect(await communityDetection([])).toEqual([]);
  });
});

describe("long searches", () => {
  const numbers = randomNumbers(1);
  const x = Array.from({ length: 1500 }, () => numbers(64));
  const searches = {
    semanticSearch: (options: object) => semanticSearch(x, x, options),
    paraphraseMiningEmbeddings: (options: object) => paraphraseMiningEmbeddings(x, { maxPairs: 10, ...options }),
    communityDetection: (options: object) => communityDetection(x, options),
  };

  it.each(Object.entries(searches))(
    "%s gives the event loop turns, tells how far it is, and stops",
    async (_, search) => {
      const told: number[] = [];
      let total = 0;
      let turns = 0;
      const timer = setInterval(() => turns++, 0);
      const onProgress = (progress: { done: number; total: number }): void => {
        told.push(progress.done);
        total = progress.total;
      };
      await search({ onProgress }).finally(() => clearInterval(timer));
      expect(turns).toBeGreaterThan(0);
      expect(told.length).toBeGreaterThan(5);
      expect(told).toEqual([...told].sort((a, b) => a - b));
      expect(told.at(-1)).toBe(total);

      const controller = new AbortController();
      let calls = 0;
      const stopped = search({
        signal: controller.signal,
        onProgress: () => {
          if (++calls === 2) controller.abort(new Error("enough"));
        },
      });
      await expect(stopped).rejects.toThrow("enough");
      expect(calls).toBe(2);
      await expect(search({ signal: AbortSignal.abort(new Error("before")) })).rejects.toThrow("before");
    },
  );
});

describe("what is refused", () => {
  const x = [Float32Array.of(1, 2), Float32Array.of(3, 4)];
  const searches: [string, () => Promise<unknown>, string][] = [
    ["rows that are none", () => semanticSearch("x" as never, x), 'queries = "x"'],
    [
      "a row that is none",
      () => semanticSearch(x, [[1, 2]] as never),
      "corpus[0] = [1,2]: must be a row of Float32Array",
    ],
    [
      "rows of two widths",
      () => paraphraseMiningEmbeddings([x[0], new Float32Array(3)]),
      "embeddings[1]: has 3 numbers",
    ],
    [
      "queries of another width",
      () => semanticSearch(new Float32Array(3), x),
      "corpus[0]: has 2 numbers, where another row has 3",
    ],
    ["topK", () => semanticSearch(x, x, { topK: 0 }), "topK = 0: must be a whole number of at least 1"],
    ["queryChunkSize", () => semanticSearch(x, x, { queryChunkSize: 0.5 }), "queryChunkSize = 0.5"],
    ["corpusChunkSize", () => semanticSearch(x, x, { corpusChunkSize: -1 }), "corpusChunkSize = -1"],
    ["scoreFunction", () => semanticSearch(x, x, { scoreFunction: "jaccard" as never }), 'scoreFunction = "jaccard"'],
    [
      "a score that is no number",
      () => semanticSearch(x, x, { scoreFunction: () => Number.NaN }),
      "is not a number for rows 0 and 0",
    ],
    [
      "a row with NaN",
      () => communityDetection([x[0], Float32Array.of(1, Number.NaN)], { minCommunitySize: 1 }),
      "for rows 0 and 1",
    ],
    ["signal", () => communityDetection(x, { signal: 1 as never }), "signal = 1"],
    ["onProgress", () => communityDetection(x, { onProgress: 1 as never }), "onProgress = 1"],
    ["maxPairs", () => paraphraseMiningEmbeddings(x, { maxPairs: 0 }), "maxPairs = 0"],
    ["threshold", () => communityDetection(x, { threshold: Number.NaN }), "threshold = NaN"],
    ["minCommunitySize", () => communityDetection(x, { minCommunitySize: 0 }), "minCommunitySize = 0"],
    ["batchSize", () => communityDetection(x, { batchSize: 0 }), "batchSize = 0"],
    ["a model that is none", () => paraphraseMining(x as never, ["a"]), "must be a SentenceTransformer"],
    ["texts that are none", () => paraphraseMining({ encode: async () => x }, "a" as never), 'sentences = "a"'],
  ];
  it.each(searches)("%s", async (_, search, message) => {
    await expect(search()).rejects.toMatchObject({ name: "ModelError", message: expect.stringContaining(message) });
  });
});
