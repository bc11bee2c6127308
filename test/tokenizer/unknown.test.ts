import { describe, expect, test } from "vitest";
import { WordPieceTokenizer } from "../../src/tokenizer/index.ts";

const VOCAB = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n나\n##는\n나는\n학교\n.\n😀\ne\n##e\n";
const files = { "vocab.txt": VOCAB, "tokenizer_config.json": '{"do_lower_case":false}' };
const tokenizer = WordPieceTokenizer.fromFiles(files);
const why = (text: string, options?: Parameters<typeof tokenizer.encode>[1]) => tokenizer.encode(text, options).unknown;

describe("why a word is [UNK]", () => {
  test("a character at which no piece begins, and how far the word could be cut", () => {
    expect(why("나는 뷁 나는뷁. 😀😀")).toEqual([
      { index: 2, reason: "character", word: "뷁", at: 0 },
      { index: 3, reason: "character", word: "나는뷁", at: 2 },
      { index: 5, reason: "character", word: "😀😀", at: 2 }, // UTF-16 units
    ]);
    // Known at the beginning of a word, not within it.
    expect(why("나학교")).toEqual([{ index: 1, reason: "character", word: "나학교", at: 1 }]);
  });

  test("the length, in code points", () => {
    expect(tokenizer.maxWordLength).toBe(100);
    const long = "😀".repeat(101);
    expect(why(long)).toEqual([{ index: 1, reason: "length", word: long }]);
    expect(why("e".repeat(100))).toEqual([]);
    expect(why("뷁".repeat(100))).toEqual([{ index: 1, reason: "character", word: "뷁".repeat(100), at: 0 }]);
  });

  test("the token itself, written in the text", () => {
    expect(why("나 [UNK]")).toEqual([{ index: 2, reason: "written", word: "[UNK]" }]);
    const asText = why("[UNK]", { specialTokens: false });
    expect(asText.map(({ reason, word }) => [reason, word])).toEqual([
      ["character", "["],
      ["character", "UNK"],
      ["character", "]"],
    ]);
  });

  test("nothing where every word is known", () => {
    expect(why("")).toEqual([]);
    expect(why("나는 학교.")).toEqual([]);
  });

  test("the word as it was looked for: normalised", () => {
    const uncased = WordPieceTokenizer.fromFiles({ ...files, "tokenizer_config.json": '{"do_lower_case":true}' });
    expect(uncased.encode("ÉÉX").unknown).toEqual([{ index: 1, reason: "character", word: "eex", at: 2 }]);
    const decomposed = "나는".normalize("NFD");
    expect(why(decomposed)).toEqual([{ index: 1, reason: "character", word: decomposed, at: 0 }]);
  });

  test("counts tokens of the encoding: pairs, truncation from either side, no special tokens", () => {
    expect(why("뷁 나", { pair: "나 뷁" }).map(({ index }) => index)).toEqual([1, 5]);
    expect(why("뷁 나 뷁", { addSpecialTokens: false }).map(({ index }) => index)).toEqual([0, 2]);
    expect(why("뷁 나 뷁", { maxLength: 4 }).map(({ index }) => index)).toEqual([1]);
    const left = WordPieceTokenizer.fromFiles({
      ...files,
      "tokenizer_config.json": '{"do_lower_case":false,"truncation_side":"left"}',
    });
    expect(left.encode("뷁 나 나뷁", { maxLength: 4 }).unknown).toEqual([
      { index: 2, reason: "character", word: "나뷁", at: 1 },
    ]);
  });

  test.each(["left", "right"])("counts padding on the %s", (side) => {
    const padding = WordPieceTokenizer.fromFiles({
      ...files,
      "tokenizer_config.json": JSON.stringify({ do_lower_case: false, padding_side: side }),
    });
    const [first] = padding.encodeBatch(["뷁", "나 나 나"], { padding: true });
    expect(first.unknown).toEqual([{ index: side === "left" ? 3 : 1, reason: "character", word: "뷁", at: 0 }]);
    expect(first.ids[first.unknown[0].index]).toBe(padding.unkId);
    expect(first.tokens[first.unknown[0].index]).toBe("[UNK]");
  });
});
