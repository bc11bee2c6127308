import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { BertModel } from "../../src/bert-model.ts";
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

/** SHA-256 over every number of every text's hidden states, in the corpus's order. */
export function hashOf(states: readonly Float32Array[]): string {
  const hash = createHash("sha256");
  for (const values of states) hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return hash.digest("hex");
}

/** Runs texts of the corpus, by number, in one call; their hidden states without padding. */
export async function statesOf(model: BertModel, numbers: readonly number[]): Promise<Float32Array[]> {
  const texts = numbers.map((n) => corpus[n]);
  const { tokenEmbeddings } = await model.forward(texts);
  const [, L, H] = tokenEmbeddings.shape;
  return texts.map(({ ids }, n) => tokenEmbeddings.data.slice(n * L * H, (n * L + ids.length) * H));
}

interface Hashes {
  /** Every stage of the five texts of hashes.test.ts. */
  readonly stages: Readonly<Record<string, string>>;
  /** The last states of the corpus, by backend, and where it is not float32 by dtype. */
  readonly corpus: Readonly<Record<string, string>>;
}

export const committed: Hashes = JSON.parse(readFileSync(join(import.meta.dirname, "hashes.json"), "utf8"));
