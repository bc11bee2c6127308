import { canonicalTables, compose, decompose } from "./canonical.ts";
import { characterBits, DROP, IDEOGRAPH, lowerCase, SPACE } from "./characters.ts";
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
  const out = emptyTraced();
  text.points.forEach((c, i) => {
    if ((bits[c] & DROP) === 0) pushFrom(out, (bits[c] & SPACE) === 0 ? c : 0x20, text, i);
  });
  return out;
}

function spaceIdeographs(text: Traced): Traced {
  const bits = characterBits();
  const out = emptyTraced();
  text.points.forEach((c, i) => {
    if ((bits[c] & IDEOGRAPH) === 0) {
      pushFrom(out, c, text, i);
      return;
    }
    pushFrom(out, 0x20, text, i);
    pushFrom(out, c, text, i);
    pushFrom(out, 0x20, text, i);
  });
  return out;
}

function stripAccents(text: Traced): Traced {
  const { nonspacing } = canonicalTables();
  const parts = toDecomposed(text);
  const out = emptyTraced();
  parts.points.forEach((c, i) => {
    if (!nonspacing.has(c)) pushFrom(out, c, parts, i);
  });
  return out;
}

function toLowerCase(text: Traced): Traced {
  const lower = lowerCase();
  const out = emptyTraced();
  text.points.forEach((c, i) => {
    const to = lower.get(c);
    if (to === undefined) pushFrom(out, c, text, i);
    else for (const l of to) pushFrom(out, l, text, i);
  });
  return out;
}

/** Canonical decomposition, combining marks in canonical order. */
function toDecomposed(text: Traced): Traced {
  const { ranks } = canonicalTables();
  const parts: Part[] = [];
  let unsorted = 0; // where the marks since the last starter begin
  for (const c of text.points) {
    (decompose(c) ?? [c]).forEach((point, n) => {
      const rank = ranks.get(point) ?? 0;
      if (rank === 0) {
        sortFrom(parts, unsorted);
        unsorted = parts.length + 1;
      }
      parts.push({ point, rank, added: n > 0 });
    });
  }
  sortFrom(parts, unsorted);
  // Places are dealt out by position, as in the reference: what `added` marks shares the place of what stands before it now.
  const out = emptyTraced();
  let from = -1;
  for (const { point, added } of parts) {
    if (!added) from++;
    pushFrom(out, point, text, from);
  }
  return out;
}

interface Part {
  readonly point: number;
  readonly rank: number;
  /** Whether its code point decomposed and it is not the first of what came out. */
  readonly added: boolean;
}

/** Sorts the marks from `start` on by rank, equal ones as they stand; thousands of them in a row must not take long. */
function sortFrom(parts: Part[], start: number): void {
  if (parts.length - start < 2) return;
  const marks = parts.splice(start).sort((a, b) => a.rank - b.rank);
  for (const mark of marks) parts.push(mark);
}

/** Canonical composition (NFC). A composed character has the place of its first part. */
function toComposed(text: Traced): Traced {
  const { ranks, unstable } = canonicalTables();
  if (!text.points.some((c) => unstable.has(c))) return text;
  const parts = toDecomposed(text);
  const out = emptyTraced();
  let starter = -1; // index in `out` of the last starter
  let lastRank = 0; // rank of the last code point kept after it
  parts.points.forEach((c, i) => {
    const rank = ranks.get(c) ?? 0;
    const blocked = out.points.length - 1 > starter && lastRank >= rank;
    const whole = starter < 0 || blocked ? undefined : compose(out.points[starter], c);
    if (whole !== undefined) {
      out.points[starter] = whole;
      return;
    }
    if (rank === 0) starter = out.points.length;
    lastRank = rank;
    pushFrom(out, c, parts, i);
  });
  return out;
}
