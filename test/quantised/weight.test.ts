import { describe, expect, it } from "vitest";
import { balanceOf, columnRanges, quantiseRow, quantiseWeight } from "../../src/quantised/weight.ts";
import { randomNumbers } from "../random.ts";

const f = Math.fround;

describe("a row as whole numbers", () => {
  const quantise = (...row: number[]) => {
    const q = new Int8Array(row.length);
    return { scale: quantiseRow(q, Float32Array.from(row)), q: [...q] };
  };

  it("has the largest magnitude at 127, and ties go to the even number", () => {
    expect(quantise(127, -127, 0.5, 1.5, 2.5, -0.5, -1.5, 3.4, 3.6)).toEqual({
      scale: 1,
      q: [127, -127, 0, 2, 2, 0, -2, 3, 4],
    });
    expect(quantise(-2, 1, 0)).toEqual({ scale: f(2 / 127), q: [-127, 64, 0] });
  });

  it("of zeros has the scale 1", () => expect(quantise(0, 0, -0)).toEqual({ scale: 1, q: [0, 0, 0] }));

  it("never leaves -127 to 127, however the scale was rounded", () => {
    const random = randomNumbers(5);
    for (let i = 0; i < 200; i++) {
      const { q, scale } = quantise(...random(40).map((value) => value * 10 ** ((i % 9) - 4)));
      expect(Math.max(...q.map(Math.abs))).toBe(127);
      expect(scale).toBeGreaterThan(0);
    }
    // So small that the scale is no normal number, and rounds far.
    for (const tiny of [1e-43, 3e-44, 2e-45])
      for (const value of quantise(tiny, -tiny, tiny / 2).q) expect(Math.abs(value)).toBeLessThanOrEqual(127);
  });
});

describe("the balance", () => {
  it("is the root of weights over activations, column by column", () => {
    const balance = balanceOf(Float32Array.of(4, 1, 0.25), Float32Array.of(1, 9, 4), 4);
    expect([...balance]).toEqual([0.5, 3, 4]);
  });

  it("takes other shares of the two", () => {
    const [activations, weights] = [Float32Array.of(256), Float32Array.of(6561)];
    expect([...balanceOf(activations, weights, 0)]).toEqual([6561]);
    expect(balanceOf(activations, weights, 8)[0]).toBeCloseTo(1 / 256, 9);
    expect(balanceOf(activations, weights, 2)[0]).toBeCloseTo(6561 ** 0.75 / 256 ** 0.25, 3);
  });

  it("does not trust columns that hardly took part", () => {
    const balance = balanceOf(Float32Array.of(1000, 0.001, 0), Float32Array.of(1, 1, 1), 4);
    expect(balance[1]).toBe(1);
    expect(balance[2]).toBe(1);
  });

  it("leaves alone what has no weights, or none at all", () => {
    expect([...balanceOf(Float32Array.of(1, 4), Float32Array.of(0, 1), 4)]).toEqual([1, 0.5]);
    expect([...balanceOf(Float32Array.of(0, 0), Float32Array.of(1, 1), 4)]).toEqual([1, 1]);
  });
});

it("finds the largest magnitude of each column", () => {
  expect([...columnRanges(Float32Array.of(1, -5, 2, -3, 4, 0), 3)]).toEqual([3, 5, 2]);
});

it("quantises a weight so that q · scale · balance is near it, and sums each row", () => {
  const [N, K] = [7, 30];
  const weight = randomNumbers(3)(N * K);
  const balance = randomNumbers(4)(K).map((value) => Math.abs(value) + 0.5);
  const { data, scale, sum, shape, balance: kept } = quantiseWeight(weight, N, K, balance);
  expect(shape).toEqual([N, K]);
  expect(kept).toBe(balance);
  for (let n = 0; n < N; n++) {
    let total = 0;
    for (let k = 0; k < K; k++) {
      const q = data[n * K + k];
      total += q;
      // Half a step, and what float32 rounds.
      expect(Math.abs(q * scale[n] * balance[k] - weight[n * K + k])).toBeLessThanOrEqual(
        0.5001 * scale[n] * balance[k],
      );
    }
    expect(sum[n]).toBe(total);
  }
});
