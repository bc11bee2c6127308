/**
 * The ladder on this machine: `npm run bench:ladder`. Each rung is checked, then all are timed in turn, in Node 24 if the tests of other runtimes
 * have brought it (`npm ci --prefix test/runtimes`) or NODE24 names one. What V8 must be told beforehand is measured in a process of its own.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { machine } from "../measure.ts";
import { writeResult } from "../result.ts";
import { ladder } from "./index.ts";
import { climb, gain, type RungResult } from "./measure.ts";
import { outside } from "./outside.ts";
import type { Committed } from "./report.ts";

const FLAG = "--experimental-wasm-revectorize";

function row(rungs: readonly RungResult[], n: number, peak: number): string {
  const { name, rate, missing } = rungs[n];
  if (rate === undefined) return `${name.padEnd(24)} ${missing}`;
  const gained = gain(rungs, n);
  const over = gained?.over === undefined ? "" : ` of ${gained.over}`;
  const times = gained === undefined ? "" : `x ${gained.times.toFixed(2)}${over}`;
  const spread = `(${rate.min.toPrecision(3)} … ${rate.max.toPrecision(3)})`;
  const part = ((100 * rate.median) / peak).toFixed(0);
  return `${name.padEnd(24)} ${rate.median.toPrecision(3).padStart(6)} ${spread.padEnd(18)} ${times.padEnd(16)} ${part} %`;
}

/** The ladder in a process of its own. */
function inNode(binary: string, flags: readonly string[]): Committed {
  const args = [...flags, "--import", "tsx", import.meta.filename, "--json"];
  return JSON.parse(execFileSync(binary, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }));
}

async function climbHere(): Promise<Committed> {
  const hasFlag = (flag: string): boolean => process.execArgv.includes(flag);
  const onProgress = (what: string): void => void process.stderr.write(`\r${what.padEnd(30)}\r`);
  return { ...machine(), ...(await climb({ rungs: [...ladder, ...outside], hasFlag, onProgress })) };
}

if (process.argv.includes("--json")) {
  console.log(JSON.stringify(await climbHere()));
} else {
  const brought = join(import.meta.dirname, "../../test/runtimes/node_modules/node24/bin/node");
  const node24 = process.env.NODE24 ?? (existsSync(brought) ? brought : undefined);
  const plain = inNode(node24 ?? process.execPath, []);
  const told = node24 === undefined ? undefined : inNode(node24, [FLAG]);
  const rungs = plain.rungs.map((rung, n) => (rung.missing?.includes(FLAG) ? (told?.rungs[n] ?? rung) : rung));
  const result: Committed = { ...plain, rungs };
  const { M, K, N } = result.sizes;
  console.log(`[${M},${K}] x [${K},${N}], ${result.cpu}, Node ${result.node}`);
  console.log(
    `${"".padEnd(24)} GFLOP/s (min … max)   of the one before of the registers' ${result.peak.toPrecision(3)}`,
  );
  for (const n of rungs.keys()) console.log(row(rungs, n, result.peak));
  const file = join(import.meta.dirname, "../results/ladder.json");
  writeResult(file, result);
}
