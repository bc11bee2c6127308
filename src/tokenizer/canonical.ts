import { NONSPACING, PAIRS, RANKS, SINGLES } from "./tables/marks.ts";
import { forRanges, numbers } from "./unpack.ts";

// Canonical decomposition and composition (Unicode Standard, section 3.11) over frozen tables. Hangul is arithmetic (section 3.12).
const SYLLABLE = 0xac00;
const LEAD = 0x1100;
const VOWEL = 0x1161;
const TAIL = 0x11a7;
const SYLLABLES = 11172;

export interface CanonicalTables {
  /** Full canonical decomposition of every code point that has one, Hangul excepted. */
  readonly decomposed: ReadonlyMap<number, readonly number[]>;
  /** What a pair composes to; the key is first · 0x110000 + second. */
  readonly composed: ReadonlyMap<number, number>;
  /** Combining class as a rank that keeps the order; missing means 0, a starter. */
  readonly ranks: ReadonlyMap<number, number>;
  /** Marks that stripping accents removes. */
  readonly nonspacing: ReadonlySet<number>;
  /** Code points that composition may change or move. A text without any is composed as it stands. */
  readonly unstable: ReadonlySet<number>;
}

let tables: CanonicalTables | undefined;

/** The tables, decoded on first use: a cased tokenizer never needs them. */
export function canonicalTables(): CanonicalTables {
  tables ??= decode();
  return tables;
}

function decode(): CanonicalTables {
  const steps = new Map<number, readonly number[]>();
  const composed = new Map<number, number>();
  const pairs = numbers(PAIRS);
  let at = 0;
  let first = 0;
  for (let i = 0; i < pairs.length; i += 3) {
    at += pairs[i] >> 1;
    first += pairs[i + 1];
    steps.set(at, [first, pairs[i + 2]]);
    if ((pairs[i] & 1) === 0) composed.set(pairKey(first, pairs[i + 2]), at);
    at++;
  }
  const singles = numbers(SINGLES);
  at = 0;
  let to = 0;
  const half = singles.length / 2;
  for (let i = 0; i < half; i++) {
    at += singles[i];
    to += singles[half + i];
    steps.set(at++, [to]);
  }
  const expand = (c: number): readonly number[] => steps.get(c)?.flatMap(expand) ?? [c];
  const decomposed = new Map<number, readonly number[]>();
  for (const c of steps.keys()) decomposed.set(c, expand(c));

  const ranks = new Map<number, number>();
  const ranked = numbers(RANKS);
  at = 0;
  for (let i = 0; i < ranked.length; i += 3) {
    at += ranked[i];
    for (const end = at + ranked[i + 1]; at < end; at++) ranks.set(at, ranked[i + 2]);
  }
  const nonspacing = new Set<number>();
  forRanges(NONSPACING, (from, end) => {
    for (let c = from; c < end; c++) nonspacing.add(c);
  });
  const unstable = new Set<number>(ranks.keys());
  for (const c of steps.keys()) unstable.add(c);
  for (const [pair, c] of composed) {
    unstable.delete(c);
    unstable.add(pair % 0x110000);
  }
  for (let c = VOWEL; c < VOWEL + 21; c++) unstable.add(c);
  for (let c = TAIL + 1; c < TAIL + 28; c++) unstable.add(c);
  return { decomposed, composed, ranks, nonspacing, unstable };
}

function pairKey(first: number, second: number): number {
  return first * 0x110000 + second;
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
