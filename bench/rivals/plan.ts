/** How much is measured: `--quick` for a look, `--int8` for what int8 is compared by, the full plan for everything. */
import { batchWork, mainWork, mixedWork, type Sizes } from "./works.ts";

export interface Plan {
  readonly mode: "quick" | "int8" | "full";
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
  // What int8 is measured by: sentences, mixed lengths, one sentence. Half an hour.
  int8: {
    mode: "int8",
    sizes: { sentences: 256, mixed: 32, lengths: [], tokens: 256, batches: [1] },
    rounds: 7,
    minutes: 45,
    milliseconds: 400,
    loads: 5,
    timed: (work) => !isCheck(work),
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
    minutes: 110,
    milliseconds: 400,
    loads: 3,
    timed: (work) => !isCheck(work),
  },
};
