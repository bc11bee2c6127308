import { describe, expect, test } from "vitest";
import { ModelError } from "../../src/base/errors.ts";
import { type TokenizerFiles, type TokenizerOptions, WordPieceTokenizer } from "../../src/tokenizer/index.ts";
import { readVocabulary } from "../../src/tokenizer/vocabulary.ts";
import { bert, tokenizerJson } from "./configurations.ts";

const VOCAB = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\nA\nfoo\n";
const ids = new Map(VOCAB.trimEnd().split("\n").map((token, id) => [token, id] as const)); // biome-ignore format: short
const json = (value: unknown): string => JSON.stringify(value);
const load = (files: TokenizerFiles, options?: TokenizerOptions): WordPieceTokenizer =>
  WordPieceTokenizer.fromFiles(files, options);

/** tokenizer.json over VOCAB, with some fields replaced. */
function wholeJson(change: (root: Record<string, Record<string, unknown>>) => void = () => {}): string {
  const root = JSON.parse(json(tokenizerJson(bert(true), [], ids)));
  root.model.vocab = Object.fromEntries(ids);
  change(root);
  return json(root);
}

// What the reference makes of the same files was asked of tokenizers 0.23.3 and transformers 5.23 (docs/tokenizer.md).
describe("vocab.txt", () => {
  test("lines end in \\n or \\r\\n, white space at their end is dropped, the last of equal lines holds", () => {
    const text = "\ufeff[PAD]\na\r\ndup\ndup\nb \n \u3000\nx\u3000\u0085\n\ny\u000bz\u000b\n  lead\nq\rr";
    expect([...readVocabulary(text)]).toEqual([
      ["\ufeff[PAD]", 0], ["a", 1], ["dup", 3], ["b", 4], ["", 7], ["x", 6], ["y\u000bz", 8], ["  lead", 9], ["q\rr", 10],
    ]); // biome-ignore format: a table
  });

  test("is not looked at beside tokenizer.json", () => {
    const tokenizer = load({ "vocab.txt": "nonsense\n", "tokenizer.json": wholeJson(), "tokenizer_config.json": "{}" });
    expect([...tokenizer.encode("foo").ids]).toEqual([2, 8, 3]);
  });
});

describe("special tokens", () => {
  test("come from the vocabulary, wherever they stand", () => {
    const tokenizer = load({
      "vocab.txt": "[CLS]\n[PAD]\n[SEP]\n[UNK]\nfoo\n[MASK]\n",
      "tokenizer_config.json": json({ tokenizer_class: "BertTokenizer", bos_token: "[CLS]", eos_token: "[SEP]" }),
    });
    const { clsId, padId, sepId, unkId, maskId, vocabularySize } = tokenizer;
    expect([clsId, padId, sepId, unkId, maskId, vocabularySize]).toEqual([0, 1, 2, 3, 5, 6]);
    expect([...tokenizer.encode("foo bar").ids]).toEqual([0, 4, 3, 2]);
  });

  test("have the names that the files give them; special_tokens_map.json before the config", () => {
    const tokenizer = load({
      "vocab.txt": "<pad>\n<unk>\n<s>\n</s>\nfoo\n[CLS]\n",
      "tokenizer_config.json": json({
        unk_token: "<unk>",
        pad_token: "<pad>",
        cls_token: "foo",
        sep_token: "</s>",
        mask_token: null,
      }),
      "special_tokens_map.json": json({
        cls_token: { content: "<s>", lstrip: false, rstrip: false, single_word: false, normalized: false },
      }),
    });
    expect(tokenizer.encode("foo [CLS] <s>").tokens).toEqual(["<s>", "foo", "<unk>", "<unk>", "<unk>", "<s>", "</s>"]);
    expect(tokenizer.maskId).toBeUndefined();
  });

  test("a [MASK] that the vocabulary lacks is text, and keeps its number from others", () => {
    const tokenizer = load({
      "vocab.txt": VOCAB.replace("[MASK]\n", ""),
      "tokenizer_config.json": json({
        extra_special_tokens: ["<x>"],
        additional_special_tokens: ["<y>"],
        eos_token: "<eos>",
      }),
    });
    // transformers: <eos> 8, [MASK] 9, <x> 10; <y> is not added beside extra_special_tokens.
    expect([
      tokenizer.tokenToId("<eos>"),
      tokenizer.maskId,
      tokenizer.tokenToId("<x>"),
      tokenizer.tokenToId("<y>"),
    ]).toEqual([8, undefined, 10, undefined]);
  });

  test("written in a text become ids, unless told otherwise", () => {
    const tokenizer = load({ "vocab.txt": `${VOCAB}[\n]\nmask\n` });
    expect(tokenizer.encode("a[MASK]a", { addSpecialTokens: false }).tokens).toEqual(["a", "[MASK]", "a"]);
    const asText = { addSpecialTokens: false, specialTokens: false };
    expect(tokenizer.encode("a[MASK]a", asText).tokens).toEqual(["a", "[", "mask", "]", "a"]);
    const off = load({ "vocab.txt": `${VOCAB}[\n]\nmask\n` }, { specialTokens: false });
    expect(off.encode("[MASK]", { addSpecialTokens: false }).tokens).toEqual(["[", "mask", "]"]);
    const split = load({
      "vocab.txt": `${VOCAB}[\n]\nmask\n`,
      "tokenizer_config.json": json({ split_special_tokens: true }),
    });
    expect(split.encode("[MASK]", { addSpecialTokens: false }).tokens).toEqual(["[", "mask", "]"]);
    expect(split.encode("[MASK]", { addSpecialTokens: false, specialTokens: true }).tokens).toEqual(["[MASK]"]);
  });
});

describe("added tokens", () => {
  test("are numbered from the size of the vocabulary, in the order of the ids that the files give", () => {
    const added = { "added_tokens.json": json({ zeta: 20, alpha: 10, foo: 8 }) };
    const tokenizer = load({ "vocab.txt": VOCAB, ...added });
    expect(["alpha", "zeta", "foo"].map((token) => tokenizer.tokenToId(token))).toEqual([9, 10, 8]);
    expect([tokenizer.idToToken(9), tokenizer.idToToken(6), tokenizer.idToToken(11)]).toEqual([
      "alpha",
      "##b",
      undefined,
    ]);
    expect(tokenizer.vocabularySize).toBe(11);
    // Of a vocabulary with equal lines the size is the number of different ones, as in the reference.
    expect(load({ "vocab.txt": `${VOCAB}foo\n`, ...added }).tokenToId("alpha")).toBe(9);
  });
});

describe("added tokens in the config", () => {
  const token = (content: string, flags: object = {}): object => ({
    content,
    lstrip: false,
    rstrip: false,
    single_word: false,
    ...flags,
  });

  test("are numbered in the order of their ids", () => {
    const added_tokens_decoder = { "12": token("neu"), "11": token("alt") };
    const tokenizer = load({ "vocab.txt": VOCAB, "tokenizer_config.json": json({ added_tokens_decoder }) });
    expect([tokenizer.tokenToId("alt"), tokenizer.tokenToId("neu")]).toEqual([9, 10]);
  });

  test("are not found inside a special token, even one that counts as text", () => {
    const added_tokens_decoder = {
      "20": token("]a", { normalized: false }),
      "21": token("K]a[", { normalized: false }),
    };
    const files = { "vocab.txt": `${VOCAB}[\n]\nmask\n`, "tokenizer_config.json": json({ added_tokens_decoder }) };
    const tokens = (text: string, specialTokens: boolean): string[] =>
      load(files).encode(text, { specialTokens, addSpecialTokens: false }).tokens;
    const ids = (text: string, specialTokens: boolean): (string | undefined)[] => {
      const tokenizer = load(files);
      return [...tokenizer.encode(text, { specialTokens, addSpecialTokens: false }).ids].map((id) =>
        tokenizer.idToToken(id),
      );
    };
    for (const read of [tokens, ids]) {
      expect(read("[MASK]a", false)).toEqual(["[", "mask", "]", "a"]);
      expect(read("[MASK]a[", true)).toEqual(["[MASK]", "a", "["]);
      expect(read("MASK]a", false)).toEqual(["mask", "]a"]);
    }
  });
});

describe("special tokens beside the vocabulary", () => {
  test("count where a file lists them as added", () => {
    const tokenizer = load({
      "vocab.txt": VOCAB.replace("[PAD]\n", "").replace("[MASK]\n", ""),
      "added_tokens.json": json({ "[MASK]": 8, "[PAD]": 7 }),
    });
    expect([tokenizer.padId, tokenizer.maskId, tokenizer.vocabularySize]).toEqual([7, 8, 9]);
    expect(tokenizer.encode("a[MASK]").tokens).toEqual(["[CLS]", "a", "[MASK]", "[SEP]"]);
  });
});

describe("the files' other words", () => {
  test("model_max_length, unless no model has it", () => {
    const of = (config: object): number | undefined =>
      load({ "vocab.txt": VOCAB, "tokenizer_config.json": json(config) }).modelMaxLength;
    expect(of({ model_max_length: 128 })).toBe(128);
    expect(of({ max_len: 77 })).toBe(77);
    expect(of({ model_max_length: 1e30 })).toBeUndefined();
    expect(of({})).toBeUndefined();
  });

  test("truncation and padding of tokenizer.json are not obeyed", () => {
    const tokenizer = load({ "tokenizer.json": wholeJson() });
    expect(tokenizer.encode("a a a a a a a a a a a a").ids.length).toBe(14);
    expect(tokenizer.encode("a").ids.length).toBe(3);
  });

  test("a disagreement about normalisation is told", () => {
    const cased = { "tokenizer_config.json": json({ do_lower_case: false }) };
    const tokenizer = load({ "tokenizer.json": wholeJson(), ...cased });
    expect([...tokenizer.encode("A").ids]).toEqual([2, 7, 3]);
    expect(tokenizer.warnings.join()).toMatch(/lowerCase \(true in tokenizer.json, false otherwise\)/);
    expect(load({ "tokenizer.json": wholeJson(), "tokenizer_config.json": "{}" }).warnings).toEqual([]);
    const alone = load({ "tokenizer.json": wholeJson((root) => Object.assign(root.normalizer, { lowercase: false })) });
    expect([...alone.encode("A").ids]).toEqual([2, 7, 3]);
    expect(alone.warnings.join()).toMatch(/tokenizer.json is followed as written/);
    // A normaliser that could not be honoured is no obstacle where the reference does not look at it either.
    const other = load({
      "tokenizer.json": wholeJson((root) => Object.assign(root.normalizer, { type: "NFKC" })),
      ...cased,
    });
    expect(other.warnings.join()).toMatch(/NFKC/);
  });

  test("truncation_side and padding_side", () => {
    const tokenizer = load({
      "vocab.txt": VOCAB,
      "tokenizer_config.json": json({ truncation_side: "left", padding_side: "left" }),
    });
    const cut = tokenizer.encode("a foo ab", { maxLength: 4 });
    expect(cut.tokens).toEqual(["[CLS]", "a", "##b", "[SEP]"]);
    expect(cut.offsets).toEqual([[0, 0], [6, 7], [7, 8], [0, 0]]); // biome-ignore format: short
    const [first] = tokenizer.encodeBatch(["a", "a foo ab"], { padding: true });
    expect(first.tokens).toEqual(["[PAD]", "[PAD]", "[PAD]", "[CLS]", "a", "[SEP]"]);
    expect([...first.mask]).toEqual([0, 0, 0, 1, 1, 1]);
  });

  test("tokenizer.json may say BertProcessing and another prefix", () => {
    const files = {
      "tokenizer.json": wholeJson((root) => {
        root.post_processor = { type: "BertProcessing", sep: ["[SEP]", 3], cls: ["[CLS]", 2] };
        Object.assign(root.model, { continuing_subword_prefix: "@@", max_input_chars_per_word: 3 });
        Object.assign(root.model.vocab as object, { "@@b": 9 });
      }),
    };
    expect(load(files).encode("ab abbb").tokens).toEqual(["[CLS]", "a", "@@b", "[UNK]", "[SEP]"]);
  });
});

test("a vocabulary alone says that text is lower-cased", () => {
  expect(load({ "vocab.txt": VOCAB }).warnings.join()).toContain("lower-cased");
  expect(load({ "vocab.txt": VOCAB, "tokenizer_config.json": json({ do_lower_case: false }) }).warnings).toEqual([]);
});

test.each(["", "a"])("a word may begin with what continues one: prefix %j", (prefix) => {
  const pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "##b", "b", "ab", "aab"];
  const files = {
    "tokenizer.json": wholeJson((root) => {
      Object.assign(root, { added_tokens: [] });
      Object.assign(root.model, {
        continuing_subword_prefix: prefix,
        vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
      });
    }),
  };
  expect([...load(files).encode("ab a").ids]).toEqual([2, 7, 4, 3]); // as the Rust library answers
});

describe("refused by name", () => {
  const config = (value: object): TokenizerFiles => ({ "vocab.txt": VOCAB, "tokenizer_config.json": json(value) });
  const tokenizer = (change: Parameters<typeof wholeJson>[0]): TokenizerFiles => ({
    "tokenizer.json": wholeJson(change),
  });
  const decoder = (token: object): TokenizerFiles =>
    config({ added_tokens_decoder: { 9: { content: "x", ...token } } });
  const cases: [name: string, files: TokenizerFiles, file: string | undefined, message: RegExp][] = [
    ["no vocabulary at all", {}, "vocab.txt", /vocab\.txt: is missing, and so is tokenizer\.json/],
    ["an empty vocabulary", { "vocab.txt": "" }, "vocab.txt", /vocab\.txt: the vocabulary is empty/],
    ["a missing special token", { "vocab.txt": VOCAB.replace("[CLS]\n", "") }, "vocab.txt", /cls_token = "\[CLS\]": is not in the vocabulary/],
    ["a special token of null", config({ sep_token: null }), "tokenizer_config.json", /sep_token/],
    ["a special token that is a number", config({ pad_token: 3 }), "tokenizer_config.json", /pad_token = 3: must be a token/],
    ["invalid JSON", { "vocab.txt": VOCAB, "tokenizer_config.json": "{" }, "tokenizer_config.json", /is not valid JSON/],
    ["JSON that is no object", { "vocab.txt": VOCAB, "special_tokens_map.json": "[]" }, "special_tokens_map.json", /must be a JSON object/],
    ["a tokenizer of another kind", config({ tokenizer_class: "MPNetTokenizer" }), "tokenizer_config.json", /tokenizer_class = "MPNetTokenizer"/],
    ["a generic class without tokenizer.json", config({ tokenizer_class: "PreTrainedTokenizerFast" }), "tokenizer_config.json", /needs tokenizer\.json/],
    ["a flag that is no flag", config({ do_lower_case: "no" }), "tokenizer_config.json", /do_lower_case = "no": must be true or false/],
    ["a length that is no length", config({ model_max_length: "long" }), "tokenizer_config.json", /model_max_length = "long"/],
    ["a side that is none", config({ truncation_side: "top" }), "tokenizer_config.json", /truncation_side = "top"/],
    ["an added token that wants whole words", decoder({ single_word: true }), "tokenizer_config.json", /single_word = true/],
    ["an added token without content", decoder({ content: 1 }), "tokenizer_config.json", /added_tokens_decoder\.9\.content = 1/],
    ["an id that is none", { "vocab.txt": VOCAB, "added_tokens.json": json({ x: "nine" }) }, "added_tokens.json", /x = "nine": must be a whole number/],
    ["another model", tokenizer((root) => Object.assign(root.model, { type: "BPE" })), "tokenizer.json", /model\.type = "BPE": is not supported/],
    ["a vocabulary that is a list", tokenizer((root) => Object.assign(root.model, { vocab: [] })), "tokenizer.json", /model\.vocab/],
    ["a broken word limit", tokenizer((root) => Object.assign(root.model, { max_input_chars_per_word: -1 })), "tokenizer.json", /max_input_chars_per_word = -1/],
    ["another normaliser", tokenizer((root) => Object.assign(root.normalizer, { type: "NFKC" })), "tokenizer.json", /normalizer = "NFKC"/],
    ["a normaliser too many", tokenizer((root) => { root.normalizer = { type: "Sequence", normalizers: [bert(true), { type: "StripAccents" }] }; }), "tokenizer.json", /normalizer = "StripAccents"/],
    ["another pre-tokenizer", tokenizer((root) => Object.assign(root.pre_tokenizer, { type: "Whitespace" })), "tokenizer.json", /pre_tokenizer = "Whitespace"/],
    ["another post-processor", tokenizer((root) => Object.assign(root.post_processor, { type: "RobertaProcessing" })), "tokenizer.json", /post_processor = "RobertaProcessing"/],
    ["ids that contradict each other", tokenizer((root) => { root.post_processor = { type: "BertProcessing", sep: ["[SEP]", 3], cls: ["[CLS]", 101] } as never; }), "tokenizer.json", /post_processor: \[CLS\] = 101: has the id 2/],
    ["another template", tokenizer((root) => Object.assign(root.post_processor, { pair: root.post_processor.single })), "tokenizer.json", /post_processor/],
  ]; // biome-ignore format: a table

  test.each(cases)("%s", (_, files, file, message) => {
    let error: unknown;
    try {
      load(files);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ModelError);
    expect((error as ModelError).message).toMatch(message);
    expect((error as ModelError).file).toBe(file);
  });

  test("bytes where a file's text belongs", () => {
    const bytes = new TextEncoder().encode(VOCAB) as unknown as string;
    expect(() => load({ "vocab.txt": bytes })).toThrow(/^vocab\.txt = \{.*: must be a string, or left out$/);
  });

  test("an option that is none", () => {
    expect(() => load({ "vocab.txt": VOCAB }, { normalize: "NFKC" as "NFC" })).toThrow(
      /normalize = "NFKC": the only form is "NFC"/,
    );
  });
});
