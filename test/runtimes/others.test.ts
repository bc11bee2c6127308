import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { runOn } from "./hash.ts";
import { sameHash } from "./record.ts";

/* One answer on Bun and Deno, which run what Node runs: the built package, the committed hashes. */

const packages = join(import.meta.dirname, "node_modules");

describe.each([
  ["Bun", join(packages, "bun/bin/bun"), []],
  ["Deno", join(packages, "deno/deno"), ["run", "--allow-all", "--no-remote", "--quiet"]],
] as const)("%s", (name, binary, before) => {
  const command = [binary, ...before];
  const here = { runtime: name, isolated: null, dtype: "float32" } as const;

  it("is there", async () => {
    expect(existsSync(binary)).toBe(true);
    const { stdout } = await promisify(execFile)(binary, ["--version"]);
    expect(stdout).toMatch(name === "Bun" ? /^1\./ : /^deno 2\./);
  });

  it("as it comes", async () => {
    const printed = await runOn(command, {}, { speed: true });
    expect(printed.backend).toMatchObject({ name: "wasm", width: 128 });
    expect(printed.backend.threads).toBeGreaterThan(0);
    sameHash({ ...here, ...printed });
  });

  it.each([0, 1, 2, 3])("wasm, %i threads", async (threads) => {
    const printed = await runOn(command, { backend: "wasm", threads });
    expect(printed.backend).toMatchObject({ name: "wasm", threads, width: 128 });
    sameHash({ ...here, ...printed });
  });

  it("js", async () => {
    sameHash({ ...here, ...(await runOn(command, { backend: "js" })) });
  });

  it.each(["int8", "int8-12"] as const)("%s", async (dtype) => {
    const inWasm = await runOn(command, { dtype, threads: 2 });
    expect(inWasm.backend.name).toBe("wasm");
    sameHash({ ...here, dtype, ...inWasm });
    sameHash({ ...here, dtype, ...(await runOn(command, { dtype, backend: "js" })) });
  });

  it("256-bit vectors are refused", async () => {
    await expect(runOn(command, { wide: true })).rejects.toThrow(`needs Node 24 or newer; this is ${name}`);
  });
});
