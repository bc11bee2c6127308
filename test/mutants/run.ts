/**
 * Breaks the engine in many named ways, one at a time, in a copy, and shows that `npm test` fails each time. A mutant that survives is a
 * hole in the tests. `npm run test:mutants -- some words, others` runs those whose name contains the words.
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MUTANTS, type Mutant } from "./mutants.ts";

const root = join(import.meta.dirname, "../..");
const copy = mkdtempSync(join(tmpdir(), "munjang-mutants-"));
const git = (folder: string, ...args: string[]): string => execFileSync("git", args, { cwd: folder, encoding: "utf8" });

function prepare(): void {
  // What git knows, in a repository of its own: tests of the pages ask git which there are.
  for (const file of git(root, "ls-files", "-z").split("\0")) {
    if (file !== "" && existsSync(join(root, file))) cpSync(join(root, file), join(copy, file));
  }
  git(copy, "init", "--quiet");
  git(copy, "add", "--all");
  // What was built of the tools is not what is broken.
  for (const app of ["apps/cli", "apps/server"])
    cpSync(join(root, app, "dist"), join(copy, app, "dist"), { recursive: true });
  // Packages of others are the project's; its own are the copy's.
  mkdirSync(join(copy, "node_modules"));
  const own: Record<string, string> = {
    ...{ munjang: ".", "munjang-mini-ko": "weights", "munjang-cli": "apps/cli", "munjang-server": "apps/server" },
  };
  for (const name of readdirSync(join(root, "node_modules"))) {
    const to = own[name] === undefined ? join(root, "node_modules", name) : join(copy, own[name]);
    symlinkSync(to, join(copy, "node_modules", name));
  }
}

/**
 * Whether the tests pass in the copy, and what failed first where they do not. `npm test` is a build, then these: workers run what was
 * built. A mutant that only the types give away is built all the same, or it would show nothing about the tests.
 */
function test(): { passed: boolean; decided: boolean; why: string; log: string } {
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  spawnSync(process.execPath, [compiler, "-p", "tsconfig.build.json"], { cwd: copy });
  spawnSync(process.execPath, [join(root, "node_modules/tsx/dist/cli.mjs"), "bundle.ts"], { cwd: copy });
  const runner = join(root, "node_modules/vitest/vitest.mjs");
  const { status, stdout, stderr } = spawnSync(process.execPath, [runner, "run", "--bail", "1"], {
    cwd: copy,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    timeout: 60 * 60_000, // far beyond what they take: a loop without end is ended by the tests' own limits
    env: { ...process.env, NO_COLOR: "1", CI: "" },
  });
  const why = (stdout + stderr).match(/^ FAIL {2}(.*)$/m)?.[1] ?? "";
  return { passed: status === 0, decided: status !== null, why, log: stdout + stderr };
}

/** The file with its one place changed; anything but one place is a mistake in the list. */
function mutate({ name, file, find, put }: Mutant): { path: string; before: string } {
  const path = join(copy, file);
  const before = readFileSync(path, "utf8");
  const parts = before.split(find);
  if (parts.length !== 2) throw new Error(`${name}: ${file} has ${parts.length - 1} places that read ${find}, not one`);
  writeFileSync(path, parts.join(put));
  return { path, before };
}

const wanted = process.argv.slice(2).join(" ").split(",");
const mutants = MUTANTS.filter(({ name }) => wanted.some((words) => name.includes(words.trim())));
let survivors = 0;
try {
  prepare();
  for (const mutant of mutants) {
    const { path, before } = mutate(mutant);
    writeFileSync(path, before); // every mutant must apply before the long run begins
  }
  const whole = test();
  if (!whole.passed) throw new Error(`the tests fail without any mutant:\n${whole.log.slice(-3000)}`);
  for (const mutant of mutants) {
    const { path, before } = mutate(mutant);
    const { passed, decided, why } = test();
    writeFileSync(path, before);
    if (passed || !decided) survivors++;
    const verdict = passed ? "SURVIVED" : decided ? "killed  " : "TOO LONG";
    console.log(`${verdict}  ${mutant.name}${why === "" ? "" : `   (${why})`}`);
  }
  console.log(`${mutants.length - survivors} of ${mutants.length} mutants killed`);
} finally {
  rmSync(copy, { recursive: true, force: true });
}
process.exitCode = survivors === 0 && mutants.length > 0 ? 0 : 1;
