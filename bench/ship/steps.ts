import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readGolden } from "../../test/golden/read.ts";
import { root, writeWhole } from "../result.ts";
import { FLOAT16, SHIPPED } from "./facts.ts";
import { filesOf, makeInt8, takeIn } from "./folder.ts";
import { keeping, type Same, sameGolden, sameResult } from "./keep.ts";

/* What `npm run model` does, one line a step, each after what it needs. */

export type Need = "python" | "data";
export interface Step {
  readonly name: string;
  /** What it makes anew. */
  readonly writes: readonly string[];
  readonly needs?: Need;
  /** Times: other on every machine and day, so only done where they are asked for. */
  readonly bench?: true;
  run(given: string): void | Promise<void>;
}

export const python = (): string | undefined =>
  [process.env.MUNJANG_PYTHON, join(root, ".venv/bin/python")].find((path) => path !== undefined && existsSync(path));

const GOLDEN = "test/golden/bundled.golden.gz";
const COSINES = "apps/cli/src/bundled-cosines.ts";
const FACTS = "bench/results/model.json";
const ACCURACY = "bench/results/accuracy/worst-error-against-float64-bundled-model.json";
const TSX = ["--import", "tsx"];
const node = (...args: string[]): void => command(process.execPath, ...TSX, ...args);
const npm = (script: string): void => command("npm", "run", "--silent", script);
const vitest = (env: object, ...args: string[]): void =>
  command([process.execPath, env], "node_modules/vitest/vitest.mjs", "run", ...args);

/** Runs a program at the root; what it prints is shown. @throws Error where it fails. */
function command(program: string | [string, object], ...args: string[]): void {
  const [name, env] = typeof program === "string" ? [program, {}] : program;
  const { status, error } = spawnSync(name, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } });
  if (status !== 0) throw new Error(`${[name, ...args].join(" ")} failed${error ? `: ${error.message}` : ""}`);
}

/** A step of one file that stays as it was where it says the same. */
const kept = (file: string, same: Same, run: () => void | Promise<void>) => ({
  writes: [file],
  run: () => keeping(join(root, file), same, run),
});
const bench = (script: string, ...writes: string[]): Step => ({
  name: script,
  writes: writes.map((file) => `bench/results/${file}`),
  bench: true,
  run: () => npm(script),
});

export const STEPS: readonly Step[] = [
  {
    name: "float16 weights",
    writes: [FLOAT16],
    run: (given) => takeIn(given, join(root, FLOAT16), filesOf(join(root, SHIPPED))),
  },
  { name: "int8 weights", writes: [SHIPPED], run: () => makeInt8(join(root, FLOAT16), join(root, SHIPPED)) },
  {
    name: "goldens",
    needs: "python",
    ...kept(GOLDEN, sameGolden, () => command(python() ?? "python", "reference/golden/make.py", "bundled")),
  },
  { name: "cosines of info --check", writes: [COSINES], run: writeCosines },
  { name: "build", writes: [], run: () => npm("build") },
  // In a process of its own: it loads what was built just now.
  { name: "size, shape, demonstration", ...kept(FACTS, sameResult, () => node("bench/ship/find.ts")) },
  {
    name: "accuracy",
    ...kept(ACCURACY, sameResult, () =>
      vitest({ MUNJANG_ACCURACY: "bench/results/accuracy" }, "test/golden/bundled.test.ts"),
    ),
  },
  {
    name: "evaluation",
    needs: "data",
    ...kept("bench/results/evaluate.json", sameResult, () => npm("bench:evaluate")),
  },
  {
    name: "classification",
    needs: "data",
    ...kept("bench/results/classify.json", sameResult, () => npm("bench:classify")),
  },
  { name: "pictures of docs/learn", writes: ["docs/learn"], run: () => node("docs/learn/figures.ts") },
  {
    name: "outputs of docs/learn",
    writes: ["docs/learn"],
    run: () => vitest({ MUNJANG_WRITE_DOCS: "1" }, "test/docs/learn.test.ts", "-t", "the snippet prints"),
  },
  { ...bench("bench:quality", "quality.json"), needs: "data" },
  bench("bench:encode", "encode.json"),
  bench("bench:bulk", "bulk.json"),
  bench("bench:serve", "serve.json"),
  { ...bench("bench:search", "search.json"), needs: "data" },
  bench("bench:browser", "browser.json"),
  bench("bench:web", "web.json"),
  { name: "figures of the pages", writes: ["README.md", "docs", "weights/README.md"], run: () => npm("figures") },
];

/** The cosines of the first golden text with those after it, in float64, for `munjang info --check`. */
function writeCosines(): void {
  const { texts, similarity } = readGolden("bundled");
  const count = 5; // the model card's three and two of ours
  const { exact } = similarity.cosine;
  const line = (of: readonly (string | number)[]): string[] => of.map((one) => `  ${JSON.stringify(one)},`);
  const lines = [
    "/** The bundled model's cosines in float64, before its weights became whole numbers: `npm run model` writes them out of test/golden. */",
    "export const BUNDLED_TEXTS: readonly string[] = [",
    ...line(texts.slice(0, count).map(({ text }) => text)),
    "];",
    "/** Of the first text with each other one. */",
    "export const BUNDLED_COSINES: readonly number[] = [",
    ...line([...exact.subarray(1, count)].map((cosine) => Number(cosine.toFixed(10)))),
    "];",
    "",
  ];
  const file = join(root, COSINES);
  writeWhole(file, lines.join("\n"));
}
