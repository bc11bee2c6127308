/**
 * Finds what bench/results/model.json says of the bundled model: its size and shape, and what it makes of a few sentences. A step of `npm run model`;
 * a test finds it again.
 */
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { RESTAURANT, SLEEPY } from "../../apps/cli/src/demo.ts";
import { openSafetensors } from "../../src/formats/safetensors.ts";
import { SentenceTransformer } from "../../src/node.ts";
import { root, writeResult } from "../result.ts";
import { FLOAT16, type ModelFacts, SHIPPED } from "./facts.ts";
import { filesOf } from "./folder.ts";

const CUT = ["잠이 옵니다", "잠이 안 옵니다", "옵니다", "봅니다", "꿹꿹"];

export async function factsOf(): Promise<ModelFacts> {
  const at = (...path: string[]): string => join(root, ...path);
  const config = JSON.parse(readFileSync(at(SHIPPED, "config.json"), "utf8"));
  const float16 = readFileSync(at(FLOAT16, "model.safetensors"));
  const shipped = readFileSync(at(SHIPPED, "model.safetensors"));
  const sum = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
  const { tensors } = await openSafetensors(float16);
  const model = await SentenceTransformer.load(at(SHIPPED), { threads: 0 });
  try {
    const demo = [];
    for (const [text, ...others] of [RESTAURANT, SLEEPY]) {
      const [first, ...rows] = await model.encode([text, ...others]);
      const values = model.similarity(first, rows)[0];
      // As many digits as tell float32 numbers apart.
      demo.push({
        text,
        cosines: Object.fromEntries(others.map((other, i) => [other, Number(values[i].toPrecision(9))])),
      });
    }
    return {
      title: "the bundled model",
      sha256: { float16: sum(float16), shipped: sum(shipped) },
      identity: model.identity.model,
      bytes: { float16: float16.length, shipped: shipped.length, allShipped: bytesOf(at(SHIPPED)) },
      parameters: [...tensors.values()].reduce((all, { shape }) => all + shape.reduce((n, d) => n * d, 1), 0),
      layers: config.num_hidden_layers,
      hidden: config.hidden_size,
      heads: config.num_attention_heads,
      vocabulary: config.vocab_size,
      positions: config.max_position_embeddings,
      demo,
      tokens: Object.fromEntries(CUT.map((text) => [text, model.tokenize(text).tokens])),
    };
  } finally {
    await model.dispose();
  }
}

const bytesOf = (folder: string): number =>
  filesOf(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);

if (process.argv[1] === import.meta.filename) {
  const file = join(root, "bench/results/model.json");
  writeResult(file, await factsOf());
}
