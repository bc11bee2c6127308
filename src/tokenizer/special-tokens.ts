import { fail } from "../base/errors.ts";
import { isObject, type JsonObject } from "../base/json.ts";
import type { AddedToken } from "./added-tokens.ts";
import { asList, asObject, asText, asWhole, at, flag, given } from "./json.ts";
import type { NamedId, SpecialTokens } from "./settings.ts";

/** An added token that has no id yet. */
export type UnnumberedToken = Omit<AddedToken, "id">;

export const CONFIG = "tokenizer_config.json";

/** What BERT calls its special tokens unless the files say otherwise; in the order of NAMES. */
export const BERT_NAMES: JsonObject = {
  unk_token: "[UNK]",
  sep_token: "[SEP]",
  pad_token: "[PAD]",
  cls_token: "[CLS]",
  mask_token: "[MASK]",
};

/** The order in which the reference adds them, which numbers those that are not in the vocabulary. */
const NAMES = ["bos_token", "eos_token", ...Object.keys(BERT_NAMES)];

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
  const first = config.added_tokens_decoder === undefined ? (map ?? {}) : {};
  const fields: JsonObject = { ...defaults, ...config, ...first };
  const read = (value: unknown, field: string, where: string = field): UnnumberedToken =>
    readToken(value, true, fileOf(field), where);
  const fileOf = (field: string): string => (field in first ? "special_tokens_map.json" : CONFIG);

  const named = new Map<string, UnnumberedToken>();
  for (const field of new Set([...NAMES, ...Object.keys(fields)])) {
    const value = fields[field];
    if (!field.endsWith("_token") || !given(value)) continue;
    // Other fields may end so, and be no tokens.
    if (NAMES.includes(field) || typeof value === "string" || isObject(value)) named.set(field, read(value, field));
  }
  const lists = ["extra_special_tokens", "additional_special_tokens"];
  const field = lists.find((name) => given(fields[name]) && at(fields[name], "length") !== 0) ?? "";
  const list = fields[field] ?? [];
  if (isObject(list)) {
    for (const [name, token] of Object.entries(list)) named.set(name, read(token, field, `${field}.${name}`));
    return { named, extra: [] };
  }
  const extra = asList(list, fileOf(field), field).map((token, i) => read(token, field, `${field}[${i}]`));
  return { named, extra };
}

/** A token as the files write it: its text, or an object with its flags. */
export function readToken(token: unknown, special: boolean, file: string, field: string): UnnumberedToken {
  if (typeof token === "string") {
    return { content: token, special, normalized: !special, lstrip: false, rstrip: false };
  }
  if (!isObject(token)) fail(file, field, "must be a string, or an object with its content", token);
  const has = (name: string, otherwise = false): boolean => flag(token, name, otherwise, file);
  if (has("single_word")) {
    const problem = "is not supported (whole words only); set it to false if it may match inside";
    fail(file, `${field}.single_word`, problem, true);
  }
  const isSpecial = special || has("special");
  return {
    content: asText(token.content, file, `${field}.content`),
    special: isSpecial,
    normalized: has("normalized", !isSpecial),
    lstrip: has("lstrip"),
    rstrip: has("rstrip"),
  };
}

/** `added_tokens_decoder` of tokenizer_config.json, in the order of its ids. */
export function readDecoder(config: JsonObject): UnnumberedToken[] | undefined {
  const field = "added_tokens_decoder";
  if (!given(config[field])) return undefined;
  const byId = Object.entries(asObject(config[field], CONFIG, field)).sort(([a], [b]) => Number(a) - Number(b));
  return byId.map(([id, token]) => readToken(token, false, CONFIG, `${field}.${id}`));
}

/** `added_tokens.json`: ids by token, given in the order of the ids. */
export function readAddedTokens(tokens: JsonObject, named: NamedTokens): (UnnumberedToken & { order: number })[] {
  const file = "added_tokens.json";
  const special = new Set([...named.named.values(), ...named.extra].map(({ content }) => content));
  return Object.entries(tokens).map(([content, id]) => ({
    ...readToken(content, special.has(content), file, content),
    order: asWhole(id, file, content),
  }));
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
  const look = (name: keyof SpecialNames): NamedId | undefined => {
    const token = names[name];
    if (token === undefined) return undefined;
    const id = vocabulary.get(token) ?? (name === "unk" ? undefined : listed.get(token));
    return id === undefined ? undefined : { token, id };
  };
  const find = (name: keyof SpecialNames): NamedId => {
    const field = `${name}_token`;
    const token = names[name];
    if (token === undefined)
      fail(CONFIG, field, "is null, and BERT cannot do without it; name a token of the vocabulary");
    return (
      look(name) ?? fail(file, field, "is not in the vocabulary; is this the file that belongs to the model?", token)
    );
  };
  return { unk: find("unk"), cls: find("cls"), sep: find("sep"), pad: find("pad"), mask: look("mask") };
}
