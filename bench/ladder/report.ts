import type { Machine } from "../measure.ts";
import { gain, type LadderResult } from "./measure.ts";

/** What `npm run bench:ladder` commits. */
export type Committed = Machine & LadderResult;

/** The table of docs/ladder.md. */
export function ladderTable({ rungs, peak, fusedPeak, sizes, cpu, node, cores, date }: Committed): string {
  const rows = rungs.map((rung, n) => {
    const { name, rate, missing, outside } = rung;
    const number = outside ? "" : n + 1;
    if (rate === undefined) return `| ${number} | ${name} | ${missing} | | |`;
    const gained = gain(rungs, n);
    const over = gained?.over === undefined ? "" : ` of ${gained.over}`;
    const times = gained === undefined ? "" : `x ${gained.times.toFixed(2)}${over}`;
    const spread = `${rate.median.toPrecision(3)} (${rate.min.toPrecision(3)} … ${rate.max.toPrecision(3)})`;
    return `| ${number} | ${name} | ${spread} | ${times} | ${((100 * rate.median) / peak).toFixed(0)} % |`;
  });
  return [
    "",
    "| | rung | GFLOP/s, median (min … max) | of the one before | of the peak |",
    "|---|---|---|---|---|",
    ...rows,
    "",
    `[${sizes.M},${sizes.K}] x [${sizes.K},${sizes.N}], ${cpu}, ${cores} cores, Node ${node}, ${date}. The peak of one core, registers alone, 128 bits: ${peak.toPrecision(3)} GFLOP/s multiplied and added, ${fusedPeak?.toPrecision(3) ?? "-"} fused.`,
    "",
  ].join("\n");
}
