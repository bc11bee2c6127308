/**
 * Sentences lying end to end: T tokens of N sentences, nothing padded. Linear layers see [T, H]; attention never crosses a sentence,
 * because it loops over `starts`.
 */
export interface Batch {
  /** Row of the word table for every token, [T]. */
  readonly ids: Int32Array;
  /** Row of the position table for every token, [T]; 0, 1, 2, … in each sentence for BERT, offset for RoBERTa. */
  readonly positions: Int32Array;
  /** Row of the token type table for every token, [T]. */
  readonly typeIds: Int32Array;
  /** Where each sentence begins, and T at the end, [N + 1]. */
  readonly starts: Int32Array;
}

/** One text as the model reads it. */
export interface EncodingIds {
  /** Token ids, special tokens included, [L]. */
  readonly ids: Int32Array;
  /** 0 for the first text, 1 for the second of a pair, [L]. */
  readonly typeIds: Int32Array;
}
