// What the evaluations compute, against sentence-transformers, trec_eval and scikit-learn (reference/evaluate/make.py).
import { readFileSync } from "node:fs";
import { SentenceTransformer, type SimilarityFunction } from "munjang";
import { describe, expect, test } from "vitest";
import { fitTfidf, sparseCosine, tfidf } from "../../../bench/tfidf.ts";
import {
  type BinaryScores,
  evaluateBinary,
  evaluateRetrieval,
  evaluateSts,
  type Model,
  pearson,
  type RetrievalData,
  ranks,
  type StsPair,
  scatter,
  scoreBinary,
  scoreRetrieval,
  scoreSts,
  spearman,
} from "../src/evaluate/index.ts";
import { readTable } from "../src/table.ts";

interface Pairs {
  readonly unit: number;
  readonly a: number[][];
  readonly b: number[][];
  readonly scores: number[];
  readonly labels: number[];
  readonly sts: Record<string, number>;
  readonly binary: Record<string, number>;
}
interface Golden {
  readonly correlations: { x: number[]; y: number[]; ranks: number[]; pearson: number; spearman: number }[];
  readonly pairs: Pairs[];
  readonly retrieval: {
    readonly unit: number;
    readonly queries: Record<string, number[]>;
    readonly corpus: Record<string, number[]>;
    readonly grades: Record<string, Record<string, number>>;
    readonly binary: Record<string, number>;
    readonly trec: Record<string, Record<string, number>>;
  };
  readonly tfidf: { texts: string[]; asked: string[]; rows: Record<string, number>[]; cosines: number[][] };
}
const golden = JSON.parse(
  readFileSync(new URL("../../../test/golden/evaluate.json", import.meta.url), "utf8"),
) as Golden;

const FUNCTIONS = ["cosine", "dot", "manhattan", "euclidean"] as const;
const rows = (numbers: readonly number[][], unit: number): Float32Array[] =>
  numbers.map((row) => Float32Array.from(row, (value) => value / unit));

/** A model whose texts are the names of vectors. */
function modelOf(vectors: ReadonlyMap<string, Float32Array>): Model & { asked: string[][] } {
  const asked: string[][] = [];
  const encode = async (texts: readonly string[]): Promise<Float32Array[]> => {
    asked.push([...texts]);
    return texts.map((text) => vectors.get(text)!);
  };
  return { asked, encode, encodeQuery: encode, encodeDocument: encode, similarityFunction: "dot" } as never;
}

test("ranks and correlations of short lists, ties and great numbers included", () => {
  for (const { x, y, ranks: expected, ...correlations } of golden.correlations) {
    expect([...ranks(x)]).toEqual(expected);
    expect(pearson(x, y)).toBeCloseTo(correlations.pearson, 12);
    expect(spearman(x, y)).toBeCloseTo(correlations.spearman, 12);
  }
  expect(pearson([1, 2, 3], [0.1, 0.1, 0.1])).toBeNaN();
  expect(spearman([5, 5], [1, 2])).toBeNaN();
  expect(pearson([1, 2, 3], [10, 20, 30])).toBeCloseTo(1, 15);
});

describe.each(golden.pairs.map((pairs) => [pairs.scores.length, pairs] as const))("%d pairs", (_, pairs) => {
  const [a, b] = [rows(pairs.a, pairs.unit), rows(pairs.b, pairs.unit)];
  const vectors = new Map([
    ...a.map((row, i) => [`a${i}`, row] as const),
    ...b.map((row, i) => [`b${i}`, row] as const),
  ]);

  test("EmbeddingSimilarityEvaluator, to 1e-6", async () => {
    const { correlations, similarities, pairs: count } = scoreSts(a, b, pairs.scores);
    expect(count).toBe(pairs.scores.length);
    for (const by of FUNCTIONS) {
      expect(Math.abs(correlations[by].pearson - pairs.sts[`pearson_${by}`]), by).toBeLessThan(1e-6);
      expect(Math.abs(correlations[by].spearman - pairs.sts[`spearman_${by}`]), by).toBeLessThan(1e-6);
      expect(similarities[by]).toHaveLength(count);
    }
    const asPairs = pairs.scores.map((score, i) => ({ sentence1: `a${i}`, sentence2: `b${i}`, score }));
    const model = modelOf(vectors);
    expect(await evaluateSts(model, asPairs)).toEqual({ pairs: count, correlations, similarities });
    // A text that stands in two pairs is encoded once.
    const again = modelOf(vectors);
    await evaluateSts(again, [...asPairs, ...asPairs]);
    expect(again.asked).toEqual(model.asked);
  });

  test("BinaryClassificationEvaluator, limits included", async () => {
    const labels = pairs.labels.map((label) => label === 1);
    const result = scoreBinary(a, b, labels);
    expect(result).toMatchObject({ pairs: labels.length, same: labels.filter(Boolean).length });
    const names: Record<keyof BinaryScores, string> = {
      accuracy: "accuracy",
      accuracyThreshold: "accuracy_threshold",
      f1: "f1",
      f1Threshold: "f1_threshold",
      precision: "precision",
      recall: "recall",
      ap: "ap",
      mcc: "mcc",
    };
    for (const by of FUNCTIONS) {
      for (const [ours, theirs] of Object.entries(names)) {
        const [found, expected] = [result.scores[by][ours as keyof BinaryScores], pairs.binary[`${by}_${theirs}`]];
        expect(Math.abs(found - expected), `${by} ${ours}: ${found}, ${expected}`).toBeLessThan(1e-6);
      }
    }
    const asPairs = labels.map((same, i) => ({ sentence1: `a${i}`, sentence2: `b${i}`, same }));
    expect(await evaluateBinary(modelOf(vectors), asPairs)).toEqual(result);
  });
});

test("the limits of pairs that cannot be told apart", () => {
  const one = [Float32Array.of(1), Float32Array.of(1), Float32Array.of(1)];
  const { cosine } = scoreBinary(one, one, [true, false, false]).scores;
  // Nothing taken is best; the limit is the next number above.
  expect(cosine).toMatchObject({ accuracy: 2 / 3, f1: 0.5, precision: 1 / 3, recall: 1, ap: 1 / 3, mcc: 0 });
  expect(cosine.accuracyThreshold).toBe(1 + 2 ** -23);
  const zero = scoreBinary(one, one, [true, false, false]).scores.euclidean;
  expect(zero.accuracyThreshold).toBe(-(2 ** -149));
});

describe("retrieval", () => {
  const { unit, queries, corpus, grades, binary, trec } = golden.retrieval;
  const entries = (of: Record<string, number[]>) =>
    Object.entries(of).map(([id, numbers]) => [id, Float32Array.from(numbers, (value) => value / unit)] as const);
  const data: RetrievalData<Float32Array> = {
    queries: new Map(entries(queries)),
    corpus: new Map(entries(corpus)),
    relevant: new Map(Object.entries(grades).map(([query, of]) => [query, new Map(Object.entries(of))])),
  };
  const cutoffs = { mrr: [1, 10, 70], ndcg: [3, 10], map: [5, 70, 100], at: [1, 3, 5, 10] };
  const plain: RetrievalData<Float32Array> = {
    ...data,
    relevant: new Map(
      [...data.relevant].map(([query, of]) => [query, new Map([...of].map(([id, grade]) => [id, Math.min(grade, 1)]))]),
    ),
  };

  test.each(FUNCTIONS)("InformationRetrievalEvaluator, by %s", async (similarityFunction) => {
    const result = await scoreRetrieval(plain, { cutoffs, similarityFunction });
    expect(result).toMatchObject({ queries: 8, documents: 70, similarityFunction });
    const expected = Object.entries(binary).filter(([name]) => name.startsWith(`${similarityFunction}_`));
    expect(expected.length).toBe(19);
    for (const [name, value] of expected) {
      expect(result.measures[name.slice(similarityFunction.length + 1)], name).toBeCloseTo(value, 12);
    }
  });

  test.each(FUNCTIONS)("trec_eval with graded relevance, by %s", async (similarityFunction) => {
    const { measures } = await scoreRetrieval(data, { cutoffs, similarityFunction });
    const expected = trec[similarityFunction];
    const names: Record<string, string> = {
      "mrr@70": "recip_rank",
      "map@70": "map",
      "ndcg@3": "ndcg_cut_3",
      "ndcg@10": "ndcg_cut_10",
    };
    for (const k of [1, 3, 5, 10]) {
      names[`recall@${k}`] = `recall_${k}`;
      names[`precision@${k}`] = `P_${k}`;
      names[`accuracy@${k}`] = `success_${k}`;
    }
    for (const [ours, theirs] of Object.entries(names)) expect(measures[ours], ours).toBeCloseTo(expected[theirs], 12);
    expect(measures["ndcg@10"]).not.toBeCloseTo(binary[`${similarityFunction}_ndcg@10`], 3);
  });

  test("of texts, through a model, in the order of any map", async () => {
    const vectors = new Map([...data.queries, ...data.corpus]);
    const names = (of: ReadonlyMap<string, unknown>) => new Map([...of.keys()].reverse().map((id) => [id, id]));
    const texts = { queries: names(data.queries), corpus: names(data.corpus), relevant: data.relevant };
    const result = await evaluateRetrieval(modelOf(vectors), texts, { cutoffs });
    const expected = await scoreRetrieval(data, { cutoffs, similarityFunction: "dot" });
    for (const [name, value] of Object.entries(expected.measures)) expect(result.measures[name]).toBeCloseTo(value, 12);
  });

  test("equal scores by id, as code points", async () => {
    const same = Float32Array.of(1);
    const find = async (relevantId: string) => {
      const corpus = new Map(["𝄞", "가", "\uffee", "a"].map((id) => [id, same]));
      const relevant = new Map([["q", new Map([[relevantId, 1]])]]);
      return (await scoreRetrieval({ queries: new Map([["q", same]]), corpus, relevant })).measures["mrr@10"];
    };
    expect(await Promise.all(["a", "가", "\uffee", "𝄞"].map(find))).toEqual([1, 1 / 2, 1 / 3, 1 / 4]);
  });
});

describe("what cannot be evaluated", () => {
  const one = [Float32Array.of(1)];
  const two = [Float32Array.of(1), Float32Array.of(2)];
  test("pairs", async () => {
    expect(() => scoreSts([], [], [])).toThrow("no pairs have no correlation");
    expect(() => scoreSts(one, one, [1])).toThrow("one pair has no correlation");
    expect(() => scoreSts(two, two, [3, 3])).toThrow("all 2 scores are 3");
    expect(() => scoreSts(two, two, [3, Number.NaN])).toThrow("the score of pair 2 is not a number: NaN");
    expect(() => scoreSts(one, two, [1, 2])).toThrow("1 and 2 vectors for 2 scores");
    expect(() => scoreBinary(one, two, [true, false])).toThrow("1 and 2 vectors for 2 labels");
    expect(() => scoreBinary([], [], [])).toThrow("no pairs to tell apart");
    expect(() => scoreBinary(two, two, [false, false])).toThrow("all 2 pairs do not belong together");
    expect(() => scoreBinary(two, two, [true, true])).toThrow("all 2 pairs belong together");
    // Before anything is encoded.
    const model = modelOf(new Map());
    const sentences = { sentence1: "a", sentence2: "b" };
    await expect(evaluateSts(model, [{ ...sentences, score: 1 }])).rejects.toThrow("it takes two");
    await expect(evaluateBinary(model, [{ ...sentences, same: true }])).rejects.toThrow("nothing to tell apart");
    expect(model.asked).toEqual([]);
  });

  test("judgements", async () => {
    const queries = new Map([["q", one[0]]]);
    const corpus = new Map([["d", one[0]]]);
    const find = (query: string, id: string, grade: number) =>
      scoreRetrieval({ queries, corpus, relevant: new Map([[query, new Map([[id, grade]])]]) });
    await expect(find("x", "d", 1)).rejects.toThrow('query "x", which is not among the 1 queries');
    expect((await find("q", "x", 1)).measures["recall@10"]).toBe(0); // a document that is not there is never found
    await expect(find("q", "d", 0)).rejects.toThrow("no query has a relevant document");
    expect((await find("q", "d", 1)).measures["ndcg@10"]).toBe(1);
  });
});

describe("scatter", () => {
  test("is a picture of all points, whatever their labels hold", () => {
    const points = [
      { x: 0, y: 0.25, label: '<b> & "q"\u0000 \ud800' },
      { x: 5, y: 1 },
      { x: 2.5, y: 0.6, label: "가" },
    ];
    const svg = scatter(points, { title: "a < b", x: "score", y: "cosine" });
    expect(svg.match(/<circle /g)).toHaveLength(3);
    expect(svg).toContain("<title>&lt;b&gt; &amp; &quot;q&quot;\ufffd \ufffd</title>");
    expect(svg).toContain("<title>a &lt; b</title>");
    // Ticks are round numbers around all points: 0 to 5, and 0.2 to 1.
    for (const tick of ["0", "5", "0.2", "0.4", "1"]) expect(svg).toContain(`>${tick}</text>`);
    expect(svg).not.toContain("NaN");
    const places = [...svg.matchAll(/cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)]);
    expect(places[0][0]).toBeLessThan(places[2][0]);
    expect(places[2][0]).toBeLessThan(places[1][0]);
    expect(places[0][1]).toBeGreaterThan(places[2][1]);
  });

  test("of one point, and of equal ones", () => {
    for (const value of [0, 3, -1e-9, 1e9]) {
      const svg = scatter(
        [
          { x: value, y: value },
          { x: value, y: value },
        ],
        { title: "", x: "", y: "" },
      );
      expect(svg).not.toMatch(/NaN|Infinity|undefined/);
      expect(svg.match(/<circle /g)).toHaveLength(2);
    }
  });
});

test("bench/tfidf.ts is scikit-learn's TfidfVectorizer of characters inside words", () => {
  const { texts, asked, rows: expected, cosines } = golden.tfidf;
  const fitted = fitTfidf(texts);
  const found = asked.map((text) => tfidf(fitted, text));
  for (const [i, row] of found.entries()) {
    expect([...row.keys()].sort(), asked[i]).toEqual(Object.keys(expected[i]).sort());
    for (const [run, value] of row) expect(value).toBeCloseTo(expected[i][run], 12);
    for (const [j, other] of found.entries()) expect(sparseCosine(row, other)).toBeCloseTo(cosines[i][j], 12);
  }
});

const data = process.env.MUNJANG_DATA;
test.skipIf(data === undefined)("KLUE-STS dev, as in the committed result (needs MUNJANG_DATA)", async () => {
  const pairs: StsPair[] = [];
  const columns = ["sentence1", "sentence2", "real_label"];
  for await (const { values } of readTable(`${data}/klue-sts/dev.tsv`, { columns })) {
    pairs.push({ sentence1: values.sentence1, sentence2: values.sentence2, score: Number(values.real_label) });
  }
  const model = await SentenceTransformer.load("munjang-mini-ko");
  const { correlations } = await evaluateSts(model, pairs);
  await model.dispose();
  const committed = readFileSync(new URL("../../../bench/results/evaluate.json", import.meta.url), "utf8");
  expect(correlations.cosine).toEqual(JSON.parse(committed).correlations["KLUE-STS dev"].model);
});

// The compiler is asked: a loaded model is what the evaluations take.
export type Fits = SentenceTransformer extends Model ? SimilarityFunction : never;
