import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Project, root } from "../packaging/packed.ts";
import { bun, deno, type Expected, example, expectedOfNode, missing, type Output, run } from "./example.ts";

/* examples/deno-script and examples/bun-binary: the lines of their input, ranked as Node does. */

const lines = ["기차가 옵니다", "졸음이 옵니다", "잠이 안 옵니다", "비가 많이 옵니다", "밥을 먹었습니다"];
const input = `${lines.join("\n")}\r\n\n`;
const query = "잠이 옵니다";
let node: Expected;
beforeAll(async () => {
  node = await expectedOfNode();
});
afterAll(() => node?.dispose());

/** Expects the ranking of Node, and what computed. */
async function ranked({ stdout, stderr }: Output): Promise<void> {
  const expected = await node.rank(query, lines);
  expect(stdout).toBe(expected.map(([score, line]) => `${score}\t${line}\n`).join(""));
  expect(stderr).toMatch(/^wasm, [1-9]\d* threads$/m);
}

const withoutDeno = missing(deno);
describe.skipIf(withoutDeno !== undefined)(`examples/deno-script${withoutDeno ? ` (${withoutDeno})` : ""}`, () => {
  let made: Project;
  // As deno.json has it, but that the packages are installed already: nothing is asked for.
  const offline = ["--node-modules-dir=manual", "--no-remote", "--quiet"];
  beforeAll(() => {
    made = example("deno-script");
  });
  afterAll(() => made?.remove());
  const env = { DENO_NO_UPDATE_CHECK: "1" };

  it("has the types", async () => {
    await run([deno, "check", ...offline, "main.ts"], made.folder, { env });
  });

  it("ranks the lines of its input, with permission to read and no other", async () => {
    const command = [deno, "run", ...offline, "--no-prompt", "--allow-read", "main.ts"];
    await ranked(await run([...command, query], made.folder, { input, env }));
    await expect(run(command, made.folder, { env })).rejects.toThrow("usage: deno run --allow-read main.ts");
  });
});

const withoutBun = missing(bun, join(root, "test/examples/node_modules/bun-types"));
describe.skipIf(withoutBun !== undefined)(`examples/bun-binary${withoutBun ? ` (${withoutBun})` : ""}`, () => {
  let made: Project;
  beforeAll(() => {
    const types = ["@types/bun", "@types/node", "bun-types", "undici-types"];
    made = example("bun-binary", { linked: types.map((name) => `examples:${name}`) });
  });
  afterAll(() => made?.remove());

  it("has the types", async () => {
    await run([join(root, "node_modules/.bin/tsc"), "-p", "."], made.folder);
  });

  it("becomes a binary that ranks the lines of its input, in a folder where nothing else lies", async () => {
    await run([bun, "run", "build"], made.folder, { path: [dirname(bun)] });
    const alone = join(made.folder, "alone");
    mkdirSync(alone);
    copyFileSync(join(made.folder, "rank"), join(alone, "rank"));
    expect(readdirSync(alone)).toEqual(["rank"]);
    const binary = join(alone, "rank");
    await ranked(await run([binary, query], alone, { input }));
    await expect(run([binary], alone)).rejects.toThrow('usage: rank "sentence" < lines.txt');
  });
});
