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
  const bytes = byteOffsets(text);
  return tokens.map((token, t) => {
    const id = ids[t];
    if (t < before || t >= tokens.length - after) return { id, text: token, special: true, start: null, stop: null };
    const [start, stop] = offsets[t];
    return { id, text: text.slice(start, stop), special: false, start: bytes[start], stop: bytes[stop] };
  });
}

/** Bytes of UTF-8 before every UTF-16 unit, and of the whole. Half of a pair, which has no UTF-8, counts as the three bytes of U+FFFD. */
function byteOffsets(text: string): Uint32Array {
  const offsets = new Uint32Array(text.length + 1);
  for (let unit = 0; unit < text.length; ) {
    const point = text.codePointAt(unit) as number;
    const bytes = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    const units = point < 0x10000 ? 1 : 2;
    // Nothing starts or stops inside a pair.
    offsets[unit + units] = offsets[unit] + bytes;
    unit += units;
  }
  return offsets;
}
