// A terminal of 60 columns: COLUMNS where there is none, and a real one where `script` can make it.
import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { widthOf } from "../src/terminal.ts";
import { environment, file, folder, main, munjang, run } from "./run.ts";

const narrow = { COLUMNS: "60" };
const LONG = "그 식당에는 손님이 없어서 파리만 날린다는 이야기를 오래전부터 들어 왔습니다. ".repeat(4);

test.each([
  ...[[], ["embed"], ["similarity"], ["tokenize"], ["explain"], ["info"], ["download"], ["demo"]].map((args) => [
    ...args,
    "--help",
  ]),
  ["demo"],
  ["similarity", "a", LONG, LONG.normalize("NFD")],
  ["similarity", "--all", LONG, ...Array.from({ length: 12 }, (_, i) => `${i}번 ${LONG}`)],
  ["similarity", "--pairs", LONG, LONG],
  ["tokenize", LONG],
  ["tokenize", `${"가".repeat(101)} 뷁`],
  ["explain", LONG],
  ["explain", LONG, `${"가".repeat(101)} 뷁`],
  ["info", "--check"],
])("no line is longer: %s %s", async (...args) => {
  const { code, out } = await munjang(args, "", narrow);
  expect(code).toBe(0);
  for (const line of out.split("\n")) if (!line.startsWith("/")) expect(widthOf(line), line).toBeLessThanOrEqual(60);
});

test("in a pipe nothing is cut", async () => {
  expect((await munjang(["similarity", "a", LONG])).out).toContain(LONG.trim());
});

const terminal = process.platform === "linux" && spawnSync("script", ["--version"]).status === 0;

/** Runs the command in a terminal of 60 columns and gives everything that was sent to it. */
async function inTerminal(command: string): Promise<string> {
  const node = `"${process.execPath}" "${main}"`;
  const { code, out } = await run("script", ["-qec", `stty cols 60; ${command.replace("munjang", node)}`, "/dev/null"]);
  expect(code, out).toBe(0);
  return out;
}

// Progress is for work of some seconds, which 700 texts are in plain JavaScript alone.
test.skipIf(!terminal)("a terminal: progress with rate and time left, on one line that is taken away", async () => {
  const texts = Array.from({ length: 700 }, (_, i) => `${i}번 문장입니다`).join("\n");
  const out = await inTerminal(`munjang embed --backend js -f ${file("many.txt", texts)} -o ${folder}/many.npy`);
  expect(out).toMatch(/embed {2}\d+ % {2}\d+ texts {2}[\d.]+ texts\/s {2}(\d+ min )?\d+ s left/);
  const [before, after] = out.split("munjang: 700 vectors");
  expect(after).toMatch(/^ of 256 written/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  for (const drawn of before.split(/\u001b(?:\[[\d;]*[A-Za-z]|[78])|\r|\n/)) expect(widthOf(drawn)).toBeLessThan(60);
  expect(before.endsWith("\u001b[2K")).toBe(true); // the line is cleared at last
});

test.skipIf(!terminal)("a terminal: progress of similarity, of all texts and of pairs into a file", async () => {
  const texts = Array.from({ length: 300 }, (_, i) => `${i}번 문장입니다`);
  const all = await inTerminal(`munjang similarity --backend js -f ${file("compared.txt", texts.join("\n"))}`);
  expect(all).toMatch(/encode {2}\d+ % {2}\d+ texts {2}[\d.]+ texts\/s {2}(\d+ min )?\d+ s left/);
  const pairs = file("pairs.tsv", texts.map((text) => `${text}\t둘째`).join("\n"));
  const into = await inTerminal(`munjang similarity --backend js --pairs -f ${pairs} > ${folder}/pairs.out`);
  expect(into).toMatch(/compare {2}\d+ % {2}\d+ pairs {2}[\d.]+ pairs\/s {2}(\d+ min )?\d+ s left/);
  expect(into.endsWith("\u001b[2K")).toBe(true);
});

test.skipIf(!terminal)(
  "a terminal: vectors that go there are not mixed with progress, texts are cut to it",
  async () => {
    const texts = Array.from({ length: 300 }, (_, i) => `${i}번 문장입니다`).join("\n");
    const out = await inTerminal(`munjang embed --truncate-dim 1 -f ${file("some.txt", texts)}`);
    expect(out).not.toContain("texts/s");
    expect(out.trim().split("\n").length).toBe(300);
    // Loading, where it is slow, has a line of its own on standard error.
    const compared = await inTerminal(`munjang similarity a "${LONG}" 2>/dev/null`);
    for (const line of compared.trimEnd().split(/\r?\n/)) expect(widthOf(line)).toBeLessThanOrEqual(60);
    expect(compared).toContain("…");
  },
);

test("in a pipe there is no progress", async () => {
  const texts = Array.from({ length: 300 }, (_, i) => `${i}번 문장입니다`).join("\n");
  const { err } = await munjang(["embed", "-o", "quiet.npy"], texts);
  expect(err).toBe("munjang: 300 vectors of 256 written to quiet.npy\n");
  expect(environment().COLUMNS).toBeUndefined();
});
