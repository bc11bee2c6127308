/**
 * Interleaved timing. Machines are shared and their clocks wander, so rivals take turns within one run, and what is compared is the
 * ratio within a round: it holds where absolute figures do not.
 */
import { cpus } from "node:os";
import { cpu } from "./cpu.ts";
import { writeResult } from "./result.ts";

export interface Case {
  readonly name: string;
  /** One call of the work to be timed. What it returns is kept, so that nothing is optimised away. */
  readonly run: () => unknown;
  /** What one call does, in the unit of the report: GFLOP, MB, sentences. */
  readonly amount: number;
}

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export interface Result {
  readonly name: string;
  /** Amount a second, over the rounds. */
  readonly rate: Spread;
  /** This case's rate over the first case's, round by round. */
  readonly ratio: Spread;
}

let sink: unknown;

/** Times every case for some `milliseconds` a round, in turn, after one round of warming up. The first case is the one compared with. */
export async function interleaved(cases: readonly Case[], rounds = 9, milliseconds = 200): Promise<Result[]> {
  const rates: number[][] = cases.map(() => []);
  for (let round = -1; round < rounds; round++) {
    for (const [i, { run, amount }] of cases.entries()) {
      const start = performance.now();
      let calls = 0;
      let passed = 0;
      do {
        sink = await run();
        calls++;
        passed = performance.now() - start;
      } while (passed < milliseconds);
      if (round >= 0) rates[i].push((calls * amount * 1000) / passed);
    }
  }
  if (sink === rates) throw new Error("never");
  return cases.map(({ name }, i) => ({
    name,
    rate: spread(rates[i]),
    ratio: spread(rates[i].map((rate, round) => rate / rates[0][round])),
  }));
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return { min: sorted[0], median: sorted[sorted.length >> 1], max: sorted[sorted.length - 1] };
}

export interface Machine {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly v8: string;
  readonly platform: string;
}

/** What the figures were measured on. */
export function machine(): Machine {
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: cpu(),
    cores: cpus().length,
    node: process.versions.node,
    v8: process.versions.v8,
    platform: `${process.platform} ${process.arch}`,
  };
}

/** Prints a table, and writes the figures beside those of earlier runs. */
export function report(title: string, unit: string, results: readonly Result[], file: string): void {
  const about = machine();
  console.log(`${title}\n${about.cpu}, Node ${about.node}\n`);
  console.log(`${"".padEnd(44)}${`${unit}/s`.padStart(10)}  (min … max)          times the first (min … max)`);
  for (const { name, rate, ratio } of results) {
    const range = `(${rate.min.toPrecision(3)} … ${rate.max.toPrecision(3)})`;
    const times = `${ratio.median.toFixed(2)} (${ratio.min.toFixed(2)} … ${ratio.max.toFixed(2)})`;
    console.log(`${name.padEnd(44)}${rate.median.toPrecision(3).padStart(10)}  ${range.padEnd(20)} ${times}`);
  }
  writeResult(file, { title, unit: `${unit}/s`, ...about, results });
}
