import { checkOptional } from "../base/door.ts";
import { fail, ModelError } from "../base/errors.ts";
import { Json } from "../base/json.ts";
import type { NormaliserOptions } from "./normalise.ts";
import type { Settings } from "./settings.ts";
import {
  BERT_NAMES,
  CONFIG,
  findSpecialTokens,
  type NamedTokens,
  numberTokens,
  readAddedTokens,
  readDecoder,
  readNamedTokens,
  type UnnumberedToken,
} from "./special-tokens.ts";
import { readFrame, readNormaliser, readTokenizerJson, type TokenizerJson } from "./tokenizer-json.ts";
import { readVocabulary } from "./vocabulary.ts";

/**
 * Contents of a tokenizer's files by name: `vocab.txt` or `tokenizer.json`, and `tokenizer_config.json`, `special_tokens_map.json`,
 * `added_tokens.json` where the model has them. Other names are not looked at.
 */
export type TokenizerFiles = { readonly [file: string]: string | undefined };

/** Choices that the files do not make. */
export interface TokenizerOptions {
  /** `"NFC"` composes the text first. For Korean in decomposed form, as macOS writes file names; the reference does not do it. */
  readonly normalize?: "NFC";
  /** Whether special tokens written in a text ("[SEP]") become their ids; true unless the files say otherwise. */
  readonly specialTokens?: boolean;
  /** `do_lower_case` of sentence_bert_config.json: text is lowered first, unless the tokenizer does that anyway. Accents stay. */
  readonly lowerCase?: boolean;
}

const TOKENIZER = "tokenizer.json";
/** Classes that transformers builds from the vocabulary and the config, without a look at the normaliser in tokenizer.json. */
const BERT_CLASSES = ["BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer"];
/** Classes that take tokenizer.json as it is written. */
const GENERIC_CLASSES = ["PreTrainedTokenizer", "TokenizersBackend"];

/** Reads everything the files say. Which file wins where two disagree is told in docs/tokenizer.md. */
export function readSettings(files: TokenizerFiles, options: TokenizerOptions): Settings {
  for (const [file, text] of Object.entries(files)) checkOptional(file, text, "string");
  const parsed = (file: string): Json => Json.parse(file, files[file]);
  const configured = files[CONFIG] !== undefined;
  const config = parsed(CONFIG);
  const json = files[TOKENIZER] === undefined ? undefined : readTokenizerJson(parsed(TOKENIZER));
  const addedFile = parsed("added_tokens.json");
  // tokenizer.json where it is to be taken as it is written, and not only for its vocabulary and added tokens
  const written = isGeneric(config, json) || !configured ? json : undefined;

  const vocabularyFile = json === undefined ? "vocab.txt" : TOKENIZER;
  const text =
    files[vocabularyFile] ??
    fail(vocabularyFile, undefined, "is missing, and so is tokenizer.json; one of them holds the vocabulary");
  const vocabulary = json?.vocabulary ?? readVocabulary(text);
  if (vocabulary.size === 0) fail(vocabularyFile, undefined, "the vocabulary is empty");

  const defaults = new Json(CONFIG, written ? {} : BERT_NAMES);
  const named = readNamedTokens(config, parsed("special_tokens_map.json"), defaults);
  const name = (field: string): string | undefined => named.named.get(field)?.content;
  const frame = written && readFrame(written);
  const { tokens, listed } = collectTokens(config, json, addedFile, named, written);
  const numbered = numberTokens(vocabulary, tokens);
  const special = findSpecialTokens(
    {
      unk: written?.unk ?? name("unk_token"),
      cls: frame?.cls.token ?? name("cls_token"),
      sep: frame?.sep.token ?? name("sep_token"),
      pad: name("pad_token") ?? (written && (written.padToken ?? "[PAD]")),
      mask: name("mask_token") ?? (written && "[MASK]"),
    },
    vocabulary,
    new Map(numbered.filter(({ content }) => listed.has(content)).map(({ content, id }) => [content, id])),
    vocabularyFile,
  );
  for (const field of ["cls", "sep"] as const) {
    if (frame !== undefined && frame[field].id !== special[field].id) {
      const problem = `has the id ${special[field].id} in the vocabulary; the file contradicts itself`;
      fail(TOKENIZER, `post_processor: ${frame[field].token}`, problem, frame[field].id);
    }
  }
  // A [MASK] that no file knows takes up an id in the reference, but no model has a row for it: here it is text.
  const added = numbered.filter(({ content }) => content !== name("mask_token") || special.mask !== undefined);
  const fromConfig = normaliserOf(config);
  const base = written ? readNormaliser(written) : fromConfig;
  const { normalize } = options;
  if (normalize !== undefined && normalize !== "NFC") fail("options", "normalize", 'the only form is "NFC"', normalize);
  const normaliser = {
    ...base,
    composeFirst: normalize === "NFC" || base.composeFirst,
    lowerCaseFirst: (options.lowerCase === true && !base.lowerCase) || base.lowerCaseFirst,
  };
  return {
    vocabulary,
    prefix: written?.prefix ?? "##",
    maxWordLength: written?.maxWordLength ?? 100,
    normaliser,
    added,
    special,
    modelMaxLength: modelMaxLength(config),
    truncationSide: config.oneOf("truncation_side", "right", SIDES),
    paddingSide: config.oneOf("padding_side", "right", SIDES),
    specialTokensAsText: !(options.specialTokens ?? !config.boolean("split_special_tokens", false)),
    warnings: warnings(json, fromConfig, configured, written !== undefined),
  };
}

/** Whether the class is one that takes tokenizer.json as it is written. */
function isGeneric(config: Json, json: TokenizerJson | undefined): boolean {
  const field = "tokenizer_class";
  const name = config.string(field, BERT_CLASSES[0]).replace(/Fast$/, "");
  if (BERT_CLASSES.includes(name)) return false;
  if (!GENERIC_CLASSES.includes(name)) {
    config.fail(field, `is not supported; use one of ${[...BERT_CLASSES, ...GENERIC_CLASSES].join(", ")}`);
  }
  if (json === undefined) config.fail(field, "needs tokenizer.json, which is missing");
  return true;
}

/** All tokens that the reference adds, in its order, and which of them some file lists as added. */
function collectTokens(
  config: Json,
  json: TokenizerJson | undefined,
  addedFile: Json,
  { named, extra }: NamedTokens,
  written: TokenizerJson | undefined,
): { tokens: UnnumberedToken[]; listed: ReadonlySet<string> } {
  let listedTokens = readDecoder(config);
  if (listedTokens === undefined) {
    // By id; where two files give one id, tokenizer.json holds.
    const byId = new Map<number, UnnumberedToken>();
    for (const { order, ...token } of readAddedTokens(addedFile, { named, extra })) byId.set(order, token);
    for (const [i, token] of (json?.added ?? []).entries()) byId.set(json?.addedOrder[i] ?? i, token);
    listedTokens = [...byId].sort(([a], [b]) => a - b).map(([, token]) => token);
  }
  const names = new Set([...named.values()].map(({ content }) => content));
  const tokens = [...(written?.added ?? []), ...listedTokens].map((token) =>
    names.has(token.content) ? { ...token, special: true } : token,
  );
  const listed = new Set(tokens.map(({ content }) => content));
  const known = new Set(listed);
  for (const token of [...named.values(), ...extra]) {
    if (!known.has(token.content)) tokens.push(token);
    known.add(token.content);
  }
  return { tokens, listed };
}

/** BERT's normaliser as tokenizer_config.json sets it; without a word from there, text is lowered. */
function normaliserOf(config: Json): NormaliserOptions {
  const lowerCase = config.boolean("do_lower_case", true);
  return {
    composeFirst: false,
    lowerCaseFirst: false,
    clean: true,
    ideographs: config.boolean("tokenize_chinese_chars", true),
    stripAccents: config.boolean("strip_accents", undefined) ?? lowerCase,
    lowerCase,
  };
}

/** What tokenizer.json says otherwise than a tokenizer that transformers builds from the config, and which of the two is followed. */
function warnings(
  json: TokenizerJson | undefined,
  config: NormaliserOptions,
  configured: boolean,
  written: boolean,
): string[] {
  if (json === undefined) {
    const lowered = "text is lower-cased without accents, which takes Hangul apart, as in the reference";
    return configured ? [] : [`there is no ${CONFIG}: ${lowered}`];
  }
  if (written && configured) return []; // transformers takes it as written, too
  const differing: string[] = [];
  const compare = (what: string, here: unknown, there: unknown): void => {
    if (here !== there) differing.push(`${what} (${here} in tokenizer.json, ${there} otherwise)`);
  };
  try {
    const normaliser = readNormaliser(json);
    for (const key of Object.keys(config) as (keyof NormaliserOptions)[]) compare(key, normaliser[key], config[key]);
  } catch (error) {
    // Refused where it counts; here it does not.
    if (!(error instanceof ModelError)) throw error;
    differing.push(error.message);
  }
  compare("continuing_subword_prefix", json.prefix, "##");
  compare("max_input_chars_per_word", json.maxWordLength, 100);
  if (differing.length === 0) return [];
  const why = configured
    ? "tokenizer_config.json is followed, as in transformers, where tokenizer.json says otherwise"
    : "tokenizer.json is followed as written: there is no tokenizer_config.json";
  return [`${why}: ${differing.join(", ")}`];
}

function modelMaxLength(config: Json): number | undefined {
  /** Above this it means none: transformers writes 1e30. */
  const NO_LENGTH = 1e15;
  const field = config.has("model_max_length") ? "model_max_length" : "max_len";
  const value = config.number(field, NO_LENGTH);
  if (!(value > 0)) config.fail(field, "must be a length");
  return value >= NO_LENGTH ? undefined : Math.floor(value);
}

const SIDES = ["left", "right"] as const;
