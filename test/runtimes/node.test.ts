import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { runOn } from "./hash.ts";
import { sameHash } from "./record.ts";

/* One answer on every Node: the built package, the committed hashes. `npm run test:runtimes` installs the binaries. */

const here = import.meta.dirname;

const binaryOf = (major: number): string =>
  process.version.startsWith(`v${major}.`) ? process.execPath : join(here, `node_modules/node${major}/bin/node`);

const NODE = { runtime: "Node", isolated: null, dtype: "float32" } as const;

describe.each([20, 22, 24, 26])("Node %i", (major) => {
  const binary = binaryOf(major);
  const missing = !existsSync(binary); // Node 20 comes from no package: it is the one that runs this, or none
  const wide = major >= 24;

  it.skipIf(missing)("is that version", async () => {
    const { stdout } = await promisify(execFile)(binary, ["--version"]);
    expect(stdout).toMatch(new RegExp(`^v${major}\\.`));
  });

  it.skipIf(missing)("as it comes", async () => {
    const printed = await runOn([binary], {}, { speed: true });
    expect(printed.backend).toMatchObject({ name: "wasm", width: 128 });
    expect(printed.backend.threads).toBeGreaterThan(0);
    sameHash({ ...NODE, ...printed });
  });

  it.skipIf(missing).each([0, 1, 2, 3])("wasm, %i threads", async (threads) => {
    const printed = await runOn([binary], { backend: "wasm", threads });
    expect(printed.backend).toMatchObject({ name: "wasm", threads, width: 128 });
    sameHash({ ...NODE, ...printed });
  });

  it.skipIf(missing)("js", async () => {
    sameHash({ ...NODE, ...(await runOn([binary], { backend: "js" })) });
  });

  // Every version has instructions of its own for these: plain SIMD, relaxed SIMD in three steps or one.
  it.skipIf(missing).each(["int8", "int8-12"] as const)("%s", async (dtype) => {
    const inWasm = await runOn([binary], { dtype, threads: 2 });
    expect(inWasm.backend.name).toBe("wasm");
    sameHash({ ...NODE, dtype, ...inWasm });
    sameHash({ ...NODE, dtype, ...(await runOn([binary], { dtype, backend: "js" })) });
  });

  if (wide) {
    it.skipIf(missing).each([0, 2])("256-bit vectors, %i threads", async (threads) => {
      const printed = await runOn([binary], { backend: "wasm", threads, wide: true }, { speed: threads === 2 });
      expect(printed.backend).toMatchObject({ name: "wasm", threads, width: 256 });
      sameHash({ ...NODE, ...printed });
    });

    it.skipIf(missing).each(["int8", "int8-12"] as const)("256-bit vectors, %s", async (dtype) => {
      const printed = await runOn([binary], { dtype, threads: 2, wide: true });
      expect(printed.backend).toMatchObject({ name: "wasm", width: 256 });
      sameHash({ ...NODE, dtype, ...printed });
    });
  } else {
    it.skipIf(missing)("256-bit vectors are refused", async () => {
      await expect(runOn([binary], { wide: true })).rejects.toThrow(
        /wide = true: needs Node 24 or newer; this is Node/,
      );
    });
  }

  // Node 20 has relaxed SIMD behind a flag; that is its own to switch on.
  it.skipIf(missing)(`wasm-relaxed ${major < 22 ? "is refused" : "runs, near the others"}`, async () => {
    const run = runOn([binary], { backend: "wasm-relaxed", threads: 2 });
    if (major < 22) await expect(run).rejects.toThrow(/backend = "wasm-relaxed": does not run here/);
    else expect((await run).backend).toMatchObject({ name: "wasm-relaxed", threads: 2 });
  });
});
