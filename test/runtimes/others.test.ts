import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { committed } from "../golden/corpus.ts";
import { runOn } from "./hash.ts";

/* One answer on Bun and Deno, which run what Node runs: the built package, the committed hashes. */

const packages = join(import.meta.dirname, "node_modules");

describe.each([
  ["Bun", join(packages, "bun/bin/bun"), []],
  ["Deno", join(packages, "deno/deno"), ["run", "--allow-all", "--no-remote", "--quiet"]],
] as const)("%s", (name, binary, before) => {
  const command = [binary, ...before];

  it("is there", async () => {
    expect(existsSync(binary)).toBe(true);
    const { stdout } = await promisify(execFile)(binary, ["--version"]);
    expect(stdout).toMatch(name === "Bun" ? /^1\./ : /^deno 2\./);
  });

  it.each([0, 1, 2, 3])("wasm, %i threads", async (threads) => {
    const { backend, hash } = await runOn(command, { backend: "wasm", threads });
    expect(backend).toMatchObject({ name: "wasm", threads, width: 128 });
    expect(hash).toBe(committed.corpus.wasm);
  });

  it("js", async () => {
    expect((await runOn(command, { backend: "js" })).hash).toBe(committed.corpus.js);
  });

  it.each(["int8", "int8-12"] as const)("%s", async (dtype) => {
    expect((await runOn(command, { dtype, threads: 2 })).hash).toBe(committed.corpus[`wasm ${dtype}`]);
    expect((await runOn(command, { dtype, backend: "js" })).hash).toBe(committed.corpus[`js ${dtype}`]);
  });

  it("256-bit vectors are refused", async () => {
    await expect(runOn(command, { wide: true })).rejects.toThrow(`needs Node 24 or newer; this is ${name}`);
  });
});
