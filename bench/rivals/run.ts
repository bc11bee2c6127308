/**
 * munjang and its rivals, in turns, on the same sentences, weights and Node: `npm run bench:rivals`, with `-- --quick` for a look of some
 * minutes that is not kept, `-- --int8` for what int8 is compared by, `-- --resume` to go on with a run that was cut off, `-- --only=munjang-wasm,web-float32` for some engines.
 * docs/rivals.md says what is measured and how.
 */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { BertTokenizer } from "munjang";
import { writeResult } from "../result.ts";
import { cache, ENGINES, modelFolder, worksFile } from "./engines.ts";
import { installSize } from "./install.ts";
import { aboutMachine, cpuName } from "./machine.ts";
import { runPhase } from "./phase.ts";
import { PLANS } from "./plan.ts";
import { start } from "./process.ts";
import { report } from "./report.ts";
import { summary } from "./results.ts";
import { setUp } from "./setup.ts";
import { read, type State } from "./state.ts";
import { mainWork, makeWorks } from "./works.ts";

const [began, args] = [performance.now(), process.argv.slice(2)];
const plan = PLANS[args.includes("--quick") ? "quick" : args.includes("--int8") ? "int8" : "full"];
const only = args
  .find((arg) => arg.startsWith("--only="))
  ?.slice("--only=".length)
  .split(",");
const engines = ENGINES.filter(({ id, kind, package: from }) => {
  // transformers.js is a tokenizer before the same runtimes: it says nothing about int8.
  if (plan.mode === "int8" && only === undefined) return from !== "@huggingface/transformers";
  return only === undefined || only.includes(id) || kind === "kernel";
});
const stateFile = join(cache, `state-${plan.mode}.json`);
const kept = plan.mode !== "quick" && only === undefined;
const folder = kept ? join(import.meta.dirname, "../results") : join(cache, "results");
const resultFile = join(folder, `${plan.mode === "int8" ? "int8" : "rivals"}-${cpuName()}.json`);
const say = (line: string): void =>
  console.log(`${((performance.now() - began) / 1000).toFixed(0).padStart(5)} s  ${line}`);

const vocabulary = setUp();
const tokenizer = await BertTokenizer.load(modelFolder);
const { sentences, works: timed } = makeWorks(plan.sizes, (text) => [
  ...tokenizer.encode(text, { maxLength: 128 }).ids,
]);
const main = timed.find(({ name }) => name === mainWork);
// One sentence of the middle, for loading and warming.
const first = { name: "first", ids: main?.ids.slice(32, 33) ?? [], texts: main?.texts?.slice(32, 33) ?? [] };
const works = [...timed, first];
writeResult(worksFile, works);

const about = { mode: plan.mode, machine: aboutMachine(), sentences, vocabulary };
const before = args.includes("--resume") ? read<State>(stateFile) : undefined;
if (before !== undefined) {
  for (const key of Object.keys(about) as (keyof typeof about)[]) {
    const [was, is] = [before[key], about[key]].map((value) => JSON.stringify(value));
    if (was !== is) throw new Error(`the run to go on with had ${key} ${was}, now it is ${is}: start a new one`);
  }
}
const state: State = before ?? { ...about, date: new Date().toISOString().slice(0, 10), install: {}, phases: [] };
const save = (): void => {
  writeResult(stateFile, state);
  if (state.phases.some(({ rounds }) => rounds > 0)) writeResult(resultFile, summary(state, works));
};

for (const name of new Set(ENGINES.map((spec) => spec.package))) {
  if (state.install[name] !== undefined || name === "sentence-transformers") continue;
  state.install[name] = installSize(name);
}
const torch = ENGINES.find(({ id }) => id === "torch");
if (torch !== undefined && state.install[torch.package] === undefined) {
  const python = start(torch, 1);
  const answer = await python.ask({ op: "install" }).catch(() => undefined);
  if (answer !== undefined) state.install[torch.package] = answer.bytes;
  await python.stop();
}
say(`${works.length} works, ${sentences}, ${vocabulary}; install ${JSON.stringify(state.install)}`);

const reference = { by: "", vectors: new Map<string, Float32Array>() };
for (const [threads, share] of [
  [1, 0.65],
  [2, 1],
] as const) {
  let phase = state.phases.find((one) => one.threads === threads);
  if (phase?.done) continue;
  if (phase === undefined) {
    phase = { threads, engines: {}, tried: {}, samples: {}, rates: {}, limits: {}, busy: [], rounds: 0, done: false };
    state.phases.push(phase);
  }
  say(`${threads} thread${threads === 1 ? "" : "s"}`);
  const now = performance.now();
  const deadline = began + share * plan.minutes * 60_000;
  await runPhase({
    plan,
    phase,
    engines,
    works,
    reference,
    chooseUntil: now + (deadline - now) / 2,
    deadline,
    save,
    say,
  });
}
save();
rmSync(stateFile);
spawnSync("npx", ["biome", "format", "--write", resultFile], { stdio: "ignore" });
await report(resultFile);
say(`wrote ${resultFile}, its plots and its page`);
