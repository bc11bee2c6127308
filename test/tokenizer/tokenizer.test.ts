import { describe, expect, test } from "vitest";
import { ModelError } from "../../src/base/errors.ts";
import { WordPieceTokenizer } from "../../src/tokenizer/index.ts";

const VOCAB = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n나\n##는\n나는\n학교\n##에\n간\n##다\n.\n";

describe("WordPieceTokenizer", () => {
  const tokenizer = WordPieceTokenizer.fromFiles({
    "vocab.txt": VOCAB,
    "tokenizer_config.json": '{"do_lower_case":false}',
  });

  test("cuts words greedily into the longest pieces", () => {
    const encoding = tokenizer.encode("나는 학교에 간다.");
    expect([...encoding.ids]).toEqual([2, 7, 8, 9, 10, 11, 12, 3]);
    expect(encoding.tokens).toEqual(["[CLS]", "나는", "학교", "##에", "간", "##다", ".", "[SEP]"]);
    expect(encoding.offsets).toEqual([[0, 0], [0, 2], [3, 5], [5, 6], [7, 8], [8, 9], [9, 10], [0, 0]]); // biome-ignore format: one line a text
    expect(encoding.truncated).toBe(false);
  });

  test("refuses what is no text, naming the argument", () => {
    expect(() => tokenizer.encode(5 as unknown as string)).toThrow(/argument 1/);
    expect(() => tokenizer.encodeBatch(["나", ["나", 3 as unknown as string]])).toThrow(/texts\[1\]\[1\]/);
    expect(() => tokenizer.encode("나", { maxLength: 1 })).toThrow(ModelError);
  });
});
