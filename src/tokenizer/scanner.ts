import { canonicalTables, decompose } from "./canonical.ts";
import { characterBits, lowerCase } from "./characters.ts";
import {
  ADDED,
  ALONE,
  BREAK,
  CHANGE,
  DROP,
  IDEOGRAPH,
  KEEP,
  PUNCT,
  SKIP,
  SPACE,
  SURROGATE,
  TRACE,
} from "./code-points.ts";
import { type NormaliserOptions, normalise } from "./normalise.ts";
import type { Pipeline } from "./pipeline.ts";
import { textOf, trace } from "./traced.ts";

/**
 * The ids of a text in one pass over its UTF-16 units: one table look-up a unit, no substring, no array a word. It does what `Pipeline`
 * does wherever no character's fate depends on its neighbours, which is to say nearly always; where it does, `scan` gives -1.
 */
export class Scanner {
  /** The ids, of which `scan` tells the number. */
  ids: Int32Array = new Int32Array(1024);
  #count = 0;
  readonly #pipeline: Pipeline;
  readonly #kinds: Uint8Array;
  readonly #changes = new Map<number, string>();
  readonly #word: Uint16Array;

  constructor(pipeline: Pipeline) {
    this.#pipeline = pipeline;
    this.#kinds = kindsFor(pipeline.normaliser);
    for (const unit of pipeline.written.firsts()) this.#kinds[unit] |= ADDED;
    // A longer word is unknown whatever is in it, so nothing past this need be kept.
    this.#word = new Uint16Array(pipeline.wordPiece.maxWordLength * 2 + 2);
  }

  /**
   * The number of tokens of `text`, their ids in `this.ids`; it stops once there are more than `limit`. Gives -1 for a text that
   * `Pipeline` has to read.
   */
  scan(text: string, limit: number, asText: boolean): number {
    const kinds = this.#kinds;
    const word = this.#word;
    const bits = characterBits();
    const { written, normalised } = this.#pipeline;
    if (!normalised.empty) return -1;
    const room = word.length;
    this.#count = 0;
    let length = 0; // UTF-16 units of the word so far
    let pairs = 0; // and how many of its code points took two of them
    let plainUntil = 0; // before this no added token begins
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      let kind = kinds[unit];
      if (kind === KEEP) {
        if (length < room) word[length] = unit;
        length++;
        continue;
      }
      if ((kind & ADDED) !== 0) {
        kind ^= ADDED;
        const found = i < plainUntil ? undefined : written.at((k) => text.charCodeAt(k), i, text.length);
        if (found !== undefined) {
          plainUntil = found.end;
          if (!(asText && found.token.special)) {
            this.#cut(length, pairs);
            length = pairs = 0;
            this.#reserve(1);
            this.ids[this.#count++] = found.token.id;
            if (this.#count > limit) return this.#count;
            i = found.end - 1;
            continue;
          }
        }
      }
      let point = unit;
      if (kind === SURROGATE) {
        point = text.codePointAt(i) as number;
        if (point === unit) return -1;
        i++;
        kind = kinds[point];
      }
      if (kind === SKIP) continue;
      if (kind === TRACE) return -1;
      if (kind === CHANGE) {
        const to = this.#changes.get(point) ?? this.#change(point);
        for (let k = 0; k < to.length; k++) {
          const changed = to.charCodeAt(k);
          if ((bits[changed] & (SPACE | PUNCT)) === 0) {
            if (length < room) word[length] = changed;
            length++;
            if (changed >= 0xdc00 && changed < 0xe000) pairs++;
            continue;
          }
          this.#cut(length, pairs);
          length = pairs = 0;
          word[0] = changed;
          if ((bits[changed] & SPACE) === 0) this.#cut(1, 0);
        }
        continue;
      }
      if (kind !== KEEP) {
        this.#cut(length, pairs);
        length = pairs = 0;
      }
      if (kind !== BREAK) {
        if (point > 0xffff) {
          if (length + 1 < room) word[length] = 0xd7c0 + (point >> 10);
          length++;
          pairs++;
          point = 0xdc00 | (point & 0x3ff);
        }
        if (length < room) word[length] = point;
        length++;
        if (kind === KEEP) continue;
        this.#cut(length, pairs);
        length = pairs = 0;
      }
      if (this.#count > limit) return this.#count;
    }
    this.#cut(length, pairs);
    return this.#count;
  }

  /** Cuts the word that lies in the buffer and adds its ids. */
  #cut(length: number, pairs: number): void {
    if (length === 0) return;
    const { wordPiece, unk } = this.#pipeline;
    const known = length - pairs <= wordPiece.maxWordLength ? wordPiece.match(this.#word, length) : -1;
    this.#reserve(known < 0 ? 1 : known);
    if (known < 0) {
      this.ids[this.#count++] = unk.id;
      return;
    }
    const { pieces } = wordPiece;
    for (let p = 0; p < known; p++) this.ids[this.#count++] = pieces[p];
  }

  #reserve(more: number): void {
    if (this.#count + more <= this.ids.length) return;
    const ids = new Int32Array(this.ids.length * 2 + more);
    ids.set(this.ids);
    this.ids = ids;
  }

  #change(point: number): string {
    const { points } = normalise(trace(String.fromCodePoint(point)), this.#pipeline.normaliser);
    const to = textOf(points, 0, points.length);
    this.#changes.set(point, to);
    return to;
  }
}

/** The kind of every code point, and of every UTF-16 unit below 0x10000. */
function kindsFor(options: NormaliserOptions): Uint8Array {
  const bits = characterBits();
  const kinds = new Uint8Array(bits.length);
  for (let c = 0; c < bits.length; c++) {
    const b = bits[c];
    if (b === 0) continue;
    if (options.clean && (b & DROP) !== 0) kinds[c] = SKIP;
    else if ((b & SPACE) !== 0) kinds[c] = BREAK;
    else if ((b & PUNCT) !== 0 || (options.ideographs && (b & IDEOGRAPH) !== 0)) kinds[c] = ALONE;
  }
  const changeable = (c: number): boolean => kinds[c] === KEEP || kinds[c] === ALONE;
  if (options.lowerCase || options.lowerCaseFirst) {
    for (const c of lowerCase().keys()) if (changeable(c)) kinds[c] = CHANGE;
  }
  if (options.stripAccents) {
    const { decomposed, nonspacing, ranks } = canonicalTables();
    const moves = (c: number): boolean => ranks.has(c) && !nonspacing.has(c);
    for (let c = 0xac00; c < 0xd7a4; c++) kinds[c] = CHANGE;
    for (const c of decomposed.keys()) if (changeable(c)) kinds[c] = decompose(c)?.some(moves) ? TRACE : CHANGE;
    for (const c of nonspacing) if (changeable(c)) kinds[c] = SKIP;
    for (const c of ranks.keys()) if (moves(c)) kinds[c] = TRACE;
  }
  if (options.composeFirst) for (const c of canonicalTables().unstable) kinds[c] = TRACE;
  kinds.fill(SURROGATE, 0xd800, 0xe000);
  return kinds;
}
