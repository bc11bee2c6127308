import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BackendInfo } from "../../src/node.ts";
import { convert, inMemory } from "../../src/quantize.ts";
import { calibration, committed, corpus, corpusConfig, corpusFiles } from "../golden/corpus.ts";
import { sameHash } from "./record.ts";
import { type Workerd, workerd } from "./worker/workerd.ts";

/* One answer in workerd, which compiles nothing while it runs: the kernels come as files. */

describe("workerd", () => {
  let worker: Workerd;
  const texts = corpus.map(({ ids }) => Array.from(ids));

  beforeAll(async () => {
    worker = await workerd();
    const vocabulary = Array.from(
      { length: corpusConfig.vocab_size },
      (_, i) => ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"][i] ?? `w${i}`,
    );
    const files = { ...corpusFiles(), "vocab.txt": vocabulary.join("\n") };
    await worker.put("float32", files);
    // Where nothing may be compiled nothing is quantised either: that was done before.
    const int8 = inMemory();
    await convert({ files }, { create: int8.create }, { calibration });
    await worker.put("int8", int8.files);
  });
  afterAll(() => worker?.stop());

  it.each([
    ["wasm", "float32"],
    ["wasm", "int8"],
    ["wasm", "int8-12"],
    ["js", "float32"],
    ["js", "int8"],
  ] as const)("%s, %s", async (name, dtype) => {
    const options = { backend: name, dtype };
    const { backend, hash } = await worker.ask<{ backend: BackendInfo; hash: string }>("hash", {
      folder: dtype === "float32" ? "float32" : "int8",
      corpus: texts,
      options,
    });
    expect(backend).toMatchObject({ name, threads: 0, width: name === "wasm" ? 128 : 0 });
    sameHash({ runtime: "workerd", version: worker.version, isolated: null, backend, dtype, hash });
  });

  it("without the kernels' files: plain JavaScript, and the reason", async () => {
    const input = { folder: "float32", corpus: texts, options: {}, compiled: false };
    const { backend, hash } = await worker.ask<{ backend: BackendInfo; hash: string }>("hash", input);
    expect(backend.name).toBe("js");
    expect(backend.reason).toMatch(/^auto: plain JavaScript, because WebAssembly does not run here: .*disallowed/);
    expect(hash).toBe(committed.corpus.js);
  });

  it("with another dtype's file alone: an error that names it", async () => {
    const input = { folder: "float32", corpus: texts.slice(0, 1), options: { wasmModules: [] } };
    await expect(worker.ask("hash", input)).rejects.toThrow(/wasmModules.*munjang\/wasm\//);
  });

  it("threads that were asked for are refused: there are none", async () => {
    const input = { folder: "float32", corpus: texts.slice(0, 1), options: { threads: 2 } };
    await expect(worker.ask("hash", input)).rejects.toThrow(/threads = 2: cannot be had here/);
  });
});
