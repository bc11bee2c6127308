import { TokenFinder } from "./added-tokens.ts";
import { characterBits } from "./characters.ts";
import { PUNCT, SPACE } from "./code-points.ts";
import type { Unknown } from "./encoding.ts";
import { type NormaliserOptions, normalise } from "./normalise.ts";
import type { Settings } from "./settings.ts";
import { type Traced, textOf, trace } from "./traced.ts";
import { WordPiece } from "./word-piece.ts";

/** Tokens of one text with all that is known about them. */
export interface Pieces {
  readonly ids: number[];
  readonly tokens: string[];
  /** Where they stand in the text, in UTF-16 units: [start, end]. */
  readonly offsets: [number, number][];
  /** Why words could not be cut, by the index of their token. */
  readonly why: Partial<Record<number, Omit<Unknown, "index">>>;
}

/**
 * Text to tokens, step by step as in the reference: added tokens, normalisation, added tokens once more, words, pieces. This is the path
 * that knows places and every rule; `Scanner` gives the same ids several times faster for nearly all texts, and falls back on this one.
 */
export class Pipeline {
  readonly wordPiece: WordPiece;
  /** Finds added tokens in the text as written. */
  readonly written: TokenFinder;
  /** Finds added tokens in normalised text. */
  readonly normalised: TokenFinder;
  readonly normaliser: NormaliserOptions;
  readonly unk: { readonly token: string; readonly id: number };
  /** Of one word, UTF-16. */
  readonly #units: Uint16Array;

  constructor(settings: Settings) {
    this.wordPiece = new WordPiece(settings);
    this.#units = new Uint16Array(settings.maxWordLength * 2);
    this.normaliser = settings.normaliser;
    this.unk = settings.special.unk;
    const { added } = settings;
    this.written = new TokenFinder(
      added.filter(({ normalized }) => !normalized),
      units,
    );
    this.normalised = new TokenFinder(
      added.filter(({ normalized }) => normalized),
      (content) => this.#normal(content, 0, content.length).points,
    );
  }

  /** All tokens of `text`; with `asText`, special tokens written in it are text. */
  run(text: string, asText: boolean): Pieces {
    const out: Pieces = { ids: [], tokens: [], offsets: [], why: {} };
    const unit = (i: number): number => text.charCodeAt(i);
    for (const stretch of this.written.split(unit, 0, text.length, asText)) {
      const { start, end, token } = stretch;
      if (token !== undefined) add(out, token.id, text.slice(start, end), start, end);
      else this.#normalText(out, this.#normal(text, start, end), asText);
    }
    return out;
  }

  #normal(text: string, start: number, end: number): Traced {
    return normalise(trace(text, start, end), this.normaliser);
  }

  #normalText(out: Pieces, text: Traced, asText: boolean): void {
    const { points, starts, ends } = text;
    for (const stretch of this.normalised.split((i) => points[i], 0, points.length, asText)) {
      const { start, end, token } = stretch;
      if (token !== undefined) add(out, token.id, textOf(points, start, end), starts[start], ends[end - 1]);
      else this.#words(out, text, start, end);
    }
  }

  /** Cuts at white space, and around punctuation. */
  #words(out: Pieces, text: Traced, start: number, end: number): void {
    const bits = characterBits();
    let from = start;
    for (let i = start; i <= end; i++) {
      const here = i === end ? SPACE : bits[text.points[i]] & (SPACE | PUNCT);
      if (here === 0) continue;
      if (from < i) this.#pieces(out, text, from, i);
      if (here === PUNCT) this.#pieces(out, text, i, i + 1);
      from = i + 1;
    }
  }

  #pieces(out: Pieces, text: Traced, start: number, end: number): void {
    const { wordPiece } = this;
    const word = textOf(text.points, start, end);
    const long = end - start > wordPiece.maxWordLength;
    if (!long) for (let i = 0; i < word.length; i++) this.#units[i] = word.charCodeAt(i);
    const count = long ? -1 : wordPiece.match(this.#units, word.length);
    if (count < 0) {
      out.why[out.ids.length] = long ? { reason: "length", word } : { reason: "character", word, at: wordPiece.stuck };
      add(out, this.unk.id, this.unk.token, text.starts[start], text.ends[end - 1]);
      return;
    }
    let at = start;
    let unit = 0;
    for (let p = 0; p < count; p++) {
      const first = at;
      while (unit < wordPiece.ends[p]) unit += text.points[at++] > 0xffff ? 2 : 1;
      const token = (p === 0 ? "" : wordPiece.prefix) + textOf(text.points, first, at);
      add(out, wordPiece.pieces[p], token, text.starts[first], text.ends[at - 1]);
    }
  }
}

function add(out: Pieces, id: number, token: string, start: number, end: number): void {
  out.ids.push(id);
  out.tokens.push(token);
  out.offsets.push([start, end]);
}

function units(text: string): number[] {
  return Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
}
