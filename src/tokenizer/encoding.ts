/** What an `Encoding` works out on first use. */
export interface EncodingDetail {
  readonly tokens: string[];
  readonly offsets: [start: number, end: number][];
}

/** One text, or a pair, as the model reads it. */
export class Encoding {
  /** Token ids, special tokens and padding included, [L]. */
  readonly ids: Int32Array;
  /** 0 for the first text, 1 for the second of a pair, [L]. */
  readonly typeIds: Int32Array;
  /** 1 for tokens, 0 for padding, [L]. */
  readonly mask: Int32Array;
  /** Whether tokens were cut off to keep to `maxLength`. */
  readonly truncated: boolean;
  private readonly work: () => EncodingDetail;
  private known: EncodingDetail | undefined;

  constructor(ids: Int32Array, typeIds: Int32Array, mask: Int32Array, truncated: boolean, work: () => EncodingDetail) {
    this.ids = ids;
    this.typeIds = typeIds;
    this.mask = mask;
    this.truncated = truncated;
    this.work = work;
  }

  /** The tokens as strings, [L]. Worked out on first use. */
  get tokens(): string[] {
    return this.detail().tokens;
  }

  /**
   * Where each token stands in the text it comes from, [L], as UTF-16 indices: `text.slice(start, end)`. Special tokens and padding have
   * [0, 0]. Worked out on first use.
   */
  get offsets(): [start: number, end: number][] {
    return this.detail().offsets;
  }

  private detail(): EncodingDetail {
    this.known ??= this.work();
    return this.known;
  }
}
