import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { BertModel } from "../../src/node.ts";
import { seededConfig, seededSafetensors } from "../seeded/seeded.ts";
import { committed } from "./corpus.ts";

/*
 * One answer: every stage of a small seeded model has, bit for bit, the committed hash, on whatever runtime and machine this runs. A
 * hash changes only together with NUMERICS_VERSION. The naive backend is left out: it computes with the engine's own Math.exp.
 */
const config = {
  ...seededConfig,
  vocab_size: 400,
  hidden_size: 300,
  num_hidden_layers: 2,
  num_attention_heads: 5,
  intermediate_size: 1100,
  max_position_embeddings: 64,
};
const TEXTS = [3, 50, 1, 17, 64].map((length, text) => ({
  ids: Int32Array.from({ length }, (_, t) => (t * 37 + text * 11) % config.vocab_size),
}));

it.each(Object.keys(committed.stages))("%s gives the committed bits", async (backend) => {
  const files = { "config.json": JSON.stringify(config), "model.safetensors": seededSafetensors(config) };
  const model = await BertModel.load({ files }, { backend: backend as "js" });
  const hash = createHash("sha256");
  let stages = 0;
  for (const text of TEXTS) {
    await model.forward(text, {
      see: (name, values) => {
        expect(values.every(Number.isFinite), name).toBe(true);
        hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
        stages++;
      },
    });
  }
  await model.dispose();
  expect(stages).toBe(TEXTS.length * (1 + 5 * config.num_hidden_layers));
  expect(hash.digest("hex")).toBe(committed.stages[backend]);
});
