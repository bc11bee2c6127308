import { TokenFinder } from "./added-tokens.ts";
import { characterBits, PUNCT, SPACE } from "./characters.ts";
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
  private word: Uint16Array = new Uint16Array(256);
  private length = 0; // of the word in it

  constructor(settings: Settings) {
    this.wordPiece = new WordPiece(settings);
    this.normaliser = settings.normaliser;
    this.unk = settings.special.unk;
    this.written = new TokenFinder(
      settings.added.filter((token) => !token.normalized).map((token) => ({ token, content: units(token.content) })),
    );
    this.normalised = new TokenFinder(
      settings.added
        .filter((token) => token.normalized)
        .map((token) => ({ token, content: this.normal(token.content, 0, token.content.length).points })),
    );
  }

  /** All tokens of `text`; with `asText`, special tokens written in it are text. */
  run(text: string, asText: boolean): Pieces {
    const out: Pieces = { ids: [], tokens: [], offsets: [] };
    const isSpace = (unit: number): boolean => (characterBits()[unit] & SPACE) !== 0;
    const unit = (i: number): number => text.charCodeAt(i);
    for (const stretch of this.written.split(unit, 0, text.length, asText, isSpace)) {
      const { start, end, token } = stretch;
      if (token !== undefined) add(out, token.id, text.slice(start, end), start, end);
      else this.normalText(out, this.normal(text, start, end), asText, isSpace);
    }
    return out;
  }

  private normal(text: string, start: number, end: number): Traced {
    return normalise(trace(text, start, end), this.normaliser);
  }

  private normalText(out: Pieces, text: Traced, asText: boolean, isSpace: (point: number) => boolean): void {
    const { points, starts, ends } = text;
    for (const stretch of this.normalised.split((i) => points[i], 0, points.length, asText, isSpace)) {
      const { start, end, token } = stretch;
      if (token !== undefined) add(out, token.id, textOf(points, start, end), starts[start], ends[end - 1]);
      else this.words(out, text, start, end);
    }
  }

  /** Cuts at white space, and around punctuation. */
  private words(out: Pieces, text: Traced, start: number, end: number): void {
    const bits = characterBits();
    let from = start;
    for (let i = start; i <= end; i++) {
      const here = i === end ? SPACE : bits[text.points[i]] & (SPACE | PUNCT);
      if (here === 0) continue;
      if (from < i) this.pieces(out, text, from, i);
      if (here === PUNCT) this.pieces(out, text, i, i + 1);
      from = i + 1;
    }
  }

  private pieces(out: Pieces, text: Traced, start: number, end: number): void {
    const { wordPiece } = this;
    const count =
      end - start > wordPiece.maxWordLength ? -1 : wordPiece.match(this.fill(text, start, end), this.length);
    if (count < 0) {
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

  /** Puts a word's UTF-16 units into `this.word`. */
  private fill(text: Traced, start: number, end: number): Uint16Array {
    if (this.word.length < (end - start) * 2) this.word = new Uint16Array((end - start) * 4);
    const { word } = this;
    let n = 0;
    for (let i = start; i < end; i++) {
      const c = text.points[i];
      if (c > 0xffff) {
        word[n++] = 0xd7c0 + (c >> 10);
        word[n++] = 0xdc00 | (c & 0x3ff);
      } else {
        word[n++] = c;
      }
    }
    this.length = n;
    return word;
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
