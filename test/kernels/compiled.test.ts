import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { BertModel } from "../../src/index.ts";
import "../../src/int8.ts";
import { changeTiles } from "../../src/kernels/wasm/variants.ts";
import { calibration, committed, corpus, corpusFiles, hashOf, statesOf } from "../golden/corpus.ts";

/* The kernels as files, for runtimes that compile nothing while they run. */

const bytesOf = (name: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(readFileSync(join(import.meta.dirname, `../../dist/wasm/${name}.wasm`)));
const moduleOf = (name: string): WebAssembly.Module => new WebAssembly.Module(bytesOf(name));
const all = corpus.map((_, n) => n);
const files = corpusFiles();
/** Relaxed SIMD, which int8.wasm has, is behind a flag in Node 20. */
const relaxed = WebAssembly.validate(bytesOf("int8"));

// As wherever such files are needed: Node's old versions take other tiles.
beforeAll(() => changeTiles({}));

describe("modules that were compiled beforehand", () => {
  it.each([
    ["float32", "wasm"],
    ["int8-12", "wasm int8-12"],
  ] as const)("%s: the committed hash, on the calling thread", async (dtype, key) => {
    const wasmModules = [moduleOf("float32"), moduleOf("int8-12")];
    const model = await BertModel.load({ files }, { wasmModules, dtype, calibration });
    expect(model.backend).toMatchObject({ name: "wasm", threads: 0, width: 128 });
    expect(hashOf(await statesOf(model, all))).toBe(committed.corpus[key]);
    await model.dispose();
  });

  it.skipIf(!relaxed)("int8: the committed hash (skipped where relaxed SIMD is missing)", async () => {
    const model = await BertModel.load({ files }, { wasmModules: moduleOf("int8"), dtype: "int8", calibration });
    expect(hashOf(await statesOf(model, all))).toBe(committed.corpus["wasm int8"]);
    await model.dispose();
  });

  it("one module needs no list", async () => {
    const model = await BertModel.load({ files }, { wasmModules: moduleOf("float32") });
    expect(model.backend.name).toBe("wasm");
    await model.dispose();
  });

  it.each<[string, unknown, "float32" | "int8-12"]>([
    ["for another dtype", [moduleOf("int8-12")], "float32"],
    ["for floats alone", [moduleOf("float32")], "int8-12"],
    ["none", [], "float32"],
    ["its bytes", [bytesOf("float32")], "float32"],
    ["somebody else's", [new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0))], "float32"],
  ])("%s is refused by name", async (_, wasmModules, dtype) => {
    const loading = BertModel.load({ files }, { wasmModules: wasmModules as WebAssembly.Module[], dtype, calibration });
    await expect(loading).rejects.toThrow(
      /^wasmModules: holds no module for this dtype and version: import it from munjang\/wasm\//,
    );
  });

  it("threads that are asked for are refused, and nobody starts any", async () => {
    const loading = BertModel.load({ files }, { wasmModules: moduleOf("float32"), threads: 1 });
    await expect(loading).rejects.toThrow(/^threads = 1: cannot be had here \(wasmModules are for one thread\)/);
  });
});
