import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { BertModel } from "../../src/bert-model.ts";
import { corpus } from "./corpus-texts.ts";

export * from "./corpus-texts.ts";

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
