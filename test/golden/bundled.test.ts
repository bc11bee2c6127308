import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import "../../src/node.ts";
import { SentenceTransformer } from "../../src/sentence-transformer.ts";
import { BACKENDS, barsOf, type Line, measure, publish, settle, Tally } from "./bars.ts";
import { compare } from "./compare.ts";
import { readGolden } from "./read.ts";

// The bundled Korean model, float16 on disk, on the model card's sentences and a few of ours.
const folder = fileURLToPath(new URL("../../weights/model", import.meta.url));
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
