/**
 * The ladder on this machine: `npm run bench:ladder`. Each rung is checked, then all are timed in turn. What needs a flag of V8 is measured in a
 * process of its own, with a newer Node if NODE24 names one.
 */
import { execFileSync } from "node:child_process";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { machine } from "../measure.ts";
import { climb, type LadderResult, type RungResult } from "./measure.ts";

const FLAG = "--experimental-wasm-revectorize";
const hasFlag = (flag: string): boolean => process.execArgv.includes(flag) || process.argv.includes(flag);

/** A row of the table. */
function row({ name, rate, missing }: RungResult, before: RungResult | undefined, peak: number): string {
  if (rate === undefined) return `${name.padEnd(24)} ${missing}`;
  const times = before?.rate === undefined ? "" : `${(rate.median / before.rate.median).toFixed(2)} times`;
  const spread = `(${rate.min.toPrecision(3)} … ${rate.max.toPrecision(3)})`;
  return `${name.padEnd(24)} ${rate.median.toPrecision(3).padStart(6)} ${spread.padEnd(18)} ${times.padEnd(11)} ${((100 * rate.median) / peak).toFixed(0)} %`;
}

async function main(): Promise<void> {
  const result = await climb({ hasFlag, onProgress: (what) => void process.stderr.write(`\r${what.padEnd(30)}`) });
  process.stderr.write("\r");
  const about = { ...machine(), ...result };
  if (process.argv.includes("--json")) {
    console.log(JSON.stringify(about));
    return;
  }
  const wide = process.env.NODE24 === undefined ? undefined : inNode24(process.env.NODE24);
  const { M, K, N } = result.sizes;
  console.log(`[${M},${K}] x [${K},${N}], ${about.cpu}, Node ${about.node}`);
  console.log(`${"".padEnd(24)} GFLOP/s (min … max)   than before   of the registers' ${result.peak.toPrecision(3)}`);
  let before: RungResult | undefined;
  for (const rung of result.rungs) {
    console.log(row(rung, before, result.peak));
    if (rung.rate !== undefined) before = rung;
  }
  const file = join(import.meta.dirname, "../results/ladder.json");
  writeFileSync(`${file}.part`, `${JSON.stringify({ ...about, ...(wide && { node24: wide }) }, null, 2)}\n`);
  renameSync(`${file}.part`, file);
}

/** The same in Node 24 told to pair vectors: only there is the wide rung. */
function inNode24(binary: string): LadderResult {
  const args = [FLAG, "--import", "tsx", join(import.meta.dirname, "run.ts"), "--json", FLAG];
  return JSON.parse(execFileSync(binary, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
}

await main();
