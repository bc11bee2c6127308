import { DROP, IDEOGRAPH, PUNCT, SPACE } from "./code-points.ts";
import { DROPPED, ISOLATED, PUNCTUATION, WHITE } from "./tables/classes.ts";
import { type LowerCase, unicodeSource } from "./unicode-source.ts";
import { forRanges } from "./unpack.ts";

let bits: Uint8Array | undefined;

/**
 * The bits of every code point. The tables are frozen: an engine's own `\p{P}` or `\s` follows its Unicode version, and differs between
 * browsers.
 */
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
