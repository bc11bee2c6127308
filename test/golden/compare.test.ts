import { describe, expect, it } from "vitest";
import { compare, worse, worstOf } from "./compare.ts";
import { goldenModels, readGolden } from "./read.ts";

// What a wrong engine would give must fail, on real goldens, or a green test says nothing.
const golden = readGolden("plain");
const text = golden.texts[0];
const { exact, library, shape } = text.hidden; // [layers + 1, T, H]
const bound = 1e-5;
const [, T, H] = shape;

describe("the checker of the golden tests", () => {
  it("passes the float32 library, whose errors are small but not zero", () => {
    const worst = compare(library, exact, bound, { shape });
    expect(worst.error).toBeGreaterThan(0);
    expect(worst.got).toBe(library[worst.at]);
  });

  it("fails zeros", () => {
    expect(() => compare(new Float32Array(exact.length), exact, bound)).toThrow(/off by/);
  });

  it("fails one NaN or Infinity, wherever it is, on either side", () => {
    for (const at of [0, 5, exact.length - 1]) {
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
        const got = Float64Array.from(exact);
        got[at] = bad;
        expect(() => compare(got, exact, Number.MAX_VALUE, { shape })).toThrow(/where/);
        expect(() => compare(exact, got, Number.MAX_VALUE, { shape })).toThrow(/where/);
      }
    }
  });

  it("fails a missing, an extra and an empty row", () => {
    expect(() => compare(exact.subarray(H), exact, bound)).toThrow(/numbers, not/);
    expect(() => compare(exact, exact.subarray(H), bound)).toThrow(/numbers, not/);
    expect(() => compare([], exact, bound)).toThrow(/numbers, not/);
  });

  it("fails two swapped rows, and says where", () => {
    const got = Float64Array.from(exact);
    got.set(exact.subarray(H, 2 * H), 2 * H);
    got.set(exact.subarray(2 * H, 3 * H), H);
    expect(() => compare(got, exact, bound, { shape })).toThrow(/at \[0,[12],\d+\]/);
  });

  it("fails a mean that is one term short", () => {
    const last = exact.subarray(-T * H);
    const mean = (from: number): Float64Array =>
      Float64Array.from({ length: H }, (_, h) => {
        let sum = 0;
        for (let t = from; t < T; t++) sum += last[t * H + h];
        return sum / (T - from);
      });
    expect(compare(mean(0), text.vector.exact, 1e-9).error).toBeLessThan(1e-9);
    expect(() => compare(mean(1), text.vector.exact, bound)).toThrow(/off by/);
  });

  it("fails one element that is off by little more than the bound", () => {
    const got = Float64Array.from(exact);
    got[7] += 1.01e-5;
    expect(() => compare(got, exact, bound)).toThrow(/at \[7\]/);
    got[7] = exact[7] + 0.99e-5;
    expect(compare(got, exact, bound).at).toBe(7);
  });

  it("measures by the row's largest element where asked, and only then", () => {
    const want = [100, 1, 2, 1];
    const got = [100, 1.0001, 2, 1];
    expect(worstOf(got, want).error).toBeCloseTo(1e-4, 10);
    expect(worstOf(got, want, { shape: [2, 2], relativeToRow: true }).error).toBeCloseTo(1e-6, 10);
    expect(worstOf([100, 1, 2, 1.0001], want, { shape: [2, 2], relativeToRow: true }).error).toBeCloseTo(5e-5, 10);
    expect(worstOf([1e-6, 0], [0, 0], { relativeToRow: true }).error).toBe(1e-6);
  });

  it("refuses a bound that compares nothing", () => {
    expect(() => compare([1], [1], Number.NaN)).toThrow(/bound/);
    expect(() => compare([1], [1], -1)).toThrow(/bound/);
    expect(() => compare([1, 2], [1, 2], 1, { shape: [3] })).toThrow(/shape/);
  });

  it("keeps the larger of two", () => {
    const a = worstOf([1, 2.5], [1, 2]);
    const b = worstOf([1, 2.25], [1, 2]);
    expect(worse(a, b)).toBe(a);
    expect(worse(b, a)).toBe(a);
  });
});

describe("the golden files", () => {
  it("cover every model folder, with the versions that made them", () => {
    const names = goldenModels();
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) {
      const one = readGolden(name);
      expect(one.model).toBe(name);
      expect(Object.keys(one.madeWith)).toEqual([
        "python",
        "numpy",
        "torch",
        "transformers",
        "tokenizers",
        "sentence-transformers",
      ]);
      expect(one.texts.length).toBeGreaterThan(3);
    }
  });

  it("hold a library that is close to the reference everywhere, and equal to it nowhere near everywhere", () => {
    for (const name of goldenModels()) {
      const one = readGolden(name);
      let different = 0;
      for (const { hidden, vector, modules } of one.texts) {
        for (const array of [hidden, vector, ...modules.map((m) => m.values)]) {
          compare(array.library, array.exact, 1e-5, { shape: array.shape, relativeToRow: one.outliers, what: name });
          array.exact.forEach((value, i) => {
            if (Math.fround(value) !== array.library[i]) different++;
          });
        }
      }
      expect(different, name).toBeGreaterThan(100);
    }
  });
});
