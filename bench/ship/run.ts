/**
 * Makes the bundled model, and everything that depends on it: `npm run model -- [FOLDER] [--benches] [--without step,step] [--list]`
 *
 *     FOLDER            float16, as reference/train writes it; without it all is made anew of the model that is there, and nothing changes
 *     --benches         also those whose results are times
 *     --without         steps to leave out, by name
 *     --list            only prints the steps
 *     MUNJANG_PYTHON    an interpreter with reference/requirements.txt, where there is none in .venv
 *     MUNJANG_DATA      labelled sets: KLUE-STS, KorSTS, KLUE-NLI, KLUE-YNAT
 *
 * The last lines say what changed, and what a person still has to read.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { root } from "../result.ts";
import { CLAIMS, wrong } from "./claims.ts";
import { FLOAT16 } from "./facts.ts";
import { type Need, python, STEPS, type Step } from "./steps.ts";

/** What no program can say of a new model. */
const TO_READ = [
  "weights/README.md: what it is for, its faults, its training; weights/ATTRIBUTION.md: its data",
  "CHANGELOG.md, and the words on the model in README.md and apps/web/src/words.ts",
  "docs/learn/attention.md and docs/questions.md, both languages: what the pictures show",
  "what docs/evaluate.md, docs/classify.md and docs/search.md make of their tables",
  "README.md, where it runs: sentences a second are measured by `npm run test:runtimes`; bench/results/serve-soak.json by test/extended",
  "tests that ask for meaning, where they fail: test/encode.test.ts, test/adapters, test/web (졸음 is nearer to 잠 than a train is)",
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { benches: { type: "boolean" }, without: { type: "string" }, list: { type: "boolean" } },
});
const left = values.without?.split(",") ?? [];
const unknown = left.filter((name) => !STEPS.some((step) => step.name === name));
if (unknown.length > 0) throw new Error(`--without ${unknown.join(", ")}: no step has that name; --list prints them`);
if (positionals.length > 1) throw new Error(`one folder, not ${positionals.length}: ${positionals.join(", ")}`);
const steps = STEPS.filter(({ name, bench }) => !left.includes(name) && (values.benches || !bench));

function missing(need: Need): string | undefined {
  if (need === "python" && python() === undefined) return "MUNJANG_PYTHON names no interpreter, and there is no .venv";
  const data = process.env.MUNJANG_DATA;
  if (need === "data" && (data === undefined || !existsSync(data))) return "MUNJANG_DATA names no folder";
  return undefined;
}

/** So that nothing is half done where something it takes is not there. */
function checkNeeds(): void {
  const problems = steps.flatMap(({ name, needs }) => {
    const why = needs && missing(needs);
    return why ? [`${name}: ${why}`] : [];
  });
  if (problems.length > 0) {
    throw new Error(`${problems.join("\n")}\nset it, or leave the step out: --without "name,name"`);
  }
}

/** As `npm run lint` wants files; where none is to be formatted, nothing happens. */
function formatted(files: readonly string[]): void {
  const some = files.filter((file) => /\.(ts|json)$/.test(file));
  if (some.length > 0) execFileSync("node_modules/.bin/biome", ["format", "--write", ...some], { cwd: root });
}

const describe = ({ name, writes, needs, bench }: Step): string =>
  [name.padEnd(28), (writes.join(", ") || "-").padEnd(64), needs ?? "", bench ? "--benches" : ""].join("  ").trimEnd();

async function runAll(): Promise<void> {
  checkNeeds();
  const given = resolve(positionals[0] ?? join(root, FLOAT16));
  for (const [n, step] of steps.entries()) {
    console.log(`\n== ${n + 1} of ${steps.length}: ${step.name}`);
    await step.run(given);
    formatted(step.writes);
  }
  const changed = execFileSync("git", ["status", "--short"], { cwd: root, encoding: "utf8" });
  console.log(changed === "" ? "\nNothing changed." : `\nChanged:\n${changed}`);
  const not = STEPS.filter((step) => !steps.includes(step)).map(({ name }) => name);
  if (not.length > 0) console.log(`Not made anew, so still of the model before: ${not.join(", ")}\n`);
  const untrue = CLAIMS.flatMap((claim) => wrong(claim) ?? []);
  if (untrue.length > 0) console.log(`To be written anew (and in bench/ship/claims.ts):\n${list(untrue)}\n`);
  if (changed !== "") console.log(`A person still has to read:\n${list(TO_READ)}`);
}

const list = (lines: readonly string[]): string => lines.map((line) => `  - ${line}`).join("\n");

if (values.list) console.log(STEPS.map(describe).join("\n"));
else await runAll();
