// munjang-cli/classify beside scikit-learn, whose answers reference/classify/make.py wrote down.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { characterFeatures, fitCharacters } from "../src/classify/characters.ts";
import { fromVectors } from "../src/classify/features.ts";
import {
  type Classifier,
  checkIdentity,
  classify,
  confusionSvg,
  evaluateLabels,
  readClassifier,
  sentencesOf,
  trainClassifier,
  writeClassifier,
} from "../src/classify/index.ts";
import { minimize } from "../src/classify/lbfgs.ts";
import { fitLogistic, probabilities } from "../src/classify/logistic.ts";
import { selectC, stratify, weightsOf } from "../src/classify/select.ts";
import { seeded } from "../src/random.ts";

const golden = JSON.parse(readFileSync(new URL("golden/classify.json", import.meta.url), "utf8"));

interface Fit {
  readonly C: number;
  readonly weighting: "balanced" | "none";
  readonly coefficients: number[][];
  readonly intercept: number[];
  readonly probabilities: number[][];
}
interface Set_ {
  readonly name: string;
  readonly x: number[][];
  readonly y: number[];
  readonly fits: Fit[];
}

/** The largest distance between two lists of numbers. */
function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
}

describe("logistic regression", () => {
  test.each(golden.sets as Set_[])("has scikit-learn's optimum: $name", ({ x, y, fits }) => {
    const K = Math.max(...y) + 1;
    const features = fromVectors(x);
    const classes = Int32Array.from(y);
    for (const { C, weighting, coefficients, intercept, probabilities: expected } of fits) {
      const classWeights = weightsOf(weighting, classes, K);
      const fitted = fitLogistic(features, classes, K, { C, classWeights, tolerance: 1e-9 });
      expect(fitted.converged).toBe(true);
      const from = K === 2 ? 1 : 0; // scikit-learn, too, has one set of weights for two classes
      expect(distance(fitted.dense.subarray(from * x[0].length), coefficients.flat())).toBeLessThan(1e-4);
      // The bias of many classes may be shifted as a whole, which no probability shows.
      const shift = K === 2 ? 0 : fitted.bias[0] - intercept[0];
      expect(
        distance(
          fitted.bias.subarray(from).map((b) => b - shift),
          intercept,
        ),
      ).toBeLessThan(1e-4);
      const rows = probabilities(features, fitted);
      expect(
        distance(
          rows.flatMap((row) => [...row]),
          expected.flat(),
        ),
      ).toBeLessThan(1e-4);
    }
  });

  test("has scikit-learn's character TF-IDF, and its probabilities with it", () => {
    const { texts, y, runs, idf, rows, fit } = golden.characters;
    const characters = fitCharacters(texts);
    expect(new Set(characters.runs)).toEqual(new Set(runs));
    // Sorted by code units here, by code points there: the same up to U+FFFF.
    expect(characters.runs).toEqual(runs);
    expect(distance(characters.idf, idf)).toBeLessThan(1e-6);
    const features = characterFeatures(characters, texts);
    for (const [i, row] of (rows as [number, number][][]).entries()) {
      const ours = Array.from(features.columns.subarray(features.starts[i], features.starts[i + 1]), (column, n) => {
        return [column, features.values[features.starts[i] + n]] as const;
      }).sort(([a], [b]) => a - b);
      expect(ours.map(([column]) => column)).toEqual(row.map(([column]) => column));
      expect(
        distance(
          ours.map(([, value]) => value),
          row.map(([, value]) => value),
        ),
      ).toBeLessThan(1e-6);
    }
    const classes = Int32Array.from(y as number[]);
    const classWeights = weightsOf("balanced", classes, 3);
    const fitted = fitLogistic(features, classes, 3, { C: fit.C, classWeights, tolerance: 1e-9 });
    const all = probabilities(features, fitted).flatMap((row) => [...row]);
    expect(distance(all, fit.probabilities.flat())).toBeLessThan(1e-4);
  });

  test("begins where it is told to, and needs fewer steps there", () => {
    const { x, y } = golden.sets[0] as Set_;
    const features = fromVectors(x);
    const classes = Int32Array.from(y);
    const options = { C: 1, classWeights: [1, 1, 1, 1], tolerance: 1e-8 };
    const cold = fitLogistic(features, classes, 4, options);
    const warm = fitLogistic(features, classes, 4, { ...options, start: cold });
    expect(warm.iterations).toBe(0);
    expect(distance(warm.dense, cold.dense)).toBe(0);
    const two = golden.sets[1] as Set_;
    const start = fitLogistic(fromVectors(two.x), Int32Array.from(two.y), 2, { ...options, classWeights: [1, 1] });
    const again = { ...options, classWeights: [1, 1], start };
    expect(fitLogistic(fromVectors(two.x), Int32Array.from(two.y), 2, again).iterations).toBe(0);
  });

  test("L-BFGS goes through a bent valley, and says where it gave up", () => {
    const rosenbrock = (x: Float64Array, gradient: Float64Array): number => {
      gradient.fill(0);
      let value = 0;
      for (let i = 0; i + 1 < x.length; i++) {
        const [a, b] = [1 - x[i], x[i + 1] - x[i] * x[i]];
        value += a * a + 100 * b * b;
        gradient[i] += -2 * a - 400 * x[i] * b;
        gradient[i + 1] += 200 * b;
      }
      return value;
    };
    const start = new Float64Array(20).fill(-1.2);
    const found = minimize(rosenbrock, start, { tolerance: 1e-9 });
    expect(found.converged).toBe(true);
    expect(distance(found.x, new Float64Array(20).fill(1))).toBeLessThan(1e-7);
    expect(minimize(rosenbrock, start, { tolerance: 1e-9, maxIterations: 5 })).toMatchObject({
      converged: false,
      iterations: 5,
    });
  });
});

describe("choice of C", () => {
  test("parts hold every class evenly, and a lone example is never tested with", () => {
    const classes = Int32Array.from([...Array(23).fill(0), ...Array(10).fill(1), ...Array(5).fill(2), 3]);
    const part = stratify(classes, 4, 5, seeded(3));
    for (let k = 0; k < 3; k++) {
      const counts = [0, 0, 0, 0, 0];
      for (const [i, p] of part.entries()) if (classes[i] === k) counts[p]++;
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }
    expect(part[38]).toBe(-1);
    expect(stratify(classes, 4, 5, seeded(3))).toEqual(part);
    expect(stratify(classes, 4, 5, seeded(4))).not.toEqual(part);
  });

  test("noise is held back, what is clear is not", () => {
    const random = seeded(1);
    const gauss = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const classes = Int32Array.from({ length: 60 }, (_, i) => i % 2);
    const options = { weighting: "balanced", folds: 5 } as const;
    const noise = fromVectors(Array.from(classes, () => Array.from({ length: 20 }, gauss)));
    const clear = fromVectors(
      Array.from(classes, (k) => Array.from({ length: 20 }, (_, j) => gauss() * 0.1 + (j === 0 ? k : 0))),
    );
    const chosen = [noise, clear].map((x) => selectC(x, classes, 2, { ...options, random: seeded(2) }));
    expect(chosen[0].C).toBeLessThan(0.1);
    expect(chosen[1].C).toBeGreaterThan(1);
    expect(chosen[1].tried.find(({ C }) => C === chosen[1].C)?.accuracy).toBe(1);
    expect(selectC(noise, classes, 2, { ...options, random: seeded(2) })).toEqual(chosen[0]);
  });
});

describe("classifier", () => {
  const { texts, y } = golden.characters as { texts: string[]; y: number[] };
  const names = ["탈것", "먹을 것", '날씨 "x"'];
  const labels = y.map((k) => names[k]);
  const vectors = y.map((k, i) => Float32Array.from([0.9, k === 0 ? 0.1 : 0, k === 1 ? 0.1 : 0, 0.001 * i]));

  test.each(["embeddings", "characters", "both"] as const)("of %s comes back from its file bit for bit", (features) => {
    const classifier = trainClassifier({ texts, vectors }, labels, { features });
    const again = readClassifier(writeClassifier(classifier), "c.json");
    expect(again).toEqual(classifier);
    const predictions = classify(again, { texts, vectors });
    expect(predictions).toEqual(classify(classifier, { texts, vectors }));
    expect(predictions.map(({ label }) => label)).toEqual(labels);
    for (const { probabilities: all } of predictions) expect(all.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
  });

  test("does not depend on how long vectors are, nor on what all of them share", () => {
    const options = { C: 1 };
    const plain = classify(trainClassifier({ vectors }, labels, options), { vectors });
    const long = vectors.map((vector) => vector.map((x) => 4 * x));
    expect(classify(trainClassifier({ vectors: long }, labels, options), { vectors })).toEqual(plain);
  });

  test("refuses what it cannot learn from", () => {
    expect(() => trainClassifier({ vectors: [] }, [])).toThrow(/no example/);
    expect(() =>
      trainClassifier(
        { vectors },
        labels.map(() => "하나"),
      ),
    ).toThrow(/all 14 examples have the label "하나"/);
    expect(() => trainClassifier({ vectors: vectors.slice(1) }, labels)).toThrow(/13 texts and 14 labels/);
    expect(() => trainClassifier({ vectors: [[1], [2]] }, ["a", "b"])).toThrow(/no label has two examples/);
    expect(() => trainClassifier({ vectors: [[1], [1, 2]] }, ["a", "b"])).toThrow(/vector 1 has 2 numbers/);
    expect(() => trainClassifier({ vectors: [[1], [Number.NaN]] }, ["a", "b"])).toThrow(/number 0 of vector 1 is NaN/);
    expect(() => trainClassifier({ vectors }, labels, { features: "characters" })).toThrow(/need "texts"/);
    expect(() => classify(trainClassifier({ vectors }, labels), { vectors: [[1, 2]] })).toThrow(
      /have 2 numbers.*trained with 4/,
    );
  });

  test("learns with C given where no label has two examples", () => {
    const classifier = trainClassifier(
      {
        vectors: [
          [1, 0],
          [0, 1],
        ],
      },
      ["a", "b"],
      { C: 10 },
    );
    expect(classifier).toMatchObject({ tried: [], folds: 0, C: 10 });
    expect(classify(classifier, { vectors: [[1, 0.1]] })[0].label).toBe("a");
  });

  test("files that are none, or damaged, are refused by field", () => {
    const good = writeClassifier(trainClassifier({ texts, vectors }, labels, { features: "both" }));
    const without = (change: (all: Record<string, unknown>) => void): string => {
      const all = JSON.parse(good);
      change(all);
      return JSON.stringify(all);
    };
    const read = (json: string) => () => readClassifier(json, "c.json");
    expect(read(good.slice(0, 100))).toThrow(/c\.json is no classifier: it is not JSON.*train it again/);
    expect(read("[]")).toThrow(/it has no "format"/);
    expect(
      read(
        without((all) => {
          all.version = 2;
        }),
      ),
    ).toThrow(/has version 2/);
    expect(
      read(
        without((all) => {
          all.labels = ["a"];
        }),
      ),
    ).toThrow(/"labels" of c\.json/);
    expect(
      read(
        without((all) => {
          all.labels = [1, 2];
        }),
      ),
    ).toThrow(/"labels" of c\.json must be an array of strings/);
    expect(
      read(
        without((all) => {
          (all.bias as number[]).pop();
        }),
      ),
    ).toThrow(/"bias" of c\.json has 2 items and must have 3/);
    expect(
      read(
        without((all) => {
          (all.weights as number[][])[1].pop();
        }),
      ),
    ).toThrow(/"weights" of c\.json has 3 items/);
    expect(
      read(
        without((all) => {
          (all.weights as unknown[][])[1][0] = null;
        }),
      ),
    ).toThrow(/"weights" of c\.json must be an array of numbers/);
    expect(
      read(
        without((all) => {
          delete all.characters;
        }),
      ),
    ).toThrow(/"characters" of c\.json is missing/);
    expect(
      read(
        without((all) => {
          all.features = "x";
        }),
      ),
    ).toThrow(/must be embeddings or characters or both/);
  });

  test("a model of another identity is refused, and the one it was trained with is named", () => {
    const identity = { numerics: 1, backend: "wasm", dtype: "int8", pooling: "mean", normalize: false, dimension: 4 };
    const all = { ...identity, maxSeqLength: 128, tokenizer: "{}", prompt: "", model: "abc" };
    const about = { identity: all, model: "owner/name" };
    const classifier: Classifier = trainClassifier({ vectors }, labels, { about });
    const again = readClassifier(writeClassifier(classifier), "c.json");
    expect(() => checkIdentity(again, all, "c.json")).not.toThrow();
    expect(() => checkIdentity(again, { ...all, model: "def", dtype: "float32" }, "c.json")).toThrow(
      /c\.json was trained with vectors of another model \(dtype "int8", not "float32"; model\).*--model owner\/name/,
    );
  });
});

describe("sentences", () => {
  const text = ' 비가 온다. "정말?" 3.5도였다!\n다음 줄 ';
  test("end where Unicode says", () => {
    expect(sentencesOf(text)).toEqual(["비가 온다.", '"정말?"', "3.5도였다!", "다음 줄"]);
  });
  test("end at marks and lines where there is no Intl.Segmenter", () => {
    expect(sentencesOf(text, null)).toEqual(["비가 온다.", '"정말?"', "3.5도였다!", "다음 줄"]);
    expect(sentencesOf("그렇다。\r\n\r\n아니다", null)).toEqual(["그렇다。", "아니다"]);
  });
});

describe("measures", () => {
  const { labels, actual, given, ...expected } = golden.measures;
  test("are scikit-learn's", () => {
    const found = evaluateLabels(actual, given, labels);
    expect(found.confusion).toEqual(expected.confusion);
    expect(found.accuracy).toBeCloseTo(expected.accuracy, 12);
    expect(found.macroF1).toBeCloseTo(expected.macroF1, 12);
    for (const [k, one] of found.classes.entries()) {
      expect(one).toMatchObject({ label: labels[k], examples: expected.classes[k].examples });
      for (const measure of ["precision", "recall", "f1"] as const) {
        expect(one[measure]).toBeCloseTo(expected.classes[k][measure], 12);
      }
    }
    expect(() => evaluateLabels([], [])).toThrow(/no text/);
  });

  test("the picture counts every cell, and labels cannot break it", () => {
    const bad = '</text><script>&"';
    const svg = confusionSvg(evaluateLabels(["a", "a", bad, "b"], ["a", bad, bad, "a"]));
    expect(svg.match(/<rect /g)).toHaveLength(1 + 9);
    expect(svg).toContain("a, given &lt;/text&gt;&lt;script&gt;&amp;&quot;: 1 of 2 (50.0 %)");
    expect(svg).not.toContain("<script");
    expect(svg).toContain("accuracy 50.0 %");
  });
});
