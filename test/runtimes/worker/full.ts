import { readFileSync } from "node:fs";
import { join } from "node:path";
import { convert, inMemory } from "../../../src/quantize.ts";
import { seededConfig, seededSafetensors } from "../../seeded/seeded.ts";

/*
 * KR-SBERT's shape in int8, out of seeded weights: 12 layers of 768, 40,000 words, 128 tokens. Its vocabulary and Korean sentences are the real ones where
 * MUNJANG_KR_SBERT and MUNJANG_DATA name folders, else made up: syllables and pieces of them.
 */

const { MUNJANG_KR_SBERT, MUNJANG_DATA } = process.env;

function madeUp(): string {
  const specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
  const syllables = Array.from({ length: 11_172 }, (_, i) => String.fromCodePoint(0xac00 + i));
  const pieces = syllables.map((syllable) => `##${syllable}`);
  const pairs = Array.from(
    { length: seededConfig.vocab_size - specials.length - 2 * syllables.length },
    (_, i) => syllables[i % 11_172] + syllables[(i * 31 + Math.floor(i / 11_172)) % 11_172],
  );
  return [...specials, ...syllables, ...pieces, ...pairs].join("\n");
}

const vocabulary =
  MUNJANG_KR_SBERT === undefined ? madeUp() : readFileSync(join(MUNJANG_KR_SBERT, "vocab.txt"), "utf8").trimEnd();

/** What they are, for whoever reads the figures. */
export const SENTENCES: string =
  MUNJANG_KR_SBERT === undefined || MUNJANG_DATA === undefined
    ? "Vocabulary or sentences made up"
    : "KR-SBERT's vocabulary, sentences of KLUE";

/** Sentences, different ones. */
export function sentences(count: number): string[] {
  if (MUNJANG_DATA !== undefined) {
    const lines = readFileSync(join(MUNJANG_DATA, "klue-text/ner_dev.txt"), "utf8").split("\n");
    return [...new Set(lines.map((line) => line.trim()).filter((line) => line.length > 4))].slice(0, count);
  }
  const words = vocabulary.split("\n").filter((word) => /^[가-힣]+$/.test(word));
  // Some words often, most of them seldom, as in any language.
  return Array.from({ length: count }, (_, n) =>
    Array.from({ length: 6 + (n % 9) }, (_, t) => {
      const spread = ((n * 131 + t * 37 + n * t) % 1009) / 1009;
      return words[Math.floor(words.length * spread ** 4)];
    }).join(" "),
  );
}

/** The model's files; with `maxShardSize`, in several. */
export async function fullModel(maxShardSize?: number): Promise<Record<string, Uint8Array>> {
  const to = inMemory();
  const modules = [
    { idx: 0, name: "0", path: "", type: "sentence_transformers.models.Transformer" },
    { idx: 1, name: "1", path: "1_Pooling", type: "sentence_transformers.models.Pooling" },
  ];
  const files = {
    "config.json": JSON.stringify(seededConfig),
    "model.safetensors": seededSafetensors(seededConfig),
    "modules.json": JSON.stringify(modules),
    "1_Pooling/config.json": JSON.stringify({ word_embedding_dimension: 768, pooling_mode_mean_tokens: true }),
    "sentence_bert_config.json": JSON.stringify({ max_seq_length: 128, do_lower_case: false }),
    "tokenizer_config.json": JSON.stringify({ tokenizer_class: "BertTokenizer", do_lower_case: false }),
    "vocab.txt": vocabulary,
  };
  // How well it is quantised does not matter here: a short text will do.
  const calibration = [{ ids: Int32Array.from({ length: 16 }, (_, t) => 10 + 37 * t) }];
  await convert({ name: "seeded", files }, { create: to.create }, { calibration, maxShardSize });
  return to.files;
}
