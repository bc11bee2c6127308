import { DROPPED, ISOLATED, PUNCTUATION, WHITE } from "./tables/classes.ts";
import { LOWER, LOWER_LONGER } from "./tables/lower.ts";
import { forRanges, numbers } from "./unpack.ts";

// What the reference does with a code point, as bits. The tables are frozen: an engine's own `\p{P}`, `\s` or `toLowerCase()` follows
// its Unicode version, and differs between browsers.
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

let lower: Map<number, readonly number[]> | undefined;

/** Lower case of the code points that have one. It looks at one code point at a time: capital sigma is σ at the end of a word too. */
export function lowerCase(): ReadonlyMap<number, readonly number[]> {
  if (lower === undefined) {
    lower = new Map();
    const runs = numbers(LOWER);
    let at = 0;
    for (let i = 0; i < runs.length; i += 4) {
      const [gap, count, step, distance] = runs.slice(i, i + 4);
      at += gap;
      for (let n = 0; n < count; n++) lower.set(at + n * step, [at + n * step + distance]);
      at += (count - 1) * step + 1;
    }
    const longer = numbers(LOWER_LONGER);
    for (let i = 0; i < longer.length; i += 3) lower.set(longer[i], [longer[i + 1], longer[i + 2]]);
  }
  return lower;
}
