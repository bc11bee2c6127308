import type { Input } from "./inputs.ts";
import type { Service } from "./service.ts";

/** A token as text-embeddings-inference describes it. */
export interface SimpleToken {
  readonly id: number;
  readonly text: string;
  readonly special: boolean;
  /** Bytes of the text in UTF-8. */
  readonly start: number | null;
  readonly stop: number | null;
}

/** The tokens of a text, uncut. Ids come back with the pieces they stand for, which have no place in a text. */
export function simpleTokens({ model, facts }: Service, input: Input, prompt: string, framed: boolean): SimpleToken[] {
  if (typeof input !== "string") {
    return input.map((id) => ({
      id,
      text: model.tokenizer.idToToken(id) ?? "",
      special: false,
      start: null,
      stop: null,
    }));
  }
  const text = prompt + input;
  const { ids, tokens, offsets } = model.tokenizer.encode(text, { addSpecialTokens: framed });
  const [before, after] = framed ? [facts.before.length, facts.after.length] : [0, 0];
  const utf8 = new TextEncoder();
  let bytes = 0;
  let at = 0;
  const byteOf = (unit: number): number => {
    bytes += utf8.encode(text.slice(at, unit)).length;
    at = unit;
    return bytes;
  };
  return tokens.map((token, t) => {
    const id = ids[t];
    if (t < before || t >= tokens.length - after) return { id, text: token, special: true, start: null, stop: null };
    const [start, stop] = offsets[t];
    return { id, text: text.slice(start, stop), special: false, start: byteOf(start), stop: byteOf(stop) };
  });
}
