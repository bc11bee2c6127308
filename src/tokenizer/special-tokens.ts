import { ModelError } from "../base/errors.ts";
import type { AddedToken } from "./added-tokens.ts";
import { asText, flag, isObject, type JsonObject } from "./json.ts";
import type { NamedId, SpecialTokens } from "./settings.ts";

/** An added token that has no id yet. */
export type UnnumberedToken = Omit<AddedToken, "id">;

/** The order in which the reference adds them, which numbers those that are not in the vocabulary. */
const NAMES = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/** What BERT calls its special tokens unless the files say otherwise. */
export const BERT_NAMES: JsonObject = {
  unk_token: "[UNK]",
  sep_token: "[SEP]",
  pad_token: "[PAD]",
  cls_token: "[CLS]",
  mask_token: "[MASK]",
};

/** Special tokens as `tokenizer_config.json` and `special_tokens_map.json` name them. */
export interface NamedTokens {
  /** By field: `cls_token` and so on; missing where a file says null. */
  readonly named: ReadonlyMap<string, UnnumberedToken>;
  /** Without a name of their own. */
  readonly extra: readonly UnnumberedToken[];
}

/**
 * Reads the special tokens. A file named `special_tokens_map.json` counts only where the config has no `added_tokens_decoder`, and then
 * before the config (transformers 5.23, `_from_pretrained`).
 */
export function readNamedTokens(config: JsonObject, map: JsonObject | undefined, defaults: JsonObject): NamedTokens {
  const fields: [field: string, value: unknown, file: string][] = [];
  const put = (source: JsonObject, file: string): void => {
    for (const [field, value] of Object.entries(source)) {
      const old = fields.findIndex(([name]) => name === field);
      if (old >= 0) fields.splice(old, 1, [field, value, file]);
      else fields.push([field, value, file]);
    }
  };
  put(defaults, "BERT");
  put(config, "tokenizer_config.json");
  if (map !== undefined && config.added_tokens_decoder === undefined) put(map, "special_tokens_map.json");

  const named = new Map<string, UnnumberedToken>();
  const own = fields.filter(([field]) => field.endsWith("_token") && !NAMES.includes(field));
  const known = NAMES.flatMap((name) => fields.filter(([field]) => field === name));
  for (const [field, value, file] of [...known, ...own]) {
    if (typeof value === "string" || isObject(value)) named.set(field, readToken(value, true, file, field));
    else if (NAMES.includes(field) && value !== null) {
      throw new ModelError("expected a token in quotes, or null", { file, field, value });
    }
  }
  const lists = ["extra_special_tokens", "additional_special_tokens"].map((name) =>
    fields.find(([field]) => field === name),
  );
  const [field, value, file] = lists.find((list) => list !== undefined && list[1] !== null && !isEmpty(list[1])) ?? [
    "",
    [],
    "",
  ];
  if (isObject(value)) {
    for (const [name, token] of Object.entries(value))
      named.set(name, readToken(token, true, file, `${field}.${name}`));
    return { named, extra: [] };
  }
  if (!Array.isArray(value)) throw new ModelError("expected a list of tokens", { file, field, value });
  return { named, extra: value.map((token, i) => readToken(token, true, file, `${field}[${i}]`)) };
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** A token as the files write it: its text, or an object with its flags. */
export function readToken(value: unknown, special: boolean, file: string, field: string): UnnumberedToken {
  if (typeof value === "string") {
    return { content: value, special, normalized: !special, lstrip: false, rstrip: false };
  }
  if (!isObject(value))
    throw new ModelError("expected a token in quotes, or an object with its content", { file, field, value });
  if (flag(value, "single_word", false, file)) {
    throw new ModelError(
      "added tokens that match whole words only are not supported; set it to false if the token may match inside words",
      { file, field: `${field}.single_word`, value: true },
    );
  }
  const isSpecial = special || flag(value, "special", false, file);
  return {
    content: asText(value.content, file, `${field}.content`),
    special: isSpecial,
    normalized: flag(value, "normalized", !isSpecial, file),
    lstrip: flag(value, "lstrip", false, file),
    rstrip: flag(value, "rstrip", false, file),
  };
}

/** `added_tokens_decoder` of tokenizer_config.json, in the order of its ids. */
export function readDecoder(config: JsonObject): UnnumberedToken[] | undefined {
  const file = "tokenizer_config.json";
  const decoder = config.added_tokens_decoder;
  if (decoder === undefined || decoder === null) return undefined;
  if (!isObject(decoder))
    throw new ModelError("expected tokens by id", { file, field: "added_tokens_decoder", value: decoder });
  const byId = Object.entries(decoder).sort(([a], [b]) => Number(a) - Number(b));
  return byId.map(([id, token]) => readToken(token, false, file, `added_tokens_decoder.${id}`));
}

/** `added_tokens.json`: ids by token, given in the order of the ids. */
export function readAddedTokens(file: JsonObject, named: NamedTokens): (UnnumberedToken & { order: number })[] {
  const special = new Set([...named.named.values(), ...named.extra].map(({ content }) => content));
  return Object.entries(file).map(([content, id]) => {
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0) {
      throw new ModelError("expected an id, a whole number", { file: "added_tokens.json", field: content, value: id });
    }
    return { ...readToken(content, special.has(content), "added_tokens.json", content), order: id };
  });
}

/**
 * Numbers added tokens as the reference does: by the vocabulary, else upward from its size, in the order given; the ids that files write
 * beside them do not count. Of two tokens with one content the later flags hold.
 */
export function numberTokens(
  vocabulary: ReadonlyMap<string, number>,
  tokens: readonly UnnumberedToken[],
): AddedToken[] {
  const numbered = new Map<string, AddedToken>();
  let next = vocabulary.size;
  for (const token of tokens) {
    if (token.content === "") continue;
    const id = numbered.get(token.content)?.id ?? vocabulary.get(token.content) ?? next++;
    numbered.set(token.content, { ...token, id });
  }
  return [...numbered.values()];
}

/** The tokens that BERT needs, by what the files call them; undefined where they say that there is none. */
export interface SpecialNames {
  readonly unk: string | undefined;
  readonly cls: string | undefined;
  readonly sep: string | undefined;
  readonly pad: string | undefined;
  readonly mask: string | undefined;
}

/** Finds their ids in the vocabulary, or (except [UNK], which words become) among the added tokens that a file lists. */
export function findSpecialTokens(
  names: SpecialNames,
  vocabulary: ReadonlyMap<string, number>,
  listed: ReadonlyMap<string, number>,
  file: string,
): SpecialTokens {
  const find = (field: keyof SpecialNames): NamedId => {
    const token = names[field];
    if (token === undefined) {
      const at = { file: "tokenizer_config.json", field: `${field}_token` };
      throw new ModelError("is null, and BERT cannot do without it; name a token of the vocabulary", at);
    }
    const id = vocabulary.get(token) ?? (field === "unk" ? undefined : listed.get(token));
    if (id !== undefined) return { token, id };
    const at = { file, field: `${field}_token`, value: token };
    throw new ModelError("is not in the vocabulary; is this the file that belongs to the model?", at);
  };
  const { mask } = names;
  const hasMask = mask !== undefined && (vocabulary.has(mask) || listed.has(mask));
  return {
    unk: find("unk"),
    cls: find("cls"),
    sep: find("sep"),
    pad: find("pad"),
    mask: hasMask ? find("mask") : undefined,
  };
}
