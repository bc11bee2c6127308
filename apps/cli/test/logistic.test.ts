// The regression munjang-cli/classify is made of, and how it chooses C, beside scikit-learn, whose answers reference/classify/make.py wrote down.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { characterFeatures, fitCharacters } from "../src/classify/characters.ts";
import { fromVectors } from "../src/classify/features.ts";
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
