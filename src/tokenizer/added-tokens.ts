import { isSpace } from "./characters.ts";

/** A token that is found in the text before it is cut into words (the reference's `AddedToken`). */
export interface AddedToken {
  readonly content: string;
  readonly id: number;
  /** One of the model's own marks, such as [CLS]. */
  readonly special: boolean;
  /** Looked for in the normalised text, itself normalised, instead of in the text as written. */
  readonly normalized: boolean;
  /** Takes white space before it along. */
  readonly lstrip: boolean;
  /** Takes white space after it along. */
  readonly rstrip: boolean;
}

/** A stretch of text: an added token, or text between them. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly token: AddedToken | undefined;
}

/**
 * Finds added tokens from the left, the longest where several begin. Where special tokens count as text (`asText`) one is still stepped
 * over as a whole, which is what the reference does with `encode_special_tokens`.
 *
 * Text is whatever can be indexed: UTF-16 units, or the code points of normalised text.
 */
export class TokenFinder {
  readonly #byFirst = new Map<number, { token: AddedToken; content: readonly number[] }[]>();

  /** `contentOf` gives what is looked for, in the elements of the text. */
  constructor(tokens: readonly AddedToken[], contentOf: (content: string) => readonly number[]) {
    for (const token of tokens) {
      const entry = { token, content: contentOf(token.content) };
      if (entry.content.length === 0) continue;
      const list = this.#byFirst.get(entry.content[0]);
      if (list === undefined) this.#byFirst.set(entry.content[0], [entry]);
      else list.push(entry);
    }
    for (const list of this.#byFirst.values()) list.sort((a, b) => b.content.length - a.content.length);
  }

  get empty(): boolean {
    return this.#byFirst.size === 0;
  }

  /** First units of the tokens. */
  firsts(): Iterable<number> {
    return this.#byFirst.keys();
  }

  /** The longest token that begins at `start`, and where it ends. */
  at(text: (index: number) => number, start: number, end: number): { token: AddedToken; end: number } | undefined {
    for (const { token, content } of this.#byFirst.get(text(start)) ?? []) {
      if (start + content.length > end) continue;
      let n = 1;
      while (n < content.length && text(start + n) === content[n]) n++;
      if (n === content.length) return { token, end: start + n };
    }
    return undefined;
  }

  /** Cuts text into stretches, none of them empty. */
  split(text: (index: number) => number, start: number, end: number, asText: boolean): Stretch[] {
    const out: Stretch[] = [];
    let done = start; // where the last stretch ended
    for (let i = start; i < end; ) {
      const found = this.at(text, i, end);
      if (found === undefined) {
        i++;
        continue;
      }
      if (!(asText && found.token.special)) {
        let from = i;
        let to = found.end;
        if (found.token.lstrip) while (from > done && isSpace(text(from - 1))) from--;
        if (found.token.rstrip) while (to < end && isSpace(text(to))) to++;
        if (from > done) out.push({ start: done, end: from, token: undefined });
        out.push({ start: from, end: to, token: found.token });
        done = to;
      }
      i = found.end; // even inside the white space that one took along: the next may begin with it
    }
    if (done < end) out.push({ start: done, end, token: undefined });
    return out;
  }
}
