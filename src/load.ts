import { checkWhole } from "./base/door.ts";
import { fail } from "./base/errors.ts";
import { type BertTokenizer, loadTokenizer } from "./bert-tokenizer.ts";
import { type Encoder, loadConfig, loadEncoder } from "./encoder.ts";
import { hashModel, type Identity, NUMERICS_VERSION } from "./identity.ts";
import { type ModuleList, readModules } from "./modules.ts";
import { checkTruncateDim, type LoadOptions } from "./options.ts";
import { choosePrompt, DEFAULTS, type ModelDefaults, readDefaults } from "./prompts.ts";
import { type ModelSource, readText } from "./source.ts";
import { readTransformerSettings } from "./transformer-settings.ts";

/** Everything a loaded model is made of. */
export interface Parts {
  readonly source: ModelSource;
  readonly tokenizer: BertTokenizer;
  readonly encoder: Encoder;
  readonly list: ModuleList;
  readonly defaults: ModelDefaults;
  readonly maxSeqLength: number;
  readonly warnings: readonly string[];
  readonly identity: Identity;
}

/** Reads a model's files in the order in which they decide about each other, and builds its parts. */
export async function loadParts(from: ModelSource, options: LoadOptions): Promise<Parts> {
  const read = new Set<string>(); // every file there is and that was looked at
  const source = watched(from, read, options);
  options.signal?.throwIfAborted();
  const warnings: string[] = [];
  const warn = (warning: string): void => {
    warnings.push(warning);
    options.onWarning?.(warning);
  };
  const list = await readModules(source, async (folder) => (await loadConfig(source, folder)).hiddenSize);
  list.warnings.forEach(warn);
  const folder = list.transformer;
  const config = await loadConfig(source, folder);
  const settings = list.listed
    ? await readTransformerSettings(source, folder)
    : { maxSeqLength: undefined, lowerCase: false };
  const defaults = readDefaults(list.listed ? await readText(source, DEFAULTS) : undefined, options);
  const tokenizer = await loadTokenizer(source, folder, {
    ...options.tokenizer,
    lowerCase: options.tokenizer?.lowerCase ?? settings.lowerCase,
  });
  tokenizer.warnings.forEach(warn);
  checkVocabulary(tokenizer, config.vocabularySize);

  const saved = settings.maxSeqLength ?? tokenizer.modelMaxLength ?? config.longestText;
  if (settings.maxSeqLength !== undefined && saved > config.longestText) {
    warn(`max_seq_length is ${saved}, but the model has positions for ${config.longestText}: texts are cut there`);
  }
  const maxSeqLength = options.maxSeqLength ?? Math.min(saved, config.longestText);
  checkWhole("maxSeqLength", maxSeqLength, 2, config.longestText, "the model's positions");
  const truncateDim = defaults.truncateDim ?? list.dimension;
  checkTruncateDim(truncateDim, list.dimension);

  return loadEncoder(source, folder, config, maxSeqLength, options, async (encoder) => {
    encoder.warnings.forEach(warn);
    const identity = {
      numerics: NUMERICS_VERSION,
      backend: encoder.backend.name,
      dtype: encoder.dtype,
      pooling: list.modules.flatMap((m) => (m.kind === "pooling" ? m.modes : [])).join("+"),
      normalize: list.modules.some((m) => m.kind === "normalize"),
      dimension: truncateDim,
      maxSeqLength,
      tokenizer: JSON.stringify(options.tokenizer ?? {}),
      prompt: choosePrompt(defaults, {}),
      model: await hashModel(
        source,
        [...read].filter((path) => path !== DEFAULTS),
      ),
    };
    if ((options.rows ?? "memory") === "memory") await source.close(); // everything has been read
    return { source, tokenizer, encoder, list, defaults, maxSeqLength, warnings, identity };
  });
}

function checkVocabulary(tokenizer: BertTokenizer, rows: number): void {
  const { vocabularySize } = tokenizer;
  if (vocabularySize === rows) return;
  const problem =
    vocabularySize > rows
      ? "the vocabulary belongs to another model"
      : "it is cut short, lacks [unused] lines, or belongs to another model";
  fail("vocab.txt", undefined, `the vocabulary has ${vocabularySize} entries, the word table ${rows}: ${problem}`);
}

/** The same source, which notes every file that there is, and tells how much of it has been read where somebody wants to know. */
function watched(from: ModelSource, read: Set<string>, { onProgress }: LoadOptions): ModelSource {
  const counts = new Map<string, number>();
  return {
    name: from.name,
    close: () => from.close(),
    open: async (file) => {
      const bytes = await from.open(file);
      if (bytes === undefined) return undefined;
      read.add(file);
      const { byteLength } = bytes;
      return {
        byteLength,
        slice: async (start, end, into) => {
          const part = await bytes.slice(start, end, into);
          // Some files are looked at twice; then they have been read, not read twice.
          const loaded = Math.min((counts.get(file) ?? 0) + part.byteLength, byteLength);
          counts.set(file, loaded);
          onProgress?.({ file, loaded, total: byteLength, phase: "read" });
          return part;
        },
      };
    },
  };
}
