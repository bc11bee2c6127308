import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import "../../src/node.ts";
import { convert, inMemory } from "../../src/quantize.ts";
import { SentenceTransformer } from "../../src/sentence-transformer.ts";
import { BACKENDS, barsOf, type Line, measure, publish, settle, Tally } from "./bars.ts";
import { compare } from "./compare.ts";
import { readGolden } from "./read.ts";

// The bundled Korean model as it was trained, float16 on disk, on the model card's sentences and a few of ours; and what is shipped, int8.
const folder = fileURLToPath(new URL("mini-ko", import.meta.url));
const shipped = fileURLToPath(new URL("../../weights/model", import.meta.url));
const golden = readGolden("bundled");
const bars = barsOf(golden);
const lines: Line[] = [];
afterAll(() => publish("Worst error against float64, bundled model", lines));

it("is the model the goldens were made with", () => {
  expect(
    createHash("sha256")
      .update(readFileSync(`${folder}/model.safetensors`))
      .digest("hex"),
  ).toBe(golden.sha256);
});

describe.each(BACKENDS)("the bundled model, backend %s", (backend) => {
  it("gives the reference's ids, vectors and cosines", async () => {
    const model = await SentenceTransformer.load(folder, { backend });
    const texts = golden.texts.map((t) => t.text);
    const rows = await model.encode(texts);
    const tally = new Tally();
    for (const [n, { text, ids, vector }] of golden.texts.entries()) {
      expect(Array.from(model.tokenize(text).ids), text).toEqual(ids);
      tally.add(compare(rows[n], vector.exact, bars.element, measure(golden, vector.shape, text)), vector.exact.length);
    }
    const cosines = model.similarity(rows, rows).flatMap((row) => Array.from(row));
    const want = golden.similarity.cosine;
    compare(cosines, want.exact, 1e-6, { shape: want.shape, what: "cosines" });
    await model.dispose();
    settle(lines, "bundled", backend, tally, bars);
  });
});

describe("what is shipped", () => {
  it("is what `munjang convert` makes of it, byte for byte", async () => {
    const small = inMemory();
    await convert(folder, small);
    for (const [path, bytes] of Object.entries(small.files)) {
      expect(Buffer.compare(bytes, readFileSync(join(shipped, path))), path).toBe(0);
    }
    expect(
      readdirSync(shipped, { recursive: true, encoding: "utf8" })
        .filter((path) => /\.\w+$/.test(path))
        .sort(),
    ).toEqual(Object.keys(small.files).sort());
  });

  it.each(["wasm", "js"] as const)("is near the reference, backend %s", async (backend) => {
    const model = await SentenceTransformer.load(shipped, { backend });
    expect(model.identity.dtype).toBe("int8");
    const rows = await model.encode(golden.texts.map((t) => t.text));
    const exact = golden.texts.map(({ vector }) => Float32Array.from(vector.exact));
    for (const cosine of model.similarityPairwise(rows, exact)) expect(cosine).toBeGreaterThan(0.9995);
    await model.dispose();
  });
});
