import { fail } from "../base/errors.ts";
import { at, isObject, Json, sameJson } from "../base/json.ts";
import type { NormaliserOptions } from "./normalise.ts";
import type { NamedId } from "./settings.ts";
import { MOST_ID, readToken, type UnnumberedToken } from "./special-tokens.ts";

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
  readonly root: Json;
}

/** Reads the parts that every use of the file needs. */
export function readTokenizerJson(root: Json): TokenizerJson {
  const model = root.part("model");
  const type = model.string("type", "WordPiece");
  if (type !== "WordPiece") refuse("model.type", type, "WordPiece");
  const vocab = model.part("vocab");
  const list = root.list("added_tokens");
  const padToken = at(root.get("padding"), "pad_token");
  return {
    vocabulary: new Map(vocab.keys.map((token) => [token, vocab.need(token, 0, MOST_ID)])),
    prefix: model.text("continuing_subword_prefix"),
    maxWordLength: model.need("max_input_chars_per_word", 0, 100_000),
    unk: model.text("unk_token"),
    added: list.keys.map((i) => readToken(list, i, false)),
    addedOrder: list.keys.map((i) => {
      const id = at(list.get(i), "id");
      return typeof id === "number" ? id : Number(i);
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
  const before = root.get("pre_tokenizer");
  if (at(before, "type") !== split) refuse("pre_tokenizer", kindOf(before), split);
  const whole = root.get("normalizer");
  const list = kindOf(whole) === "Sequence" ? root.part("normalizer").list("normalizers") : undefined;
  const steps = list === undefined ? [whole] : list.keys.map((i) => list.get(i));
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
  const bert = new Json(FILE, steps[next - 1], "normalizer");
  const lowerCase = bert.boolean("lowercase", true);
  return {
    composeFirst,
    lowerCaseFirst,
    clean: bert.boolean("clean_text", true),
    ideographs: bert.boolean("handle_chinese_chars", true),
    stripAccents: bert.boolean("strip_accents", undefined) ?? lowerCase,
    lowerCase,
  };
}

/** The tokens around a text, [CLS] and [SEP], with the ids that `post_processor` has for them; it must be BERT's. */
export function readFrame({ root }: TokenizerJson): { cls: NamedId; sep: NamedId } {
  const kind = kindOf(root.get("post_processor"));
  if (kind !== "BertProcessing" && kind !== "TemplateProcessing") {
    refuse("post_processor", kind, "TemplateProcessing or BertProcessing");
  }
  const post = root.part("post_processor");
  if (kind === "BertProcessing") {
    const [cls, sep] = ["cls", "sep"].map((field) => {
      const pair = post.list(field);
      return { token: pair.text("0"), id: pair.need("1", 0, MOST_ID) };
    });
    return { cls, sep };
  }
  const single = template(post.get("single"));
  const [cls, sep] = [single[0]?.[0], single[2]?.[0]];
  const expected = [
    [cls, 0],
    ["$A", 0],
    [sep, 0],
  ];
  if (!sameJson(single, expected) || !sameJson(template(post.get("pair")), [...expected, ["$B", 1], [sep, 1]])) {
    refuse("post_processor", post.get("single"), "[CLS] A [SEP] for a text and [CLS] A [SEP] B [SEP] for a pair");
  }
  const numbered = (token: unknown): NamedId => {
    const special = post.part("special_tokens").part(`${token}`);
    const ids = special.list("ids");
    if (ids.keys.length !== 1) special.fail("ids", "must be a list of one id");
    return { token: `${token}`, id: ids.need("0", 0, MOST_ID) };
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
