import { canonicalTables, compose, decompose } from "./canonical.ts";
import { characterBits, lowerCase } from "./characters.ts";
import { DROP, IDEOGRAPH, SPACE } from "./code-points.ts";
import { emptyTraced, pushFrom, type Traced } from "./traced.ts";

/** The switches of BERT normalisation. */
export interface NormaliserOptions {
  /** Drop control characters, turn white space into blanks. */
  readonly clean: boolean;
  /** Make every CJK ideograph a word (`handle_chinese_chars`). */
  readonly ideographs: boolean;
  /** Decompose, then drop nonspacing marks. */
  readonly stripAccents: boolean;
  readonly lowerCase: boolean;
  /** Before everything else: compose canonically (NFC). */
  readonly composeFirst: boolean;
  /** Before BERT's own steps: lower case, as sentence-transformers does for `do_lower_case` in its own config. */
  readonly lowerCaseFirst: boolean;
}

/** BERT normalisation, step by step in the order of the reference (`BertNormalizer`), places included. */
export function normalise(text: Traced, options: NormaliserOptions): Traced {
  let now = text;
  if (options.composeFirst) now = toComposed(now);
  if (options.lowerCaseFirst) now = toLowerCase(now);
  if (options.clean) now = clean(now);
  if (options.ideographs) now = spaceIdeographs(now);
  if (options.stripAccents) now = stripAccents(now);
  if (options.lowerCase) now = toLowerCase(now);
  return now;
}

function clean(text: Traced): Traced {
  const bits = characterBits();
  return replaced(text, (c) => (bits[c] & DROP ? [] : bits[c] & SPACE ? [0x20] : undefined));
}

function spaceIdeographs(text: Traced): Traced {
  const bits = characterBits();
  return replaced(text, (c) => (bits[c] & IDEOGRAPH ? [0x20, c, 0x20] : undefined));
}

function stripAccents(text: Traced): Traced {
  const { nonspacing } = canonicalTables();
  return replaced(place(decomposed(text.points), text), (c) => (nonspacing.has(c) ? [] : undefined));
}

function toLowerCase(text: Traced): Traced {
  const lower = lowerCase();
  return replaced(text, (c) => lower.get(c));
}

/** Puts in the place of every code point what it becomes; undefined leaves it. */
function replaced(text: Traced, by: (point: number) => readonly number[] | undefined): Traced {
  const out = emptyTraced();
  text.points.forEach((c, i) => {
    const to = by(c);
    if (to === undefined) pushFrom(out, c, text, i);
    else for (const point of to) pushFrom(out, point, text, i);
  });
  return out;
}

/** A code point on its way through decomposition and composition. */
interface Part {
  readonly point: number;
  /** Combining class, as a rank. */
  readonly rank: number;
  /** 0 if it takes the place of one code point of the text, 1 if it came on top, below 0 if it took in that many more. */
  readonly change: number;
}

/** Canonical decomposition (NFD), combining marks in canonical order. */
function decomposed(points: readonly number[]): Part[] {
  const { ranks } = canonicalTables();
  const parts: Part[] = [];
  let unsorted = 0; // where the marks since the last starter begin
  for (const c of points) {
    (decompose(c) ?? [c]).forEach((point, n) => {
      const rank = ranks.get(point) ?? 0;
      if (rank === 0) {
        sortFrom(parts, unsorted);
        unsorted = parts.length + 1;
      }
      parts.push({ point, rank, change: n > 0 ? 1 : 0 });
    });
  }
  sortFrom(parts, unsorted);
  return parts;
}

/** Sorts the marks from `start` on by rank, equal ones as they stand; thousands of them in a row must not take long. */
function sortFrom(parts: Part[], start: number): void {
  if (parts.length - start < 2) return;
  const marks = parts.splice(start).sort((a, b) => a.rank - b.rank);
  for (const mark of marks) parts.push(mark);
}

/** Canonical composition (NFC). */
function toComposed(text: Traced): Traced {
  const { unstable } = canonicalTables();
  if (!text.points.some((c) => unstable.has(c))) return text;
  const out: Part[] = [];
  let starter = -1; // index in `out` of the last starter
  for (const part of decomposed(text.points)) {
    const last = out.length - 1;
    const blocked = last > starter && out[last].rank >= part.rank;
    const whole = starter < 0 || blocked ? undefined : compose(out[starter].point, part.point);
    if (whole !== undefined) {
      out[starter] = { point: whole, rank: 0, change: out[starter].change + part.change - 1 };
      continue;
    }
    if (part.rank === 0) starter = out.length;
    out.push(part);
  }
  return place(out, text);
}

/**
 * Deals out the places of `text` by position, as the reference does (`transform_range`): one place each, the one before again for what came
 * on top, and the following ones are passed over for what was taken in. So marks that changed places may have each other's.
 */
function place(parts: readonly Part[], text: Traced): Traced {
  const out = emptyTraced();
  let next = 0;
  for (const { point, change } of parts) {
    if (change > 0) {
      pushFrom(out, point, text, next - 1);
    } else {
      pushFrom(out, point, text, next);
      next += 1 - change;
    }
  }
  return out;
}
