import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/* The examples of docs/adapters.md, as they stand there; and all types here against those of the packages. */

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/adapters.md"), "utf8");
const examples = [...page.matchAll(/^```ts\n(.*?)^```\n\n(?:<!-- [\w-]+ -->\n)?```\n(.*?)^```$/gms)].map(
  ([, code, printed], n) => ({
    name: /from "(munjang\/[\w-]+)"/.exec(code)?.[1] ?? `${n}`,
    code,
    printed,
  }),
);
// Inside this folder, where the packages are found.
const folder = join(import.meta.dirname, "examples");
const run = promisify(execFile);

beforeAll(() => {
  mkdirSync(folder, { recursive: true });
  for (const [n, { code }] of examples.entries()) writeFileSync(join(folder, `${n}.ts`), `${code}export {};\n`);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("docs/adapters.md", () => {
  it("has an example for every adapter, each with what it prints", () => {
    expect(examples.map(({ name }) => name)).toEqual([
      "munjang/ai-sdk",
      "munjang/langchain",
      "munjang/llamaindex",
      "munjang/pipeline",
    ]);
    expect([...page.matchAll(/^```ts$/gm)]).toHaveLength(examples.length);
  });

  it.each(examples)("$name prints what stands there", async ({ name, printed }) => {
    const file = join(folder, `${examples.findIndex((example) => example.name === name)}.ts`);
    const { stdout } = await run(process.execPath, ["--import", "tsx", file], { cwd: root });
    expect(stdout).toBe(printed);
  });

  it("names the versions that are tried", () => {
    const { dependencies } = JSON.parse(readFileSync(join(import.meta.dirname, "package.json"), "utf8"));
    for (const name of ["ai", "@langchain/core", "llamaindex", "@huggingface/transformers"]) {
      expect(page).toContain(`\`${name}\` ${dependencies[name]}`);
    }
  });
});

it("the types fit those of the packages, in these tests and in the examples", async () => {
  const { stdout } = await run(join(root, "node_modules/.bin/tsc"), ["-p", import.meta.dirname, "--noEmit"]).catch(
    (failed: { stdout: string }) => failed,
  );
  expect(stdout).toBe("");
});
