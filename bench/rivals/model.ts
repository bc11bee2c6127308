/** The model everybody runs: KR-SBERT's shape, weights out of the seeded generator, in the layout of a sentence-transformers folder. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type SeededConfig, seededConfig, seededSafetensors } from "../../test/seeded/seeded.ts";

export const SPECIAL: readonly string[] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/** KR-SBERT's vocabulary where MUNJANG_KR_SBERT names its folder, else one of our own: every syllable, alone and inside a word. */
export function vocabulary(): { readonly name: string; readonly tokens: readonly string[] } {
  const folder = process.env.MUNJANG_KR_SBERT;
  if (folder !== undefined && existsSync(join(folder, "vocab.txt"))) {
    return {
      name: "KR-SBERT's, 40,000",
      tokens: readFileSync(join(folder, "vocab.txt"), "utf8").trimEnd().split("\n"),
    };
  }
  const syllables = Array.from({ length: 11_172 }, (_, i) => String.fromCodePoint(0xac00 + i));
  const tokens = [...SPECIAL, ".", "?", ...syllables, ...syllables.map((s) => `##${s}`)];
  for (let i = tokens.length; i < seededConfig.vocab_size; i++) tokens.push(`[unused${i}]`);
  return { name: "generated, 40,000", tokens };
}

/** Writes the folder. Weights that are there already stay: they are the same in every run. */
export function writeModel(folder: string, tokens: readonly string[], config: SeededConfig = seededConfig): void {
  const json = (file: string, value: unknown) => writeFileSync(join(folder, file), `${JSON.stringify(value)}\n`);
  mkdirSync(join(folder, "1_Pooling"), { recursive: true });
  json("config.json", config);
  json("modules.json", [
    { idx: 0, name: "0", path: "", type: "sentence_transformers.models.Transformer" },
    { idx: 1, name: "1", path: "1_Pooling", type: "sentence_transformers.models.Pooling" },
  ]);
  json("1_Pooling/config.json", {
    word_embedding_dimension: config.hidden_size,
    pooling_mode_cls_token: false,
    pooling_mode_mean_tokens: true,
    pooling_mode_max_tokens: false,
    pooling_mode_mean_sqrt_len_tokens: false,
  });
  json("sentence_bert_config.json", { max_seq_length: 128, do_lower_case: false });
  writeFileSync(join(folder, "vocab.txt"), `${tokens.join("\n")}\n`);
  const weights = join(folder, "model.safetensors");
  if (existsSync(weights)) return;
  writeFileSync(`${weights}.part`, seededSafetensors(config));
  renameSync(`${weights}.part`, weights);
}
