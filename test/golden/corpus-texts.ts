import { seededConfig, seededSafetensors } from "../seeded/seeded.ts";

/*
 * One answer: 500 texts of 1 to 128 tokens on a small seeded model, and the hashes of their vectors that every backend must come to,
 * whatever the batch, the order, the threads, the width, the runtime and the machine.
 */
export const corpusConfig = {
  ...seededConfig,
  vocab_size: 400,
  hidden_size: 100, // no whole number of panels, nor of groups
  num_hidden_layers: 2,
  num_attention_heads: 4, // of 25
  intermediate_size: 300, // a K-block and a part of one
  max_position_embeddings: 128,
};

/** The model's files. */
export function corpusFiles(): Record<string, string | Uint8Array> {
  return { "config.json": JSON.stringify(corpusConfig), "model.safetensors": seededSafetensors(corpusConfig) };
}

/** The texts as token ids; lengths and ids by a rule that any language can follow. */
export const corpus: { ids: Int32Array }[] = Array.from({ length: 500 }, (_, n) => ({
  ids: Int32Array.from({ length: 1 + ((n * 67) % 128) }, (_, t) => (n * 131 + t * 37 + ((n * t) % 11)) % 400),
}));

/** What the model is measured with where it is quantised. */
export const calibration: { ids: Int32Array }[] = corpus.slice(0, 40);
