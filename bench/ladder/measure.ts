import { randomNumbers } from "../../test/random.ts";
import { check, exactly } from "./check.ts";
import { ladder } from "./index.ts";
import { peak } from "./peak.ts";
import type { Product, Rung, Sizes } from "./rung.ts";

/** The square layers of KR-SBERT, for ten sentences of twelve tokens. */
export const SIZES: Sizes = { M: 120, K: 768, N: 768 };

export interface RungResult {
  readonly name: string;
  readonly idea: string;
  /** GFLOP/s (of whole numbers: as many operations), over the rounds; or why there are none. */
  readonly rate?: { readonly min: number; readonly median: number; readonly max: number };
  readonly missing?: string;
  /** The rung it is compared with, where that is not the one before. */
  readonly after?: string;
  /** Somebody else's. */
  readonly outside?: true;
}

/** How many times as fast as the rung it grew from, and that rung's number where it is not the one before; undefined where there is nothing to compare. */
export function gain(rungs: readonly RungResult[], n: number): { times: number; over?: number } | undefined {
  const { rate, after, outside } = rungs[n];
  const from = after === undefined ? n - 1 : rungs.findIndex(({ name }) => name === after);
  const base = rungs[from]?.rate;
  if (rate === undefined || base === undefined || outside) return undefined;
  return { times: rate.median / base.median, ...(after === undefined ? {} : { over: from + 1 }) };
}

export interface LadderResult {
  readonly sizes: Sizes;
  /** GFLOP/s of one core in registers alone; undefined where it cannot. */
  readonly peak: number;
  readonly fusedPeak: number | undefined;
  readonly rungs: readonly RungResult[];
}

export interface LadderOptions {
  readonly rungs?: readonly Rung[];
  readonly sizes?: Sizes;
  readonly rounds?: number;
  /** Of each rung in each round. */
  readonly milliseconds?: number;
  /** Told of each rung as it is made, and after every round. */
  readonly onProgress?: (what: string) => void | Promise<void>;
  /** Whether V8 was told this. */
  readonly hasFlag?: (flag: string) => boolean;
}

/** Checks every rung, then times them in turn: machines are shared, and what happens to one happens to all. */
export async function climb(options: LadderOptions = {}): Promise<LadderResult> {
  const { rungs = ladder, sizes = SIZES, rounds = 7, milliseconds = 150, onProgress = () => {} } = options;
  const { hasFlag = () => false } = options;
  const [a, b] = [randomNumbers(1)(sizes.M * sizes.K), randomNumbers(2)(sizes.K * sizes.N)];
  const exact = exactly(a, b, sizes);
  const c = new Float32Array(exact.c.length);
  const made: { rung: Rung; product?: Product; missing?: string; rates: number[] }[] = [];
  for (const rung of rungs) {
    await onProgress(rung.name);
    const entry: (typeof made)[number] = { rung, rates: [] };
    made.push(entry);
    if (rung.flag !== undefined && !hasFlag(rung.flag)) {
      entry.missing = `needs ${rung.flag}`;
      continue;
    }
    try {
      entry.product = await rung.make(b, sizes);
    } catch (error) {
      entry.missing = error instanceof Error ? error.message : String(error);
      continue;
    }
    await check(rung, entry.product, a, exact, sizes);
  }
  const flop = 2 * sizes.M * sizes.K * sizes.N;
  for (let round = -1; round < rounds; round++) {
    await onProgress(`round ${round + 1} of ${rounds}`);
    for (const { product, rates } of made) {
      if (product === undefined) continue;
      let [calls, passed] = [0, 0];
      const start = performance.now();
      do {
        await product.run(a, c);
        calls++;
        passed = performance.now() - start;
      } while (passed < milliseconds);
      if (round >= 0) rates.push((calls * flop) / 1e6 / passed); // the first warms up
    }
  }
  for (const { product } of made) await product?.dispose?.();
  return {
    sizes,
    peak: await peak(false),
    fusedPeak: await peak(true).catch(() => undefined),
    rungs: made.map(({ rung: { name, idea, after, outside }, missing, rates }) => {
      if (missing !== undefined) return { name, idea, missing, after, outside };
      const sorted = [...rates].sort((x, y) => x - y);
      return {
        name,
        idea,
        after,
        outside,
        rate: { min: sorted[0], median: sorted[sorted.length >> 1], max: sorted[sorted.length - 1] },
      };
    }),
  };
}
