import { Json, type JsonObject, parseJson } from "./base/json.ts";
import { readTransformerFolder } from "./modules.ts";
import { inFolder, type ModelInput, type ModelSource, openModel, readText, type SourceOptions } from "./source.ts";
import { type TokenizerOptions, WordPieceTokenizer } from "./tokenizer/index.ts";
import { CONFIG } from "./tokenizer/special-tokens.ts";

/** Files a tokenizer may be made of, in a model's transformer folder. */
const TOKENIZER_FILES = [
  "vocab.txt",
  "tokenizer.json",
  CONFIG,
  "special_tokens_map.json",
  "added_tokens.json",
] as const;

/**
 * A model's tokenizer alone, as `AutoTokenizer` would load it: text to ids, without weights. It knows the limit of
 * tokenizer_config.json only when asked (`maxLength`).
 */
export class BertTokenizer extends WordPieceTokenizer {
  /** @throws ModelError where the files are missing or say something this tokenizer cannot honour. */
  static async load(model: ModelInput, options: TokenizerOptions & SourceOptions = {}): Promise<BertTokenizer> {
    const source = await openModel(model, options);
    try {
      return await loadTokenizer(source, await readTransformerFolder(source), options);
    } finally {
      await source.close();
    }
  }
}

/** The tokenizer in a folder of an open model. */
export async function loadTokenizer(
  source: ModelSource,
  folder: string,
  options?: TokenizerOptions,
): Promise<BertTokenizer> {
  const files: Record<string, string | undefined> = {};
  for (const name of TOKENIZER_FILES) files[name] = await readText(source, inFolder(folder, name));
  await nameClass(source, folder, files);
  return BertTokenizer.fromFiles(files, options);
}

/** Where tokenizer_config.json names no class, that of config.json counts, as in transformers. */
async function nameClass(
  source: ModelSource,
  folder: string,
  files: Record<string, string | undefined>,
): Promise<void> {
  const field = "tokenizer_class";
  const model = await readText(source, inFolder(folder, "config.json"));
  const text = files[CONFIG];
  if (text === undefined || model === undefined) return;
  const named = Json.parse("config.json", model).get(field);
  const settings = parseJson(CONFIG, text);
  if (named !== undefined && new Json(CONFIG, settings).get(field) === undefined) {
    files[CONFIG] = JSON.stringify({ ...(settings as JsonObject), [field]: named });
  }
}
