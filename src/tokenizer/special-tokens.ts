import { fail } from "../base/errors.ts";
import { at, isObject, type Json, type JsonObject } from "../base/json.ts";
import type { AddedToken } from "./added-tokens.ts";
import type { NamedId, SpecialTokens } from "./settings.ts";

/** An added token that has no id yet. */
export type UnnumberedToken = Omit<AddedToken, "id">;

export const CONFIG = "tokenizer_config.json";

/** Ids are 32-bit numbers, so nothing above that is one. */
export const MOST_ID: number = 2 ** 31 - 1;

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
export function readNamedTokens(config: Json, map: Json, defaults: Json): NamedTokens {
  /** Which file counts, by field. */
  const files = new Map<string, Json>();
  for (const json of [defaults, config, map]) {
    if (json !== map || !config.has("added_tokens_decoder")) for (const field of json.keys) files.set(field, json);
  }
  const named = new Map<string, UnnumberedToken>();
  for (const field of new Set([...NAMES, ...files.keys()])) {
    const json = files.get(field);
    const value = json?.get(field);
    if (json === undefined || value === undefined || !field.endsWith("_token")) continue;
    // Other fields may end so, and be no tokens.
    if (NAMES.includes(field) || typeof value === "string" || isObject(value)) {
      named.set(field, readToken(json, field, true));
    }
  }
  for (const field of ["extra_special_tokens", "additional_special_tokens"]) {
    const json = files.get(field);
    const value = json?.get(field);
    if (json === undefined || value === undefined || at(value, "length") === 0) continue;
    const tokens = isObject(value) ? json.part(field) : json.list(field);
    const read = tokens.keys.map((name) => [name, readToken(tokens, name, true)] as const);
    if (!isObject(value)) return { named, extra: read.map(([, token]) => token) };
    for (const [name, token] of read) named.set(name, token);
    break;
  }
  return { named, extra: [] };
}

/** A token as the files write it: its text, or an object with its flags. */
export function readToken(json: Json, field: string, special: boolean): UnnumberedToken {
  const token = json.get(field);
  if (typeof token === "string") return plainToken(token, special);
  if (!isObject(token)) json.fail(field, "must be a token in quotes, or an object with its content");
  const part = json.part(field);
  if (part.boolean("single_word", false)) {
    part.fail("single_word", "is not supported; set it to false where it may match inside words");
  }
  const isSpecial = special || part.boolean("special", false);
  return {
    content: part.text("content"),
    special: isSpecial,
    normalized: part.boolean("normalized", !isSpecial),
    lstrip: part.boolean("lstrip", false),
    rstrip: part.boolean("rstrip", false),
  };
}

function plainToken(content: string, special: boolean): UnnumberedToken {
  return { content, special, normalized: !special, lstrip: false, rstrip: false };
}

/** `added_tokens_decoder` of tokenizer_config.json, in the order of its ids. */
export function readDecoder(config: Json): UnnumberedToken[] | undefined {
  const byId = config.object("added_tokens_decoder");
  return byId?.keys.sort((a, b) => Number(a) - Number(b)).map((id) => readToken(byId, id, false));
}

/** `added_tokens.json`: ids by token, given in the order of the ids. */
export function readAddedTokens(tokens: Json, named: NamedTokens): (UnnumberedToken & { order: number })[] {
  const special = new Set([...named.named.values(), ...named.extra].map(({ content }) => content));
  return tokens.keys.map((content) => ({
    ...plainToken(content, special.has(content)),
    order: tokens.need(content, 0, MOST_ID),
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
    if (token === undefined) fail(CONFIG, field, "is null: name a token");
    return look(name) ?? fail(file, field, "is not in the vocabulary, which belongs to another model", token);
  };
  return { unk: find("unk"), cls: find("cls"), sep: find("sep"), pad: find("pad"), mask: look("mask") };
}
