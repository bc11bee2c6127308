import { DROPPED, ISOLATED, PUNCTUATION, WHITE } from "./tables/classes.ts";
import { type LowerCase, unicodeSource } from "./unicode-source.ts";
import { forRanges } from "./unpack.ts";

// What the reference does with a code point, as bits. The tables are frozen: an engine's own `\p{P}` or `\s` follows its Unicode version,
// and differs between browsers.
export const DROP = 1;
export const SPACE = 2;
export const IDEOGRAPH = 4;
export const PUNCT = 8;

let bits: Uint8Array | undefined;

/** The bits above for every code point. */
export function characterBits(): Uint8Array {
  if (bits === undefined) {
    const table = new Uint8Array(0x110000);
    const mark = (packed: string, bit: number): void =>
      forRanges(packed, (first, end) => {
        for (let c = first; c < end; c++) table[c] |= bit;
      });
    mark(DROPPED, DROP);
    mark(WHITE, SPACE);
    mark(ISOLATED, IDEOGRAPH);
    mark(PUNCTUATION, PUNCT);
    bits = table;
  }
  return bits;
}

export function isSpace(point: number): boolean {
  return (characterBits()[point] & SPACE) !== 0;
}

let lower: LowerCase | undefined;

/** Lower case of the code points that have one. It looks at one code point at a time: capital sigma is σ at the end of a word too. */
export function lowerCase(): LowerCase {
  lower ??= unicodeSource().lowerCase();
  return lower;
}
