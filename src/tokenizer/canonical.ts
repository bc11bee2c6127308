import { LEAD, SYLLABLE, SYLLABLES, TAIL, VOWEL } from "./code-points.ts";
import { NONSPACING } from "./tables/marks.ts";
import { type Decompositions, pairKey, unicodeSource } from "./unicode-source.ts";
import { forPoints } from "./unpack.ts";

// Canonical decomposition and composition (Unicode Standard, section 3.11) of the reference's Unicode version. Hangul is arithmetic (section 3.12).

export interface CanonicalTables extends Decompositions {
  /** Marks that stripping accents removes. */
  readonly nonspacing: ReadonlySet<number>;
  /** Code points that composition may change or move. A text without any is composed as it stands. */
  readonly unstable: ReadonlySet<number>;
}

let tables: CanonicalTables | undefined;

/** The tables, made on first use: a cased tokenizer never needs them. */
export function canonicalTables(): CanonicalTables {
  tables ??= make();
  return tables;
}

function make(): CanonicalTables {
  const { decomposed, composed, ranks } = unicodeSource().decompositions();
  const nonspacing = new Set<number>();
  forPoints(NONSPACING, (c) => nonspacing.add(c));
  const unstable = new Set<number>([...ranks.keys(), ...decomposed.keys()]);
  for (const [pair, c] of composed) {
    unstable.delete(c);
    unstable.add(pair % 0x110000);
  }
  for (let c = VOWEL; c < VOWEL + 21; c++) unstable.add(c);
  for (let c = TAIL + 1; c < TAIL + 28; c++) unstable.add(c);
  return { decomposed, composed, ranks, nonspacing, unstable };
}

/** Whether `c` is a precomposed Hangul syllable. */
export function isSyllable(c: number): boolean {
  return c >= SYLLABLE && c < SYLLABLE + SYLLABLES;
}

/** The canonical decomposition of one code point, or undefined if it is its own. */
export function decompose(c: number): readonly number[] | undefined {
  if (c < 0xc0) return undefined;
  if (!isSyllable(c)) return canonicalTables().decomposed.get(c);
  const s = c - SYLLABLE;
  const jamo = [LEAD + Math.floor(s / 588), VOWEL + Math.floor((s % 588) / 28)];
  if (s % 28 > 0) jamo.push(TAIL + (s % 28));
  return jamo;
}

/** The composition of two code points, or undefined. */
export function compose(first: number, second: number): number | undefined {
  if (first >= LEAD && first < LEAD + 19 && second >= VOWEL && second < VOWEL + 21) {
    return SYLLABLE + ((first - LEAD) * 21 + (second - VOWEL)) * 28;
  }
  if (isSyllable(first) && (first - SYLLABLE) % 28 === 0 && second > TAIL && second < TAIL + 28) {
    return first + second - TAIL;
  }
  return canonicalTables().composed.get(pairKey(first, second));
}
