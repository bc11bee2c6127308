/** Why a stretch of text became the unknown token, [UNK]. */
export interface Unknown {
  /** Of the token. */
  readonly index: number;
  /**
   * `"character"`: no piece of the vocabulary begins with the rest of the word; `"length"`: the word has more code points than are cut into
   * pieces; `"written"`: the token stands so in the text.
   */
  readonly reason: "character" | "length" | "written";
  /** The word as it was looked for, normalised; `offsets` tell how it stands in the text. */
  readonly word: string;
  /** For `"character"`: where in `word` the character is at which no piece begins, in UTF-16 units; up to there it could be cut. */
  readonly at?: number;
}

/** What an `Encoding` works out on first use. */
export interface EncodingDetail {
  readonly tokens: string[];
  readonly offsets: [start: number, end: number][];
  readonly unknown: Unknown[];
}

/** Which part of an `Encoding` is what: padding from 0 to `start` and from `end`, and the second text of a pair from `pair` to `end`. */
export interface EncodingParts {
  readonly start: number;
  readonly pair: number;
  readonly end: number;
}

/** One text, or a pair, as the model reads it. All but `ids` and `truncated` is worked out on first use. */
export class Encoding {
  /** Token ids, special tokens and padding included, [L]. */
  readonly ids: Int32Array;
  /** Whether tokens were cut off to keep to `maxLength`. */
  readonly truncated: boolean;
  readonly parts: EncodingParts;
  readonly #work: () => EncodingDetail;
  #known: EncodingDetail | undefined;
  #knownTypeIds: Int32Array | undefined;
  #knownMask: Int32Array | undefined;

  constructor(ids: Int32Array, parts: EncodingParts, truncated: boolean, work: () => EncodingDetail) {
    this.ids = ids;
    this.parts = parts;
    this.truncated = truncated;
    this.#work = work;
  }

  /** 0 for the first text, 1 for the second of a pair, 0 for padding, [L]. */
  get typeIds(): Int32Array {
    this.#knownTypeIds ??= new Int32Array(this.ids.length).fill(1, this.parts.pair, this.parts.end);
    return this.#knownTypeIds;
  }

  /** 1 for tokens, 0 for padding, [L]. */
  get mask(): Int32Array {
    this.#knownMask ??= new Int32Array(this.ids.length).fill(1, this.parts.start, this.parts.end);
    return this.#knownMask;
  }

  /** The tokens as strings, [L]. */
  get tokens(): string[] {
    return this.#detail().tokens;
  }

  /**
   * Where each token stands in the text it comes from, [L], as UTF-16 indices: `text.slice(start, end)`. Special tokens and padding have
   * [0, 0].
   */
  get offsets(): [start: number, end: number][] {
    return this.#detail().offsets;
  }

  /** Why words are [UNK], one entry each. */
  get unknown(): Unknown[] {
    return this.#detail().unknown;
  }

  #detail(): EncodingDetail {
    this.#known ??= this.#work();
    return this.#known;
  }
}
