import type { EncodeOptions, TokenizerFiles, TokenizerOptions } from "../../src/tokenizer/index.ts";
import { ADDED } from "./generate.ts";

/** One way to set up the tokenizer, in our words and, by the same files, in the reference's. */
export interface Configuration {
  readonly name: string;
  /** All but the vocabulary, which `vocab.txt` or tokenizer.json's `model.vocab` gets from the generated one. */
  readonly files: TokenizerFiles;
  /** Whether the vocabulary comes as vocab.txt, tokenizer.json, or both (then vocab.txt is a decoy that must not be read). */
  readonly vocabulary: "vocab.txt" | "tokenizer.json" | "both";
  readonly options: TokenizerOptions;
}

const json = (value: unknown): string => JSON.stringify(value);
export const bert = (lowercase: boolean, strip: boolean | null = null, clean = true, chinese = true): object => ({
  type: "BertNormalizer",
  clean_text: clean,
  handle_chinese_chars: chinese,
  strip_accents: strip,
  lowercase,
});
const addedToken = (content: string, id: number, flags: object = {}): object => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: true,
  special: false,
  ...flags,
});

/** tokenizer.json without its vocabulary; `ids` gives special tokens their numbers. */
export function tokenizerJson(normalizer: object, added: readonly object[], ids: ReadonlyMap<string, number>): object {
  const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map((content) =>
    addedToken(content, ids.get(content) ?? 0, { normalized: false, special: true }),
  );
  const token = (name: string): object => ({ id: name, ids: [ids.get(name)], tokens: [name] });
  const cls = { SpecialToken: { id: "[CLS]", type_id: 0 } };
  const sep = (type_id: number): object => ({ SpecialToken: { id: "[SEP]", type_id } });
  const text = (id: string, type_id: number): object => ({ Sequence: { id, type_id } });
  return {
    version: "1.0",
    // Not to be obeyed: real files carry a limit that contradicts the model's own.
    truncation: { direction: "Right", max_length: 7, strategy: "LongestFirst", stride: 0 },
    padding: {
      strategy: { Fixed: 9 },
      direction: "Right",
      pad_to_multiple_of: null,
      pad_id: 0,
      pad_type_id: 0,
      pad_token: "[PAD]",
    },
    added_tokens: [...special, ...added],
    normalizer,
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [cls, text("A", 0), sep(0)],
      pair: [cls, text("A", 0), sep(0), text("B", 1), sep(1)],
      special_tokens: { "[CLS]": token("[CLS]"), "[SEP]": token("[SEP]") },
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: {},
    },
  };
}

/** Added tokens of every kind of flag, as tokenizer.json writes them. */
export function generatedAdded(vocabularySize: number): object[] {
  return ADDED.map((content, i) =>
    addedToken(content, vocabularySize + i, {
      normalized: i % 3 !== 0,
      lstrip: i % 4 === 1,
      rstrip: i % 4 === 2,
      special: i === 6,
    }),
  );
}

export function configurations(ids: ReadonlyMap<string, number>): Configuration[] {
  const vocabularySize = ids.size;
  const added = generatedAdded(vocabularySize);
  const generic = { tokenizer_class: "PreTrainedTokenizerFast", pad_token: "[PAD]", mask_token: "[MASK]" };
  return [
    {
      name: "cased",
      vocabulary: "vocab.txt",
      options: {},
      files: { "tokenizer_config.json": json({ do_lower_case: false, strip_accents: null }) },
    },
    {
      name: "uncased",
      vocabulary: "vocab.txt",
      options: {},
      files: { "tokenizer_config.json": json({ tokenizer_class: "BertTokenizer" }) },
    },
    { name: "no config", vocabulary: "vocab.txt", options: {}, files: {} },
    {
      name: "lower case, accents kept; special tokens are text",
      vocabulary: "vocab.txt",
      options: { specialTokens: false },
      files: { "tokenizer_config.json": json({ do_lower_case: true, strip_accents: false, model_max_length: 1e30 }) },
    },
    {
      name: "accents stripped, case kept, ideographs together",
      vocabulary: "vocab.txt",
      options: {},
      files: {
        "tokenizer_config.json": json({ do_lower_case: false, strip_accents: true, tokenize_chinese_chars: false }),
      },
    },
    {
      name: "NFC",
      vocabulary: "vocab.txt",
      options: { normalize: "NFC" },
      files: { "tokenizer_config.json": json({ do_lower_case: false }) },
    },
    {
      name: "cased, with sentence-transformers' own lower case",
      vocabulary: "vocab.txt",
      options: { lowerCase: true },
      files: { "tokenizer_config.json": json({ do_lower_case: false }) },
    },
    {
      name: "added_tokens.json, and a special token that takes the blank before it",
      vocabulary: "vocab.txt",
      options: {},
      files: {
        "tokenizer_config.json": json({ do_lower_case: false, additional_special_tokens: ["<문서>"] }),
        "special_tokens_map.json": json({
          mask_token: { content: "[MASK]", lstrip: true, rstrip: false, single_word: false, normalized: false },
          cls_token: "[CLS]",
        }),
        "added_tokens.json": json(
          Object.fromEntries(ADDED.map((token, i) => [token, vocabularySize + ((i * 5) % ADDED.length)])),
        ),
      },
    },
    {
      name: "added_tokens_decoder, uncased",
      vocabulary: "vocab.txt",
      options: {},
      files: {
        "tokenizer_config.json": json({
          do_lower_case: true,
          added_tokens_decoder: Object.fromEntries(
            added.map((token, i) => [vocabularySize + i, { ...token, id: undefined }]),
          ),
        }),
        "special_tokens_map.json": json({ pad_token: "!" }),
        "added_tokens.json": json({ ignored: 1 }),
      },
    },
    {
      name: "tokenizer.json with a config, which holds against it",
      vocabulary: "both",
      options: {},
      files: {
        "tokenizer.json": json(tokenizerJson(bert(true), added, ids)),
        "tokenizer_config.json": json({
          tokenizer_class: "BertTokenizerFast",
          do_lower_case: false,
          model_max_length: 128,
        }),
      },
    },
    {
      name: "tokenizer.json as written",
      vocabulary: "tokenizer.json",
      options: {},
      files: {
        "tokenizer.json": json(tokenizerJson(bert(true, false), added, ids)),
        "tokenizer_config.json": json(generic),
      },
    },
    {
      name: "tokenizer.json alone",
      vocabulary: "tokenizer.json",
      options: {},
      files: { "tokenizer.json": json(tokenizerJson(bert(false), added, ids)) },
    },
    {
      name: "tokenizer.json as written: nothing cleaned, ideographs together, NFC and lower case first; special tokens are text",
      vocabulary: "tokenizer.json",
      options: { specialTokens: false },
      files: {
        "tokenizer.json": json(
          tokenizerJson(
            {
              type: "Sequence",
              normalizers: [{ type: "NFC" }, { type: "Lowercase" }, bert(false, null, false, false)],
            },
            added,
            ids,
          ),
        ),
        "tokenizer_config.json": json(generic),
      },
    },
  ];
}

/** All files of a configuration over `tokens`. */
export function filesOf({ files, vocabulary }: Configuration, tokens: readonly string[]): TokenizerFiles {
  const out: Record<string, string | undefined> = { ...files };
  const tokenizer = files["tokenizer.json"];
  if (tokenizer !== undefined) {
    const whole = JSON.parse(tokenizer);
    whole.model.vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
    out["tokenizer.json"] = JSON.stringify(whole);
  }
  if (vocabulary === "vocab.txt") out["vocab.txt"] = `${tokens.join("\n")}\n`;
  if (vocabulary === "both") out["vocab.txt"] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
  return out;
}

/** What to ask about one text. */
export interface Question {
  readonly text: string;
  readonly options: EncodeOptions;
}

/** A question about a random text: cut or not, with a pair or not, with [CLS] and [SEP] or not. */
export function question(next: () => number, text: () => string): Question {
  const kind = next();
  return {
    text: text(),
    options: {
      ...(kind < 0.15 && { pair: text() }),
      ...((kind < 0.08 || kind > 0.75) && { maxLength: 3 + Math.floor(next() ** 2 * 40) }),
      ...(kind > 0.9 && { addSpecialTokens: false }),
    },
  };
}
