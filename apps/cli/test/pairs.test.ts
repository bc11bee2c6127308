import { expect, test } from "vitest";
import { munjang, refused } from "./run.ts";

const texts = ["잠이 옵니다", "졸음이 옵니다", "기차가 옵니다", "잠이 안 옵니다"];
const asPairs = ["similarity", "--pairs", "--json"];
const read = (out: string): { a: string; b: string; similarity: number }[] =>
  out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

test("pairs: arguments, tabs and JSON lines give what one against many gives", async () => {
  const { code, out } = await munjang([...asPairs, ...texts]);
  expect(code).toBe(0);
  const pairs = read(out);
  expect(pairs.map(({ a, b }) => [a, b])).toEqual([texts.slice(0, 2), texts.slice(2)]);
  const [one, two] = await Promise.all([
    munjang(["similarity", "--json", ...texts.slice(0, 2)]),
    munjang(["similarity", "--json", ...texts.slice(2)]),
  ]);
  const similarities = [one, two].map((result) => JSON.parse(result.out).others[0].similarity);
  for (const [i, { similarity }] of pairs.entries()) expect(similarity).toBeCloseTo(similarities[i], 6);

  const tabs = `\ufeff${texts[0]}\t${texts[1]}\r\n\r\n${texts[2]}\t${texts[3]}`;
  const fromTabs = await munjang(asPairs, tabs);
  expect(fromTabs.out).toBe(out);
  expect(fromTabs.err).toBe("munjang: passed over 1 empty line of standard input\n");
  const jsonl = [...asPairs, "--from", "jsonl"];
  const arrays = `${JSON.stringify(texts.slice(0, 2))}\n${JSON.stringify(texts.slice(2))}\n`;
  expect((await munjang(jsonl, arrays)).out).toBe(out);
  const objects = `${JSON.stringify({ sentence1: texts[0], sentence2: texts[1], score: 5 })}\n`;
  expect((await munjang(jsonl, objects)).out).toBe(`${out.split("\n")[0]}\n`);
  const named = `${JSON.stringify({ q: texts[0], p: texts[1] })}\n`;
  expect((await munjang([...jsonl, "--fields", "q,p"], named)).out).toBe(`${out.split("\n")[0]}\n`);

  const shown = await munjang(["similarity", "--pairs", ...texts.slice(0, 2)]);
  expect(shown.out).toBe(`${pairs[0].similarity.toFixed(4)}\t${texts[0]}\t${texts[1]}\n`);
});

test("pairs: more than a window, in order", async () => {
  const lines = Array.from({ length: 200 }, (_, i) => `${i}번\t둘째 ${i}`);
  const { out } = await munjang(asPairs, lines.join("\n"));
  expect(read(out).map(({ a, b }) => `${a}\t${b}`)).toEqual(lines);
});

test("pairs: what is no pair", async () => {
  await refused(2, /3 texts are not pairs/, [...asPairs, "a", "b", "c"]);
  await refused(2, /leave one out/, [...asPairs, "--all", "a", "b"]);
  await refused(2, /leave out --pairs/, [...asPairs, "--sort", "a", "b"]);
  await refused(2, /--fields takes two names/, [...asPairs, "--fields", "a"], "a\tb\n");
  await refused(1, /line 1 of standard input must be two texts with a tab between them/, asPairs, "a\n");
  await refused(1, /line 1 of standard input must be two texts/, asPairs, "a\tb\tc\n");
  await refused(1, /must be an array of two texts, or an object with/, [...asPairs, "--from", "jsonl"], '{"a":1}\n');
  await refused(1, /no text in standard input/, asPairs, "\n");
});
