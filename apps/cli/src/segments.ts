/** UTF-16 units that are segmented at once. The time Intl.Segmenter takes grows with the square of a long text. */
const WINDOW = 4096;

/** Units at the end of a window that are segmented again in the next: where a sentence ends depends on what follows. */
const AHEAD = 256;

interface Segment {
  readonly segment: string;
  readonly index: number;
}

/**
 * What `segmenter.segment(text)` has, in time that grows with the length of the text. Only a segment longer than a few thousand letters comes in
 * pieces, cut behind a blank or between two letters.
 */
export function* segmentsOf(text: string, segmenter: Intl.Segmenter): Generator<Segment> {
  let from = 0;
  while (from < text.length) {
    const window = text.slice(from, from + WINDOW);
    const certain = from + WINDOW < text.length ? WINDOW - AHEAD : window.length;
    let until = 0;
    for (const { segment, index } of segmenter.segment(window)) {
      if (index + segment.length > certain) break;
      yield { segment, index: from + index };
      until = index + segment.length;
    }
    if (until === 0) {
      until = placeToCut(window.slice(0, certain));
      yield { segment: window.slice(0, until), index: from };
    }
    from += until;
  }
}

let letters: Intl.Segmenter | undefined;

/** Behind the last blank; where there is none, before the last letter, which may go on. */
function placeToCut(text: string): number {
  const blank = /^.*\s/su.exec(text)?.[0].length;
  if (blank !== undefined) return blank;
  letters ??= new Intl.Segmenter("ko", { granularity: "grapheme" });
  const last = letters.segment(text).containing(text.length - 1)?.index ?? 0;
  if (last > 0) return last;
  return /[\ud800-\udbff]$/.test(text) ? text.length - 1 : text.length; // thousands of marks on one letter
}
