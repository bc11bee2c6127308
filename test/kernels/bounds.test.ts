import { describe, expect, it } from "vitest";
import { randomNumbers } from "../random.ts";
import { compareWithin } from "./bounds.ts";

/* The checker must be able to fail: the bound is that of the linear tests. */
describe("compareWithin", () => {
  const K = 64;
  const random = randomNumbers(7);
  const [x, w] = [random(4 * K), random(4 * K)];
  const product = (length: number): Float64Array =>
    Float64Array.from({ length: 16 }, (_, i) => {
      let sum = 0;
      for (let k = 0; k < length; k++) sum += x[(i >> 2) * K + k] * w[(i & 3) * K + k];
      return sum;
    });
  const exact = product(K);
  const rounded = Float32Array.from(exact);
  const bound = (i: number): number => 2 ** -24 * Math.abs(exact[i]) + K * K * 2 ** -53;

  it("passes what is right", () => expect(() => compareWithin(rounded, exact, bound)).not.toThrow());
  it("fails zeros", () => expect(() => compareWithin(new Float32Array(16), exact, bound)).toThrow("times its bound"));
  it("fails a NaN", () => expect(() => compareWithin(rounded.with(3, Number.NaN), exact, bound)).toThrow("NaN is not"));
  it("fails a swapped row", () => {
    const swapped = Float32Array.of(...rounded.slice(4, 8), ...rounded.slice(0, 4), ...rounded.slice(8));
    expect(() => compareWithin(swapped, exact, bound)).toThrow("times its bound");
  });
  it("fails a sum one term short", () =>
    expect(() => compareWithin(product(K - 1), exact, bound)).toThrow("times its bound"));
  it("fails a missing element", () =>
    expect(() => compareWithin(rounded.slice(1), exact, bound)).toThrow("15 numbers"));
  it("fails a bound that allows anything", () => {
    expect(() => compareWithin(rounded, exact, () => Number.NaN)).toThrow("compares nothing");
  });
});
