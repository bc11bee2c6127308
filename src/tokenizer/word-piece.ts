import { buildTrie, FREE, hash, INNER_ROOT, type Trie, WORD_ROOT } from "./trie.ts";

/** What WordPiece needs to know. */
export interface WordPieceOptions {
  /** Token to id. */
  readonly vocabulary: ReadonlyMap<string, number>;
  /** Marks pieces that go on in a word: `##`. */
  readonly prefix: string;
  /** Longer words, in code points, are unknown. */
  readonly maxWordLength: number;
}

/**
 * Greedy longest match from the left (Wu et al. 2016, section 4; `WordPiece::tokenize` of the reference): one word into pieces.
 *
 * It works on a buffer that its caller fills: `unit` and `point` add to the word, `match` cuts it and makes room for the next.
 */
export class WordPiece {
  /** Ids of the pieces of the last word. */
  pieces: Int32Array = new Int32Array(256);
  /** Where they end in the word, in UTF-16 units. */
  ends: Int32Array = new Int32Array(256);
  /** Where in the last word that could not be cut no piece begins, in UTF-16 units. */
  stuck: number = 0;
  readonly #trie: Trie;
  readonly maxWordLength: number;
  readonly prefix: string;

  constructor(options: WordPieceOptions) {
    this.#trie = buildTrie(options.vocabulary, options.prefix);
    this.maxWordLength = options.maxWordLength;
    this.prefix = options.prefix;
  }

  /** Cuts `word[0 … length]` and gives the number of pieces, or -1 for a word that cannot be cut. It does not look at the limit. */
  match(word: Uint16Array, length: number): number {
    const { cells, shift } = this.#trie;
    const mask = (cells.length >> 2) - 1;
    if (length > this.pieces.length) {
      this.pieces = new Int32Array(length * 2);
      this.ends = new Int32Array(length * 2);
    }
    const { pieces, ends } = this;
    let count = 0;
    let root = WORD_ROOT;
    for (let start = 0; start < length; ) {
      let cell = root;
      let id = -1;
      let end = start;
      for (let i = start; i < length; i++) {
        const unit = word[i];
        let to = hash(cell, unit, shift);
        let parent = cells[to << 2];
        while (parent !== FREE && (parent !== cell || cells[(to << 2) | 1] !== unit)) {
          to = (to + 1) & mask;
          parent = cells[to << 2];
        }
        if (parent === FREE) break;
        cell = to;
        const here = cells[(to << 2) | 2];
        if (here >= 0) {
          id = here;
          end = i + 1;
        }
      }
      if (id < 0) {
        this.stuck = start;
        return -1;
      }
      pieces[count] = id;
      ends[count++] = end;
      start = end;
      root = INNER_ROOT;
    }
    return count;
  }
}
