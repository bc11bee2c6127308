import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { check, exactly } from "../bench/ladder/check.ts";
import { ladder } from "../bench/ladder/index.ts";
import { climb } from "../bench/ladder/measure.ts";
import { ladderPlot } from "../bench/ladder/plot.ts";
import type { Product, Rung } from "../bench/ladder/rung.ts";
import { randomNumbers } from "./random.ts";

/* The rungs of the ladder multiply rightly, as far as they run here, and what checks them would notice if they did not. How fast they are no test says. */

const sizes = { M: 120, K: 64, N: 48 };
const [a, b] = [randomNumbers(1)(sizes.M * sizes.K), randomNumbers(2)(sizes.K * sizes.N)];
const exact = exactly(a, b, sizes);
/** What this runtime may lack. */
const MAY_BE_MISSING = /simd opcode|relaxed dot product|needs WebGPU/;

describe("the ladder", () => {
  it.for(ladder.map((rung) => [rung.name, rung] as const))("%s", async ([, rung], { skip }) => {
    let product: Product;
    try {
      product = await rung.make(b, sizes);
    } catch (error) {
      expect(String(error)).toMatch(MAY_BE_MISSING);
      skip(`not here: ${error}`);
      return;
    }
    await check(rung, product, a, exact, sizes);
    await product.dispose?.();
  });

  it("has a check that sees a sum one term short, a swapped row, a NaN, an old result", async () => {
    const right = ladder[0];
    const product = await right.make(b, sizes);
    const broken = (change: (c: Float32Array) => void): Product => ({
      async run(a, c) {
        await product.run(a, c);
        change(c);
      },
    });
    const refused = (product: Product, rung: Rung = right): Promise<void> =>
      expect(check(rung, product, a, exact, sizes)).rejects.toThrow(/naive is wrong/);
    await check(right, product, a, exact, sizes);
    await refused(broken((c) => c.set([c[0] - a[0] * b[0]])));
    await refused(broken((c) => c.copyWithin(0, sizes.N, 2 * sizes.N)));
    await refused(broken((c) => c.fill(Number.NaN, 5, 6)));
    await refused({ run: () => {} });
    await refused(
      broken((c) => c.set(c.map((x) => x * 1.01))),
      { ...right, roundoff: 2 ** -12 },
    );
  });

  it("is climbed: every rung has its figures or a reason", async () => {
    const { rungs, peak } = await climb({ sizes, rungs: ladder.slice(0, 10), rounds: 1, milliseconds: 1 });
    expect(peak).toBeGreaterThan(0);
    expect(rungs.length).toBe(10);
    for (const { rate, missing } of rungs) expect(rate?.median ?? missing).toBeTruthy();
    expect(rungs[9].missing).toMatch(/^needs --experimental/);
  });
});

it("docs/ladder.svg is the committed result's", () => {
  const read = (file: string): string => readFileSync(join(import.meta.dirname, "..", file), "utf8");
  expect(ladderPlot(JSON.parse(read("bench/results/ladder.json")))).toBe(read("docs/ladder.svg"));
});
