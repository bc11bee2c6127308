import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { munjang } from "./run.ts";

interface Unknown {
  index: number;
  word: string;
  reason: string;
  character?: string;
  message: string;
}
const unknown = async (text: string, ...more: string[]): Promise<Unknown[]> =>
  JSON.parse((await munjang(["tokenize", "--json", ...more, text])).out).unknown;

test("why a word is [UNK]: a character, the length, written so", async () => {
  const found = await unknown(`꿹과 가꿹 ${"가".repeat(101)} [UNK] 문장`);
  expect(found.map(({ index, reason, character }) => [index, reason, character])).toEqual([
    [1, "character", "꿹"],
    [2, "character", "꿹"],
    [3, "length", undefined],
    [4, "written", undefined],
  ]);
  expect(found[0].message).toBe("no piece begins with 꿹 (U+AFF9)");
  expect(found[1].message).toBe("no piece begins with ##꿹 (U+AFF9) behind 가");
  expect(found[2].message).toContain("101 code points");
  expect(await unknown("문장을 나눕니다")).toEqual([]);
  const shown = await munjang(["tokenize", "꿹"]);
  expect(shown.out).toContain("\n  [UNK] for 꿹: no piece begins with 꿹 (U+AFF9)\n");
});

test("decomposed Hangul: named, and --nfc mends it", async () => {
  const text = "회의록".normalize("NFD");
  const [{ message, word }] = await unknown(text);
  expect(word).toBe(text);
  expect(message).toContain("decomposed Hangul: --nfc makes it 회의록");
  expect(await unknown(text, "--nfc")).toEqual([]);
});

test("an uncased vocabulary: the word is read as the tokenizer reads it", async () => {
  const model = fileURLToPath(new URL("../../../test/golden/models/uncased-vocab", import.meta.url));
  const found = await unknown(`${"É".repeat(101)} \u2603`, "--model", model);
  expect(found.map(({ reason }) => reason)).toEqual(["length", "character"]);
});
