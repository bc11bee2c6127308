import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { tinyFiles } from "./tiny.ts";

// What a page gets from `index.ts`, where Node's entry has more. Modules are loaded afresh, so that no other test has brought a reader.
const CONTAINERS = join(import.meta.dirname, "formats/fixtures/containers");

function modelIn(container: string): Record<string, Uint8Array> {
  const { "model.safetensors": _, ...files } = tinyFiles("no-modules");
  const folder = join(CONTAINERS, container);
  return {
    ...files,
    ...Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))])),
  };
}

describe("the entry for pages", () => {
  beforeEach(() => void vi.resetModules());

  it("reads a model in one file of safetensors", async () => {
    const { SentenceTransformer } = await import("../src/index.ts");
    expect((await (await SentenceTransformer.load({ files: tinyFiles() })).encode("a")).length).toBeGreaterThan(0);
  });

  it("says that it needs munjang/int8, and reads a model of whole numbers with it", async () => {
    const { convert, inMemory } = await import("../src/quantize.ts");
    const small = inMemory();
    await convert({ files: tinyFiles() }, small);
    vi.resetModules();
    const { SentenceTransformer } = await import("../src/index.ts");
    const files = small.model();
    await expect(SentenceTransformer.load(files)).rejects.toThrow(/is int8, .* needs munjang\/int8/);
    await expect(SentenceTransformer.load(files, { dtype: "int8" })).rejects.toThrow(
      'dtype = "int8": needs `import "munjang/int8"` here',
    );
    await import("../src/int8.ts");
    const model = await SentenceTransformer.load(files);
    expect(model.identity.dtype).toBe("int8");
    expect((await model.encode("a")).length).toBe(model.dimension);
    await model.dispose();
  });

  it.each([
    ["munjang/shards", "model.safetensors.index.json", "no-modules.safetensors-shards"],
    ["munjang/pytorch", "pytorch_model.bin", "no-modules.pytorch-shards"],
  ])("says that it needs %s, and reads the model with it", async (entry, file, container) => {
    const files = modelIn(container);
    const { SentenceTransformer } = await import("../src/index.ts");
    await expect(SentenceTransformer.load({ files })).rejects.toThrow(`${file}: needs \`import "${entry}"\` here`);
    await import("../src/shards.ts");
    await import("../src/pytorch.ts");
    const sharded = await (await SentenceTransformer.load({ files })).encode("a");
    const whole = await (await SentenceTransformer.load({ files: tinyFiles("no-modules") })).encode("a");
    expect(sharded).toEqual(whole);
  });
});
