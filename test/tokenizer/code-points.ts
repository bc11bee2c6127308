import type { NormaliserOptions } from "../../src/tokenizer/normalise.ts";

// The every-code-point tests, described once; reference/tokenizer/code_points.py knows the same rules.

/** Every code point of these ranges is a token, and with ## before it another; their ids go up from 5 in this order. */
export const RANGES: readonly (readonly [first: number, last: number])[] = [
  [0x21, 0xd7ff],
  [0xe000, 0xffff],
  [0x10000, 0x16fff],
  [0x1b000, 0x1ffff],
  [0x2f800, 0x2fa1d],
  [0xe0000, 0xe01ff],
];

export function everyCodePoint(): Map<string, number> {
  const vocabulary = new Map(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map((token, id) => [token, id]));
  for (const [first, last] of RANGES) {
    for (let c = first; c <= last; c++) {
      const token = String.fromCodePoint(c);
      vocabulary.set(token, vocabulary.size);
      vocabulary.set(`##${token}`, vocabulary.size);
    }
  }
  return vocabulary;
}

const BERT: NormaliserOptions = {
  composeFirst: false,
  lowerCaseFirst: false,
  clean: true,
  ideographs: true,
  stripAccents: false,
  lowerCase: false,
};

export const MODES: Readonly<Record<string, NormaliserOptions>> = {
  cased: BERT,
  uncased: { ...BERT, lowerCase: true, stripAccents: true },
  lower: { ...BERT, lowerCase: true },
  strip: { ...BERT, stripAccents: true },
  nfc: { ...BERT, composeFirst: true },
  bare: { ...BERT, clean: false, ideographs: false },
};

/** Alone, between Hangul, between letters, all in one text. */
export function surrounded(point: string): string {
  return `${point} 가${point}나 a${point}b`;
}

/** Code points a block: every block has one digest. */
export const BLOCK = 1024;
