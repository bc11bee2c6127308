import type { Text } from "./batch.ts";
import type { EmbeddingModel, ModelFacts } from "./model.ts";
import { Refusal } from "./refusal.ts";

/** A text, or its token ids. */
export type Input = string | readonly number[];

/** How texts are read. */
export interface Reading {
  /** The field of the request they stand in. */
  readonly param: string;
  /** Text put before every text. */
  readonly prompt: string;
  /** Whether longer texts than the model reads are cut, or refused. */
  readonly truncate: boolean;
  /** The end that is cut off. Default: as the tokenizer says. */
  readonly side?: "left" | "right";
}

/** Texts as the queue takes them. */
export interface Read {
  readonly texts: readonly Text[];
  readonly tokens: number;
  /** Texts that were cut. */
  readonly truncated: number;
  /** UTF-16 units, for the record. */
  readonly characters: number;
}

/**
 * A list of texts out of what JSON may hold: a text, a list of texts, token ids, a list of lists of ids, or texts and lists mixed.
 *
 * @throws Refusal naming the place.
 */
export function listInputs(value: unknown, param: string, most: number): { inputs: readonly Input[]; single: boolean } {
  const single = typeof value === "string" || (Array.isArray(value) && typeof value[0] === "number");
  const list: readonly unknown[] = single || !Array.isArray(value) ? [value] : value;
  if (list.length === 0) throw new Refusal("empty", `\`${param}\` cannot be empty`, { param });
  if (list.length > most) {
    throw new Refusal("too large", `batch size ${list.length} > maximum allowed batch size ${most}`, { param });
  }
  for (const [n, item] of list.entries()) {
    const place = single || !Array.isArray(value) ? param : `${param}[${n}]`;
    if (typeof item === "string" || Array.isArray(item)) {
      if (item.length === 0) throw new Refusal("empty", `\`${place}\` cannot be empty`, { param });
      if (typeof item === "string" || item.every((id) => Number.isInteger(id) && id >= 0)) continue;
      throw new Refusal("invalid", `\`${place}\` holds something that is not a token id`, { param });
    }
    throw new Refusal("invalid", `\`${place}\` must be a string or a list of token ids`, { param });
  }
  return { inputs: list as Input[], single };
}

/** Turns every text into tokens, once. */
export function readInputs(inputs: readonly Input[], model: EmbeddingModel, facts: ModelFacts, how: Reading): Read {
  const texts: Text[] = [];
  let tokens = 0;
  let truncated = 0;
  let characters = 0;
  for (const [n, input] of inputs.entries()) {
    const place = `${how.param}[${n}]`;
    const text = typeof input === "string";
    const whole = text ? readText(input, model, facts, how) : readIds(input, facts, how, place);
    const length = whole.full;
    if (length > facts.maxSeqLength) {
      if (!how.truncate) {
        const message = `\`${place}\` must have at most ${facts.maxSeqLength} tokens, not ${length}; shorten it, or let it be cut`;
        throw new Refusal("invalid", message, { param: how.param });
      }
      truncated++;
    }
    const used = Math.min(length, facts.maxSeqLength);
    // Where a prompt's tokens are left out of pooling, only the engine knows which they are: it gets the text.
    const apart = text && how.prompt !== "" && !facts.promptPooled;
    if (apart && how.side !== undefined) {
      throw new Refusal("invalid", "`truncation_direction` is not known to this model beside a prompt", {
        param: "truncation_direction",
      });
    }
    texts.push({ input: apart ? input : whole.encoding, tokens: used });
    tokens += used;
    if (text) characters += input.length;
  }
  return { texts, tokens, truncated, characters };
}

interface Whole {
  readonly encoding: { readonly ids: Int32Array };
  /** Tokens before anything was cut. */
  readonly full: number;
}

function readText(text: string, { tokenizer }: EmbeddingModel, facts: ModelFacts, how: Reading): Whole {
  const { maxSeqLength } = facts;
  const cut = how.truncate && how.side === undefined;
  const encoding = tokenizer.encode(how.prompt + text, cut ? { maxLength: maxSeqLength } : {});
  const full = encoding.truncated ? maxSeqLength + 1 : encoding.ids.length;
  return full > maxSeqLength && !cut ? { encoding: cutIds(encoding.ids, facts, how.side), full } : { encoding, full };
}

/** Ids as another tokenizer of the same vocabulary gives them, with the tokens that frame a text or without. */
function readIds(input: readonly number[], facts: ModelFacts, how: Reading, place: string): Whole {
  const { before, after, vocabularySize } = facts;
  const beyond = input.find((id) => id >= vocabularySize);
  if (beyond !== undefined) {
    const message = `\`${place}\`: token id ${beyond} is not in the vocabulary of this model, which has ${vocabularySize}; ids of another tokenizer mean nothing to it: send texts`;
    throw new Refusal("invalid", message, { param: how.param });
  }
  const framed = before.every((id, i) => id === input[i]) && after.every((id, i) => id === input.at(i - after.length));
  const ids = Int32Array.from(framed ? input : [...before, ...input, ...after]);
  return { encoding: cutIds(ids, facts, how.side), full: ids.length };
}

function cutIds(
  ids: Int32Array,
  { maxSeqLength, before, after }: ModelFacts,
  side?: "left" | "right",
): { ids: Int32Array } {
  if (ids.length <= maxSeqLength) return { ids };
  const room = maxSeqLength - before.length - after.length;
  const from = side === "left" ? ids.length - after.length - room : before.length;
  return { ids: Int32Array.from([...before, ...ids.subarray(from, from + room), ...after]) };
}
