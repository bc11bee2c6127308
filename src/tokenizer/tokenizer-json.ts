import { fail } from "../base/errors.ts";
import { isObject, type JsonObject, sameJson } from "../base/json.ts";
import { asList, asObject, asText, asWhole, at, flag } from "./json.ts";
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
    vocabulary.set(token, asWhole(id, FILE, `model.vocab.${token}`));
  }
  const text = (field: string): string => asText(model[field], FILE, `model.${field}`);
  const limit = "max_input_chars_per_word";
  const list = asList(root.added_tokens ?? [], FILE, "added_tokens");
  const padToken = at(root, "padding", "pad_token");
  return {
    vocabulary,
    prefix: text("continuing_subword_prefix"),
    maxWordLength: asWhole(model[limit], FILE, `model.${limit}`, 100_000),
    unk: text("unk_token"),
    added: list.map((token, i) => readToken(token, false, FILE, `added_tokens[${i}]`)),
    addedOrder: list.map((token, i) => {
      const id = at(token, "id");
      return typeof id === "number" ? id : i;
    }),
    padToken: typeof padToken === "string" ? padToken : undefined,
    root,
  };
}

function refuse(field: string, value: unknown, supported: string): never {
  return fail(FILE, field, `is not supported; a BERT tokenizer has ${supported}`, value);
}

/** The `type` of a part of the file, or what stands there in place of such a part. */
function kindOf(part: unknown): unknown {
  return isObject(part) ? part.type : part;
}

/** The normaliser and pre-tokenizer, which must be BERT's; NFC and Lowercase may come before it, in this order. */
export function readNormaliser({ root }: TokenizerJson): NormaliserOptions {
  const split = "BertPreTokenizer";
  if (at(root.pre_tokenizer, "type") !== split) refuse("pre_tokenizer", kindOf(root.pre_tokenizer), split);
  const whole = root.normalizer;
  const steps =
    kindOf(whole) === "Sequence" ? asList(at(whole, "normalizers"), FILE, "normalizer.normalizers") : [whole];
  let next = 0;
  const takes = (type: string): boolean => {
    if (at(steps[next], "type") !== type) return false;
    next++;
    return true;
  };
  const composeFirst = takes("NFC");
  const lowerCaseFirst = takes("Lowercase");
  if (!takes("BertNormalizer") || next < steps.length) {
    refuse("normalizer", kindOf(steps[next]), "BertNormalizer, which NFC and then Lowercase may precede");
  }
  const bert = steps[next - 1] as JsonObject;
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
  const kind = kindOf(post);
  const named = (token: unknown, id: unknown, field: string): NamedId => {
    const where = `post_processor.${field}`;
    return { token: asText(token, FILE, where), id: asWhole(id, FILE, where) };
  };
  if (kind === "BertProcessing") {
    const [cls, sep] = ["cls", "sep"].map((field) => named(at(post, field, 0), at(post, field, 1), field));
    return { cls, sep };
  }
  if (kind !== "TemplateProcessing") refuse("post_processor", kind, "TemplateProcessing or BertProcessing");
  const single = template(at(post, "single"));
  const [cls, sep] = [single[0]?.[0], single[2]?.[0]];
  const text = (name: string, typeId: number): unknown[] => [
    [name, typeId],
    [sep, typeId],
  ];
  const expected = [[cls, 0], ...text("$A", 0)];
  if (!sameJson(single, expected) || !sameJson(template(at(post, "pair")), [...expected, ...text("$B", 1)])) {
    refuse("post_processor", at(post, "single"), "[CLS] A [SEP] for a text and [CLS] A [SEP] B [SEP] for a pair");
  }
  const numbered = (token: unknown): NamedId => {
    const ids = at(post, "special_tokens", `${token}`, "ids");
    return named(token, at(ids, "length") === 1 ? at(ids, 0) : ids, `special_tokens.${token}.ids`);
  };
  return { cls: numbered(cls), sep: numbered(sep) };
}

/** A template as names and type ids: [["[CLS]", 0], ["$A", 0], …]. */
function template(value: unknown): [name: unknown, typeId: unknown][] {
  if (!Array.isArray(value)) return [];
  return value.map((part) => {
    const token = at(part, "SpecialToken");
    const sequence = at(part, "Sequence");
    return token ? [at(token, "id"), at(token, "type_id")] : [`$${at(sequence, "id")}`, at(sequence, "type_id")];
  });
}
