import { describe, expect, it } from "vitest";
import { compare, judge } from "../bench/rivals/check.ts";
import { ENGINES } from "../bench/rivals/engines.ts";
import { kernelLimits } from "../bench/rivals/limits.ts";
import { PLANS } from "../bench/rivals/plan.ts";
import { summary } from "../bench/rivals/results.ts";
import type { State } from "../bench/rivals/state.ts";
import { mainTable, page } from "../bench/rivals/tables.ts";
import { gflopOf, mainWork, makeWorks, tokensOf } from "../bench/rivals/works.ts";

describe("the check of a rival's vectors", () => {
  const right = Float32Array.from({ length: 12 }, (_, i) => Math.sin(i + 1));
  const verdict = (got: Float32Array, precision: "float32" | "int8" = "float32"): boolean =>
    judge([compare(got, right, 3)], precision, "test").passed;

  it("lets small differences pass, and those of int8", () => {
    expect(verdict(right.map((v) => v + 5e-5))).toBe(true);
    expect(verdict(right.map((v) => v * 1.02))).toBe(false);
    expect(
      verdict(
        right.map((v) => v * 1.02),
        "int8",
      ),
    ).toBe(true);
  });
  it.each([
    ["zeros", new Float32Array(12)],
    ["a NaN", right.with(5, Number.NaN)],
    ["two rows swapped", Float32Array.of(...right.subarray(4, 8), ...right.subarray(0, 4), ...right.subarray(8))],
    ["a row missing", right.subarray(0, 8)],
    ["nothing", new Float32Array()],
  ])("notices %s", (_, wrong) => {
    expect(verdict(wrong)).toBe(false);
    expect(verdict(wrong, "int8")).toBe(false);
  });
});

it("work is counted without padding: 0.17 GFLOP a token, attention beside it", () => {
  expect(gflopOf({ name: "", ids: [[2]] })).toBeCloseTo(0.1699, 4);
  const together = gflopOf({ name: "", ids: [Array(128).fill(5)] });
  expect(together / 128).toBeGreaterThan(1.02 * 0.1699);
});

it("the kernel limits run, as written for either width", async () => {
  for (const rates of [await kernelLimits(128, 1, 20), await kernelLimits(256, 1, 20)]) {
    expect(rates.register).toBeGreaterThan(0.1);
    expect(rates.cached).toBeGreaterThan(0.1);
  }
});

it("a run that was cut off after a round still makes a page, with who was not measured", () => {
  const { works } = makeWorks(PLANS.quick.sizes, (text) => [2, ...[...text].map((_, i) => i + 5), 3]);
  const main = works.find(({ name }) => name === mainWork);
  expect(main?.ids.length).toBe(PLANS.quick.sizes.sentences);
  expect(new Set(main?.texts).size).toBe(PLANS.quick.sizes.sentences);
  expect(works.filter(({ name }) => name.startsWith("length ")).map(tokensOf)).toEqual([128, 128, 128]);
  const key = `${mainWork}|ids|munjang-wasm`;
  const state: State = {
    mode: "quick",
    date: "2026-01-01",
    machine: { cpu: "a CPU" },
    sentences: "some",
    vocabulary: "some",
    install: { munjang: 1_000_000 },
    phases: [
      {
        threads: 1,
        engines: {
          "munjang-wasm": { about: {}, load: [1000, 1200, 900], first: [1100], after: { resident: 5e8, peak: 6e8 } },
          torch: { about: {}, load: [], first: [], skipped: "there is none" },
        },
        tried: { [key]: { 96: 1000, 256: 900 } },
        samples: { [key]: [800, 1000, 900] },
        rates: { "product-jax-js": [{ product: 30 }] },
        limits: { [`${mainWork}|ids|limits-128`]: [{ register: 60, cached: 50 }] },
        busy: [1, 1, 1],
        rounds: 3,
        done: false,
      },
    ],
  };
  const result = summary(state, works);
  expect(result.complete).toBe(false);
  expect(result.rows[0]).toMatchObject({ engine: "munjang", batch: 256, rounds: [800, 1000, 900] });
  expect(result.rows[0].ofCached).toBeGreaterThan(0);
  expect(mainTable(result)).toContain("| sentence-transformers on PyTorch | not measured |");
  expect(page(result, ["a.svg"])).toContain("there is none");
});

it("every engine has a name of its own kind", () => {
  expect(new Set(ENGINES.map(({ id }) => id)).size).toBe(ENGINES.length);
});
