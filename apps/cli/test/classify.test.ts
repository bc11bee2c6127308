// munjang-cli/classify beside scikit-learn, whose answers reference/classify/make.py wrote down.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
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

const golden = JSON.parse(readFileSync(new URL("golden/classify.json", import.meta.url), "utf8"));

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
    // A label that no text has and none was given is no class of these texts.
    const right = evaluateLabels(["a", "b"], ["a", "b"], ["a", "b", "c"]);
    expect([right.accuracy, right.macroF1, right.classes.length]).toEqual([1, 1, 3]);
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
