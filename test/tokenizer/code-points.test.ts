import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { type Settings, WordPieceTokenizer } from "../../src/tokenizer/index.ts";
import { BLOCK, everyCodePoint, MODES, surrounded } from "./code-points.ts";

interface Expected {
  readonly marks: readonly number[];
  /** By mode: eight hexadecimal digits a block of code points, over the ids of all its texts. */
  readonly points: Readonly<Record<string, string>>;
  /** The same over the offsets. */
  readonly places: Readonly<Record<string, string>>;
  /** By mode: a digest for every first mark, over its pairs with all marks. */
  readonly pairs: Readonly<Record<string, string>>;
}

const expected: Expected = JSON.parse(
  gunzipSync(readFileSync(new URL("fixtures/code-points.json.gz", import.meta.url))).toString(),
);
const vocabulary = everyCodePoint();

function tokenizerFor(mode: string): WordPieceTokenizer {
  const named = (token: string) => ({ token, id: vocabulary.get(token) as number });
  const settings: Settings = {
    vocabulary,
    prefix: "##",
    maxWordLength: 100,
    normaliser: MODES[mode],
    added: [],
    special: {
      pad: named("[PAD]"),
      unk: named("[UNK]"),
      cls: named("[CLS]"),
      sep: named("[SEP]"),
      mask: named("[MASK]"),
    },
    modelMaxLength: undefined,
    truncationSide: "right",
    paddingSide: "right",
    specialTokensAsText: true,
    warnings: [],
  };
  return new WordPieceTokenizer(settings);
}

function digest(numbers: readonly number[]): string {
  return createHash("sha256")
    .update(new Uint8Array(Int32Array.from(numbers).buffer))
    .digest("hex")
    .slice(0, 8);
}

/** Text of all code points of a block, surrounded; halves of surrogate pairs are no code points. */
function block(start: number): string[] {
  const texts: string[] = [];
  for (let c = start; c < start + BLOCK; c++)
    if (c < 0xd800 || c > 0xdfff) texts.push(surrounded(String.fromCodePoint(c)));
  return texts;
}

const hex = (n: number): string => `U+${n.toString(16).toUpperCase()}`;
/** Planes that hold more than unassigned and private code points. The slower path, which knows places, is tried on these. */
const INTERESTING = (start: number): boolean =>
  start < 0x20000 || (start >= 0x2f800 && start < 0x30000) || start >> 16 === 0xe;

describe.each(Object.keys(MODES))("every code point alone, between Hangul and between letters: %s", (mode) => {
  const tokenizer = tokenizerFor(mode);

  test("ids", () => {
    const wrong: string[] = [];
    for (let start = 0; start < 0x110000; start += BLOCK) {
      const ids: number[] = [];
      for (const text of block(start)) ids.push(...tokenizer.encode(text, { addSpecialTokens: false }).ids, -1);
      if (digest(ids) !== expected.points[mode].slice((start / BLOCK) * 8, (start / BLOCK) * 8 + 8))
        wrong.push(hex(start));
    }
    expect(wrong).toEqual([]);
  });

  test("offsets", () => {
    const wrong: string[] = [];
    for (let start = 0; start < 0x110000; start += BLOCK) {
      if (!INTERESTING(start)) continue;
      const offsets: number[] = [];
      for (const text of block(start))
        offsets.push(...tokenizer.encode(text, { addSpecialTokens: false }).offsets.flat());
      if (digest(offsets) !== expected.places[mode].slice((start / BLOCK) * 8, (start / BLOCK) * 8 + 8))
        wrong.push(hex(start));
    }
    expect(wrong).toEqual([]);
  });

  test("ordered pairs of combining marks", () => {
    const wrong = expected.marks.filter((x, i) => {
      const text = expected.marks.map((y) => `a${String.fromCodePoint(x, y)}`).join(" ");
      const { ids } = tokenizer.encode(text, { addSpecialTokens: false });
      return digest([...ids]) !== expected.pairs[mode].slice(i * 8, i * 8 + 8);
    });
    expect(expected.marks.length).toBeGreaterThan(900);
    expect(wrong.map(hex)).toEqual([]);
  });
});
