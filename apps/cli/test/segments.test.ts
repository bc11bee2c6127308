// Long texts, segmented a window at a time: nothing changes but the time.
import { describe, expect, test } from "vitest";
import { sentencesOf } from "../src/documents.ts";
import { chunksOf } from "../src/search/sentences.ts";
import { segmentsOf } from "../src/segments.ts";

const GRANULARITIES = ["sentence", "word", "grapheme"] as const;
const of = (granularity: (typeof GRANULARITIES)[number]) => new Intl.Segmenter("ko", { granularity });
const segments = (text: string, granularity: (typeof GRANULARITIES)[number]): string[] =>
  Array.from(segmentsOf(text, of(granularity)), ({ segment }) => segment);

/** What borders depend on: quotes, numbers, abbreviations, line ends, letters of several code points. */
const SENTENCES = [
  "비가 온다. ",
  '"정말?" ',
  "값은 3.5도였다! ",
  "e.g. it goes on... and on.\r\n",
  "가족은 👨‍👩‍👧‍👦, 깃발은 🇰🇷🇰🇷 이다.\n\n",
  "한글".normalize("NFD"),
  "日本語です。「はい。」 ",
];

describe("segments", () => {
  test.each(GRANULARITIES)("by %s, as of the whole text", (granularity) => {
    for (let shift = 0; shift < 10; shift++) {
      const many = Array.from({ length: 900 }, (_, i) => SENTENCES[(i * i + shift) % SENTENCES.length]);
      const text = `${"가".repeat(shift)}${many.join("")}`;
      expect(text.length).toBeGreaterThan(2 * 4096); // more than two windows
      expect(segments(text, granularity)).toEqual(Array.from(of(granularity).segment(text), ({ segment }) => segment));
    }
  });

  test("what is too long comes in pieces, cut behind a blank or between letters", () => {
    const blanks = segments("하나 둘 셋 ".repeat(2000), "sentence");
    expect(blanks.join("")).toBe("하나 둘 셋 ".repeat(2000));
    expect(blanks.length).toBeGreaterThan(2);
    for (const piece of blanks) expect(piece).toMatch(/ $/);
    for (const letter of ["👨‍👩‍👧‍👦", "각".normalize("NFD"), "😀"]) {
      const text = `.${letter.repeat(3000)}`;
      const pieces = segments(text, "sentence");
      expect(pieces.join("")).toBe(text);
      for (const piece of pieces) expect(piece.replace(".", "").replaceAll(letter, "")).toBe("");
    }
    const marks = `a${"\u{1d165}".repeat(5000)}`; // one letter, all of surrogate pairs
    expect(segments(marks, "grapheme").join("")).toBe(marks);
    for (const piece of segments(marks, "grapheme")) expect(piece).not.toMatch(/\p{Surrogate}/u);
  });

  // A second or two; whole, it takes minutes.
  test("time grows with the length", { timeout: 20_000 }, () => {
    const count = (text: string): number => Math.ceil(text.length / 4);
    const words = "문장 하나가 길게 이어지고 ".repeat(30_000);
    expect(chunksOf(words, { limit: 128, overlap: 0, count }).length).toBeGreaterThan(500);
    const sentences = "문장 하나가 있습니다. ".repeat(50_000);
    expect(sentencesOf(sentences)).toHaveLength(50_000);
    expect(chunksOf(sentences, { limit: 128, overlap: 24, count }).length).toBeGreaterThan(500);
  });
});
