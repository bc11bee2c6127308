/** How much is measured: `--quick` for a look, the full plan for results that are kept. */
import { batchWork, mainWork, mixedWork, type Sizes } from "./works.ts";

export interface Plan {
  readonly mode: "quick" | "full";
  readonly sizes: Sizes;
  /** Rounds at most, and minutes in all; at least one round is done. */
  readonly rounds: number;
  readonly minutes: number;
  /** Least time of a sample. */
  readonly milliseconds: number;
  /** Processes started for the load time of each engine. */
  readonly loads: number;
  readonly timed: (work: string, threads: number) => boolean;
}

const isCheck = (work: string): boolean => work.startsWith("check") || work === "first";

export const PLANS: Readonly<Record<Plan["mode"], Plan>> = {
  quick: {
    mode: "quick",
    sizes: { sentences: 64, mixed: 8, lengths: [4, 16, 64], tokens: 128, batches: [1, 8, 32] },
    rounds: 2,
    minutes: 6,
    milliseconds: 100,
    loads: 1,
    timed: (work, threads) => !isCheck(work) && (threads === 1 || [mainWork, mixedWork, batchWork(1)].includes(work)),
  },
  full: {
    mode: "full",
    sizes: {
      sentences: 256,
      mixed: 32,
      lengths: [4, 8, 16, 32, 64, 128],
      tokens: 256,
      batches: [1, 4, 16, 64, 256],
    },
    rounds: 7,
    minutes: 90,
    milliseconds: 400,
    loads: 3,
    timed: (work) => !isCheck(work),
  },
};
