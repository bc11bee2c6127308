import { refuse } from "../base/door.ts";
import { CASED, LOWER_SUM, YOUNG } from "./tables/lower.ts";
import { DECOMPOSABLE, MARKS_SUM, NONSPACING } from "./tables/marks.ts";
import { addRuns, checksum, forPoints } from "./unpack.ts";

/*
 * Decompositions and lower case as the JavaScript engine knows them. Unicode never changes those of a character once it is assigned
 * (its stability policy), so all engines agree about characters that are as old as the reference's tables, and `tables/` need only say
 * which ones to ask about. Should an engine answer otherwise, the checksum notices.
 */

/** What characters decompose to, compose to, and how marks are ordered. */
export interface Decompositions {
  /** Full canonical decomposition of every code point that has one, Hangul excepted. */
  readonly decomposed: ReadonlyMap<number, readonly number[]>;
  /** What a pair composes to, by `pairKey`. */
  readonly composed: ReadonlyMap<number, number>;
  /** Combining class as a rank that keeps the order; missing means 0, a starter. */
  readonly ranks: ReadonlyMap<number, number>;
}

export type LowerCase = ReadonlyMap<number, readonly number[]>;

/** Where both come from. `munjang/unicode` has another source for engines that cannot answer. */
export interface UnicodeSource {
  decompositions(): Decompositions;
  lowerCase(): LowerCase;
}

let source: UnicodeSource = { decompositions, lowerCase };

export function unicodeSource(): UnicodeSource {
  return source;
}

export function setUnicodeSource(to: UnicodeSource): void {
  source = to;
}

export function pairKey(first: number, second: number): number {
  return first * 0x110000 + second;
}

/** Marks of the lowest and the highest combining class. */
const LOWEST = "\u0334";
const HIGHEST = "\u0345";

function decompositions(): Decompositions {
  const decomposed = new Map<number, readonly number[]>();
  const composed = new Map<number, number>();
  const marks = new Set<string>();
  const ask = (c: number): void => {
    const character = String.fromCodePoint(c);
    const parts = character.normalize("NFD");
    if (parts !== character) {
      const points = pointsOf(parts);
      decomposed.set(c, points);
      const last = points.pop() as number;
      if (character.normalize("NFC") === character) {
        const [first] = pointsOf(String.fromCodePoint(...points).normalize("NFC"));
        composed.set(pairKey(first, last), c);
      }
      points.push(last);
    } else if (changesPlaces(HIGHEST + character + LOWEST)) {
      marks.add(character);
    }
  };
  const ranks = new Map<number, number>();
  check("normalize", MARKS_SUM, () => {
    forPoints(DECOMPOSABLE, ask);
    forPoints(NONSPACING, ask);
    // The engine sorts all marks at once. Where one changes places with the mark before it when written first, a new class begins.
    let rank = 0;
    let before = "";
    for (const mark of [...marks].join("").normalize("NFD")) {
      if (before === "" || changesPlaces(mark + before)) rank++;
      ranks.set(mark.codePointAt(0) as number, rank);
      before = mark;
    }
    return [[...decomposed], [...composed], [...ranks]];
  });
  return { decomposed, composed, ranks };
}

function lowerCase(): LowerCase {
  const lower = new Map<number, readonly number[]>();
  check("toLowerCase", LOWER_SUM, () => {
    forPoints(CASED, (c) => {
      const character = String.fromCodePoint(c);
      const to = character.toLowerCase();
      if (to !== character) lower.set(c, pointsOf(to));
    });
    return [...lower];
  });
  addRuns(YOUNG, lower);
  return lower;
}

function pointsOf(text: string): number[] {
  return Array.from(text, (character) => character.codePointAt(0) as number);
}

function changesPlaces(marks: string): boolean {
  return marks.normalize("NFD") !== marks;
}

/** Refuses an engine that lacks the method, or whose answers are not those of the reference. */
function check(method: "normalize" | "toLowerCase", sum: number, answers: () => unknown): void {
  if (typeof String.prototype[method] === "function" && checksum(answers()) === sum) return;
  const problem = 'of this runtime knows another Unicode; `import "munjang/unicode"` brings the right one';
  refuse(`String.prototype.${method}`, problem);
}
