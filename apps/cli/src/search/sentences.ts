import { segmentsOf } from "../segments.ts";

/** A stretch of a text, UTF-16 indices, the end exclusive; and how many tokens it has. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly tokens: number;
}

export interface Cut {
  /** Tokens a chunk may have, without [CLS] and [SEP]. */
  readonly limit: number;
  /** Tokens at the end of a chunk that stand at the beginning of the next one too, at most. */
  readonly overlap: number;
  readonly count: (text: string) => number;
}

const segmenter = new Intl.Segmenter("ko", { granularity: "sentence" });
const words = new Intl.Segmenter("ko", { granularity: "word" });
const letters = new Intl.Segmenter("ko", { granularity: "grapheme" });

/**
 * Chunks of a text: as many whole sentences as fit, the last ones of a chunk once more at the beginning of the next. A sentence too long for
 * a chunk of its own is cut at a line's end, at a blank, or, where there is none, between two letters.
 */
export function chunksOf(text: string, cut: Cut): Span[] {
  const sentences = sentencesOf(text).flatMap((span) => fitting(text, span, cut, 0));
  const chunks: Span[] = [];
  let from = 0; // of the chunk being filled
  let tokens = 0;
  let fresh = 0; // the first sentence that stands in no chunk yet
  for (const [i, sentence] of sentences.entries()) {
    if (i > fresh && tokens + sentence.tokens > cut.limit) {
      chunks.push({ start: sentences[from].start, end: sentences[i - 1].end, tokens });
      fresh = i;
      from = i;
      tokens = 0;
      let room = Math.min(cut.overlap, cut.limit - sentence.tokens);
      while (from > 0 && sentences[from - 1].tokens <= room) {
        from--;
        room -= sentences[from].tokens;
        tokens += sentences[from].tokens;
      }
    }
    tokens += sentence.tokens;
  }
  if (fresh < sentences.length) {
    chunks.push({ start: sentences[from].start, end: sentences[sentences.length - 1].end, tokens });
  }
  return chunks;
}

type Range = readonly [start: number, end: number];

/** Sentences without the blanks around them. The end of a line alone does not end one: prose is wrapped. */
function sentencesOf(text: string): Range[] {
  const ranges: Range[] = [];
  for (const [start, end] of paragraphsOf(text)) {
    // Blanks in place of line ends, one for one, so that indices stay.
    for (const { segment, index } of segmentsOf(text.slice(start, end).replace(/[\r\n]/g, " "), segmenter)) {
      const range = trimmed(text, start + index, start + index + segment.length);
      if (range !== undefined) ranges.push(range);
    }
  }
  return ranges;
}

function* paragraphsOf(text: string): Generator<Range> {
  let start = 0;
  for (const { 0: border, index } of text.matchAll(/\n[^\S\n]*\n/g)) {
    yield [start, index];
    start = index + border.length;
  }
  yield [start, text.length];
}

function trimmed(text: string, start: number, end: number): Range | undefined {
  const segment = text.slice(start, end);
  const from = start + segment.length - segment.trimStart().length;
  const to = from + segment.trim().length;
  return to > from ? [from, to] : undefined;
}

/** Ways to cut what is too long, the mildest first. */
const KNIVES: readonly ((text: string) => Iterable<{ readonly segment: string; readonly index: number }>)[] = [
  (text) => [...text.matchAll(/[^\n]+\n?/g)].map(({ 0: segment, index }) => ({ segment, index })),
  (text) => segmentsOf(text, words),
  handfuls,
];

/** Letters, a few at a time: what has no blanks in a hundred thousand letters is no prose. */
function* handfuls(text: string): Generator<{ segment: string; index: number }> {
  let [segment, from, count] = ["", 0, 0];
  for (const { segment: letter, index } of segmentsOf(text, letters)) {
    segment += letter;
    if (++count % 8 !== 0) continue;
    yield { segment, index: from };
    [segment, from] = ["", index + letter.length];
  }
  if (segment !== "") yield { segment, index: from };
}

/** The range whole where it fits, else in pieces that do. */
function fitting(text: string, [start, end]: Range, cut: Cut, knife: number): Span[] {
  const tokens = cut.count(text.slice(start, end));
  if (tokens <= cut.limit || knife === KNIVES.length) return [{ start, end, tokens }];
  const pieces: Span[] = [];
  let from = start;
  let until = start;
  const put = (): void => {
    const range = trimmed(text, from, until);
    if (range !== undefined) pieces.push(...fitting(text, range, cut, knife + 1));
  };
  for (const { segment, index } of KNIVES[knife](text.slice(start, end))) {
    const next = start + index + segment.length;
    if (until > from && cut.count(text.slice(from, next)) > cut.limit) {
      put();
      from = until;
    }
    until = next;
  }
  put();
  return pieces;
}
