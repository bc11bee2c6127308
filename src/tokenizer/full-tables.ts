import { LOWER, LOWER_LONGER, PAIRS, RANKS, SINGLES } from "./tables/full.ts";
import { type Decompositions, type LowerCase, pairKey, type UnicodeSource } from "./unicode-source.ts";
import { addRuns, numbers, signed } from "./unpack.ts";

/** Decompositions and lower case written out, for runtimes that cannot be asked about them. */
export const fullTables: UnicodeSource = { decompositions, lowerCase };

function decompositions(): Decompositions {
  const steps = new Map<number, readonly number[]>();
  const composed = new Map<number, number>();
  const pairs = numbers(PAIRS);
  let at = 0;
  let first = 0;
  for (let i = 0; i < pairs.length; i += 3) {
    at += pairs[i] >> 1;
    first += signed(pairs[i + 1]);
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
    to += signed(singles[half + i]);
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
  return { decomposed, composed, ranks };
}

function lowerCase(): LowerCase {
  const lower = new Map<number, readonly number[]>();
  addRuns(LOWER, lower);
  const longer = numbers(LOWER_LONGER);
  for (let i = 0; i < longer.length; i += 3) lower.set(longer[i], [longer[i + 1], longer[i + 2]]);
  return lower;
}
