import { ModelError } from "../base/errors.ts";
import { sameJson } from "../base/json.ts";
import { asObject, asText, flag, isObject, type JsonObject } from "./json.ts";
import type { NormaliserOptions } from "./normalise.ts";
import type { NamedId } from "./settings.ts";
import { readToken, type UnnumberedToken } from "./special-tokens.ts";

const FILE = "tokenizer.json";

/** What tokenizer.json says, as far as BERT tokenizers can say it. Its `truncation`, `padding` and `decoder` do not bear on ids. */
export interface TokenizerJson {
  readonly vocabulary: ReadonlyMap<string, number>;
  readonly prefix: string;
  readonly maxWordLength: number;
  readonly unk: string;
  /** In the order of the file. */
  readonly added: readonly UnnumberedToken[];
  /** The ids that the file writes beside them, which order them where transformers rebuilds the tokenizer. */
  readonly addedOrder: readonly number[];
  readonly padToken: string | undefined;
  readonly root: JsonObject;
}

/** Reads the parts that every use of the file needs. */
export function readTokenizerJson(root: JsonObject): TokenizerJson {
  const model = asObject(root.model, FILE, "model");
  if (model.type !== undefined && model.type !== "WordPiece") refuse("model.type", model.type, "WordPiece");
  const vocabulary = new Map<string, number>();
  for (const [token, id] of Object.entries(asObject(model.vocab, FILE, "model.vocab"))) {
    vocabulary.set(token, asId(id, `model.vocab.${token}`));
  }
  const maxWordLength = model.max_input_chars_per_word;
  if (
    typeof maxWordLength !== "number" ||
    !Number.isInteger(maxWordLength) ||
    maxWordLength < 0 ||
    maxWordLength > 100_000
  ) {
    throw new ModelError("expected a whole number up to 100000", {
      file: FILE,
      field: "model.max_input_chars_per_word",
      value: maxWordLength,
    });
  }
  const list = root.added_tokens ?? [];
  if (!Array.isArray(list)) throw new ModelError("expected a list", { file: FILE, field: "added_tokens", value: list });
  return {
    vocabulary,
    prefix: asText(model.continuing_subword_prefix, FILE, "model.continuing_subword_prefix"),
    maxWordLength,
    unk: asText(model.unk_token, FILE, "model.unk_token"),
    added: list.map((token, i) => readToken(token, false, FILE, `added_tokens[${i}]`)),
    addedOrder: list.map((token, i) => (isObject(token) && typeof token.id === "number" ? token.id : i)),
    padToken: isObject(root.padding) && typeof root.padding.pad_token === "string" ? root.padding.pad_token : undefined,
    root,
  };
}

function asId(value: unknown, field: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 31) return value;
  throw new ModelError("expected an id, a whole number", { file: FILE, field, value });
}

function refuse(field: string, value: unknown, supported: string): never {
  throw new ModelError(`is not supported; a BERT tokenizer has ${supported}`, { file: FILE, field, value });
}

/** The normaliser and pre-tokenizer, which must be BERT's; NFC and Lowercase may come before it, in this order. */
export function readNormaliser({ root }: TokenizerJson): NormaliserOptions {
  const split = root.pre_tokenizer;
  if (!isObject(split) || split.type !== "BertPreTokenizer") {
    refuse("pre_tokenizer", isObject(split) ? split.type : split, "BertPreTokenizer");
  }
  const normaliser = root.normalizer;
  const steps = isObject(normaliser) && normaliser.type === "Sequence" ? normaliser.normalizers : [normaliser];
  const rest: unknown[] = Array.isArray(steps) ? [...steps] : refuse("normalizer.normalizers", steps, "a list there");
  const takes = (type: string): JsonObject | undefined => {
    const step = rest[0];
    return isObject(step) && step.type === type ? (rest.shift() as JsonObject) : undefined;
  };
  const composeFirst = takes("NFC") !== undefined;
  const lowerCaseFirst = takes("Lowercase") !== undefined;
  const bert = takes("BertNormalizer");
  if (bert === undefined || rest.length > 0) {
    const step = rest[0];
    refuse("normalizer", isObject(step) ? step.type : step, "BertNormalizer, which NFC and then Lowercase may precede");
  }
  const lowerCase = flag(bert, "lowercase", true, FILE);
  return {
    composeFirst,
    lowerCaseFirst,
    clean: flag(bert, "clean_text", true, FILE),
    ideographs: flag(bert, "handle_chinese_chars", true, FILE),
    stripAccents: flag(bert, "strip_accents", undefined, FILE) ?? lowerCase,
    lowerCase,
  };
}

/** The tokens around a text, [CLS] and [SEP], with the ids that `post_processor` has for them; it must be BERT's. */
export function readFrame({ root }: TokenizerJson): { cls: NamedId; sep: NamedId } {
  const post = root.post_processor;
  const type = isObject(post) ? post.type : post;
  if (isObject(post) && type === "BertProcessing") {
    const named = (field: "cls" | "sep"): NamedId => {
      const value = post[field];
      const [token, id] = Array.isArray(value) ? value : [];
      return { token: asText(token, FILE, `post_processor.${field}`), id: asId(id, `post_processor.${field}`) };
    };
    return { cls: named("cls"), sep: named("sep") };
  }
  if (!isObject(post) || type !== "TemplateProcessing") {
    return refuse("post_processor", type, "TemplateProcessing or BertProcessing");
  }
  const [single, pair] = [template(post.single), template(post.pair)];
  const [cls, , sep] = single.map(([name]) => name);
  const first = [
    [cls, 0],
    ["$A", 0],
    [sep, 0],
  ];
  const second = [
    ["$B", 1],
    [sep, 1],
  ];
  if (!sameJson(single, first) || !sameJson(pair, [...first, ...second])) {
    refuse("post_processor", post.single, "[CLS] A [SEP] for a text and [CLS] A [SEP] B [SEP] for a pair");
  }
  const named = (name: unknown): NamedId => {
    const token = asText(name, FILE, "post_processor.single");
    const special = isObject(post.special_tokens) ? post.special_tokens[token] : undefined;
    const ids = isObject(special) && Array.isArray(special.ids) ? special.ids : [];
    return { token, id: asId(ids.length === 1 ? ids[0] : undefined, `post_processor.special_tokens.${token}.ids`) };
  };
  return { cls: named(cls), sep: named(sep) };
}

/** A template as names and type ids: [["[CLS]", 0], ["$A", 0], …]. */
function template(value: unknown): [name: unknown, typeId: unknown][] {
  if (!Array.isArray(value)) return [];
  return value.map((part) => {
    const token = isObject(part) && isObject(part.SpecialToken) ? part.SpecialToken : undefined;
    const sequence = isObject(part) && isObject(part.Sequence) ? part.Sequence : undefined;
    return token !== undefined ? [token.id, token.type_id] : [`$${sequence?.id}`, sequence?.type_id];
  });
}
