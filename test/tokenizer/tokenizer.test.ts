import { describe, expect, test } from "vitest";
import type { EncodingIds } from "../../src/base/batch.ts";
import { ModelError } from "../../src/base/errors.ts";
import { WordPieceTokenizer } from "../../src/tokenizer/index.ts";

const VOCAB = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n나\n##는\n나는\n학교\n##에\n간\n##다\n.\n😀\n##😀\na\n##a\n";
const files = { "vocab.txt": VOCAB, "tokenizer_config.json": '{"do_lower_case":false}' };
const tokenizer = WordPieceTokenizer.fromFiles(files);
const DECOMPOSED = "나는 학교에".normalize("NFD");

describe("encode", () => {
  test("cuts words greedily into the longest pieces", () => {
    const encoding = tokenizer.encode("나는 학교에 간다.");
    const ids: EncodingIds = encoding;
    expect([...ids.ids]).toEqual([2, 7, 8, 9, 10, 11, 12, 3]);
    expect([...ids.typeIds]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    expect([...encoding.mask]).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
    expect(encoding.tokens).toEqual(["[CLS]", "나는", "학교", "##에", "간", "##다", ".", "[SEP]"]);
    // biome-ignore format: one line a text
    expect(encoding.offsets).toEqual([[0, 0], [0, 2], [3, 5], [5, 6], [7, 8], [8, 9], [9, 10], [0, 0]]);
    expect(encoding.truncated).toBe(false);
  });

  test("an added token may begin in the white space that another took along", () => {
    const token = (content: string, flags: object) => {
      return { content, lstrip: false, rstrip: false, normalized: false, single_word: false, special: false, ...flags };
    };
    const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map((mark) => token(mark, { special: true }));
    const added = WordPieceTokenizer.fromFiles({
      "vocab.txt": "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nx\ny\n##x\n",
      "tokenizer_config.json": JSON.stringify({
        do_lower_case: false,
        added_tokens_decoder: { ...special, 8: token("[A]", { rstrip: true }), 9: token(" x", {}) },
      }),
    });
    // Ids and offsets of tokenizers 0.23.3 (Rust), from the same tokens.
    const { ids, tokens, offsets } = added.encode("y[A] x y", { addSpecialTokens: false });
    expect([...ids]).toEqual([6, 8, 9, 6]);
    // biome-ignore format: one line a text
    expect(offsets).toEqual([[0, 1], [1, 5], [4, 6], [7, 8]]);
    expect(tokens[2]).toBe(" x");
    // Half a letter is read the long way round.
    expect([...added.encode("y[A] x y \ud800", { addSpecialTokens: false }).ids].slice(0, 4)).toEqual([6, 8, 9, 6]);
  });

  test("offsets are UTF-16 indices", () => {
    const text = "😀😀 나는";
    const { offsets, tokens } = tokenizer.encode(text, { addSpecialTokens: false });
    expect(tokens).toEqual(["😀", "##😀", "나는"]);
    expect(offsets.map(([start, end]) => text.slice(start, end))).toEqual(["😀", "😀", "나는"]);
  });

  test("a word of 100 code points is cut, one of 101 is unknown", () => {
    for (const unit of ["a", "😀"]) {
      expect(tokenizer.encode(unit.repeat(100)).ids.length).toBe(102);
      expect(tokenizer.encode(unit.repeat(101)).tokens).toEqual(["[CLS]", "[UNK]", "[SEP]"]);
      expect(tokenizer.encode(`${unit.repeat(50)}\u200b${unit.repeat(50)}`).ids.length).toBe(102);
    }
  });

  test("half a surrogate pair counts as U+FFFD, which is dropped", () => {
    for (const half of ["\ud83d", "\ude00", "\ufffd"]) {
      expect(tokenizer.encode(`나${half}는`).tokens).toEqual(["[CLS]", "나는", "[SEP]"]);
      expect(tokenizer.encode(half).tokens).toEqual(["[CLS]", "[SEP]"]);
    }
  });

  test("maxLength counts [CLS] and [SEP]", () => {
    const encoding = tokenizer.encode("나는 학교에 간다.", { maxLength: 5 });
    expect(encoding.tokens).toEqual(["[CLS]", "나는", "학교", "##에", "[SEP]"]);
    expect([...encoding.ids]).toEqual([2, 7, 8, 9, 3]);
    expect(encoding.offsets.length).toBe(5);
    expect(encoding.truncated).toBe(true);
    expect(tokenizer.encode("나는 학교에 간다.", { maxLength: 8 }).truncated).toBe(false);
    expect(tokenizer.encode("나는", { maxLength: 2 }).tokens).toEqual(["[CLS]", "[SEP]"]);
    expect(tokenizer.encode("나는", { maxLength: 0, addSpecialTokens: false }).ids.length).toBe(0);
  });

  test("a pair is cut from its longer text", () => {
    const encoding = tokenizer.encode("나는 나는 나는 나는", { pair: "학교 간다", maxLength: 8 });
    expect(encoding.tokens).toEqual(["[CLS]", "나는", "나는", "나는", "[SEP]", "학교", "간", "[SEP]"]);
    expect([...encoding.typeIds]).toEqual([0, 0, 0, 0, 0, 1, 1, 1]);
    expect(encoding.offsets[5]).toEqual([0, 2]);
    expect(tokenizer.encode("나는", { pair: "" }).tokens).toEqual(["[CLS]", "나는", "[SEP]", "[SEP]"]);
  });

  test("decomposed Korean is unknown, unless it is composed first", () => {
    expect(tokenizer.encode(DECOMPOSED).tokens).toEqual(["[CLS]", "[UNK]", "[UNK]", "[SEP]"]);
    const composing = WordPieceTokenizer.fromFiles(files, { normalize: "NFC" });
    expect(composing.encode(DECOMPOSED).tokens).toEqual(["[CLS]", "나는", "학교", "##에", "[SEP]"]);
    expect(composing.encode(`[MASK]${DECOMPOSED}`).ids[1]).toBe(4);
  });

  test("composition is not missed where only a second part gives it away", () => {
    const vocabulary = `${VOCAB}한\n\u09cb\n\u0995\n##\u09cb\n`;
    const composing = WordPieceTokenizer.fromFiles({ ...files, "vocab.txt": vocabulary }, { normalize: "NFC" });
    for (const [text, ...tokens] of [
      ["하\u11ab", "한"],
      ["\u0995\u09c7\u09be", "\u0995", "##\u09cb"],
      ["\u1112\u1161\u11ab", "한"],
    ]) {
      const encoding = composing.encode(text, { addSpecialTokens: false });
      expect(encoding.tokens).toEqual(tokens);
      expect([...encoding.ids].map((id) => composing.idToToken(id))).toEqual(tokens);
    }
  });

  // The reference deals out places by position: where marks change their order, or one goes into a letter before others, a mark may get its
  // neighbour's. Expectations from tokenizers 0.23.3.
  test("offsets of marks that change places", () => {
    const points = ["e", "x", "\u00eb", "\u302e", "\u{110ba}"];
    const vocabulary = `${VOCAB}${points.map((c) => `${c}\n##${c}\n`).join("")}`;
    const config = { do_lower_case: false, strip_accents: true };
    const stripping = { "vocab.txt": vocabulary, "tokenizer_config.json": JSON.stringify(config) };
    const composing = { ...files, "vocab.txt": vocabulary };
    // biome-ignore format: a table
    const cases: [text: string, composed: number[][], stripped: number[][]][] = [
      ["e\u{110ba}\u0308x", [[0, 1], [3, 4], [4, 5]], [[0, 1], [4, 5]]],
      ["\u00eb\u{110ba}x", [[0, 1], [1, 3], [3, 4]], [[0, 1], [3, 4]]],
      ["\u00eb\u302e\u{110ba}x", [[0, 1], [1, 2], [2, 4], [4, 5]], [[0, 1], [2, 4], [4, 5]]],
      ["e\u302e\u{110ba}\u0308x", [[0, 1], [2, 4], [4, 5], [5, 6]], [[0, 1], [2, 4], [5, 6]]],
    ];
    for (const [text, composed, stripped] of cases) {
      const nfc = WordPieceTokenizer.fromFiles(composing, { normalize: "NFC" });
      expect(nfc.encode(text, { addSpecialTokens: false }).offsets).toEqual(composed);
      expect(WordPieceTokenizer.fromFiles(stripping).encode(text, { addSpecialTokens: false }).offsets).toEqual(
        stripped,
      );
    }
  });

  test("long texts and thousands of added tokens fit", () => {
    expect(tokenizer.encode("나는 ".repeat(20_000)).ids.length).toBe(20_002);
    expect(tokenizer.encode("[MASK]".repeat(20_000)).ids.length).toBe(20_002);
    expect(tokenizer.encode("나는 ".repeat(150_000)).tokens.length).toBe(150_002);
    // 200,000 marks in the wrong order: sorting them one by one would take minutes.
    const stripping = WordPieceTokenizer.fromFiles({ "vocab.txt": VOCAB });
    expect(stripping.encode(`a${"\u302e\u302a\u0301".repeat(70_000)}`).tokens).toEqual(["[CLS]", "[UNK]", "[SEP]"]);
    expect(tokenizer.encode("a".repeat(1_000_000)).tokens).toEqual(["[CLS]", "[UNK]", "[SEP]"]);
  });
});

describe("encodeBatch", () => {
  const texts = ["나는", ["학교에", "간다."]] as const;

  test("gives what encode gives, in order, and pads nothing", () => {
    const [first, second] = tokenizer.encodeBatch(texts);
    expect(first.tokens).toEqual(["[CLS]", "나는", "[SEP]"]);
    expect(second.tokens).toEqual(["[CLS]", "학교", "##에", "[SEP]", "간", "##다", ".", "[SEP]"]);
    expect(tokenizer.encodeBatch([])).toEqual([]);
  });

  test("pads to the longest, or to maxLength", () => {
    for (const padding of [true, "longest"] as const) {
      const [first, second] = tokenizer.encodeBatch(texts, { padding });
      expect([...first.ids]).toEqual([2, 7, 3, 0, 0, 0, 0, 0]);
      expect([...first.mask]).toEqual([1, 1, 1, 0, 0, 0, 0, 0]);
      expect(first.tokens.slice(2, 4)).toEqual(["[SEP]", "[PAD]"]);
      expect(first.offsets.slice(1, 4)).toEqual([[0, 2], [0, 0], [0, 0]]); // biome-ignore format: short
      expect([...second.typeIds]).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
    }
    const [first, second] = tokenizer.encodeBatch(texts, { padding: "max_length", maxLength: 6 });
    expect([...first.ids]).toEqual([2, 7, 3, 0, 0, 0]);
    expect([...second.mask]).toEqual([1, 1, 1, 1, 1, 1]);
    expect([first.truncated, second.truncated]).toEqual([false, true]);
    const [, pair] = tokenizer.encodeBatch(texts, { padding: "max_length", maxLength: 10 });
    expect([...pair.typeIds]).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 0, 0]);
  });
});

describe("refused", () => {
  const cases: [name: string, run: () => unknown, message: RegExp][] = [
    ["no text", () => tokenizer.encode(5 as never), /argument 1 \(text\).*must be a string/],
    ["null", () => tokenizer.encode(null as never), /argument 1/],
    ["a pair that is no text", () => tokenizer.encode("나", { pair: {} as never }), /argument 2 \(options\.pair\)/],
    ["no text in a batch", () => tokenizer.encodeBatch(["나", undefined as never]), /texts\[1\]/],
    ["no text in a pair", () => tokenizer.encodeBatch(["나", ["나", 3 as never]]), /texts\[1\]\[1\]/],
    ["three texts", () => tokenizer.encodeBatch([["나", "나", "나"] as never]), /texts\[0\]/],
    ["one text for a batch", () => tokenizer.encodeBatch("나" as never), /argument 1 \(texts\)/],
    ["no room for special tokens", () => tokenizer.encode("나", { maxLength: 1 }), /maxLength = 1: .*at least 2/],
    ["no room in a pair", () => tokenizer.encode("나", { pair: "나", maxLength: 2 }), /maxLength = 2: .*at least 3/],
    ["half a token", () => tokenizer.encode("나", { maxLength: 2.5 }), /maxLength = 2\.5/],
    [
      "padding to nothing",
      () => tokenizer.encodeBatch(["나"], { padding: "max_length" }),
      /padding = "max_length": needs maxLength/,
    ],
    ["unknown padding", () => tokenizer.encodeBatch(["나"], { padding: "most" as never }), /padding = "most"/],
  ];

  test.each(cases)("%s", (_, run, message) => {
    expect(run).toThrow(ModelError);
    expect(run).toThrow(message);
  });
});

describe("the class", () => {
  test("can be extended", () => {
    class Own extends WordPieceTokenizer {
      own(): string {
        return "mine";
      }
    }
    expect(Own.fromFiles(files).own()).toBe("mine");
  });

  test("knows its vocabulary", () => {
    expect([
      tokenizer.tokenToId("##는"),
      tokenizer.idToToken(6),
      tokenizer.tokenToId("없음"),
      tokenizer.idToToken(99),
    ]).toEqual([6, "##는", undefined, undefined]);
  });
});
