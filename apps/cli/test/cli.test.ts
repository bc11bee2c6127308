import { spawn } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { facts } from "../../../bench/ship/facts.ts";
import { faults, RESTAURANT, SLEEPY } from "../src/demo.ts";
import { file, folder, main, munjang, refused } from "./run.ts";

interface Row {
  text: string;
  embedding: number[];
}
const rowsOf = (out: string): Row[] =>
  out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Row);
const length = (vector: number[]): number => Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));

test("embed: arguments, a file and standard input give the same vectors", async () => {
  const texts = ["잠이 옵니다", "기차가 옵니다"];
  const fromArguments = await munjang(["embed", ...texts]);
  expect(fromArguments).toMatchObject({ code: 0, err: "" });
  const rows = rowsOf(fromArguments.out);
  expect(rows.map((row) => row.text)).toEqual(texts);
  for (const { embedding } of rows) {
    expect(embedding.length).toBe(256);
    for (const value of embedding) expect(Math.abs(value - Math.fround(value))).toBeLessThan(1e-8);
  }
  expect(rows[0].embedding).not.toEqual(rows[1].embedding);
  const lines = `\ufeff${texts.join("\r\n")}`;
  expect((await munjang(["embed", "--file", file("texts.txt", lines)])).out).toBe(fromArguments.out);
  expect((await munjang(["embed"], lines)).out).toBe(fromArguments.out);
  expect((await munjang(["embed", "-f", "-"], `${texts.join("\n")}\n`)).out).toBe(fromArguments.out);
});

test("embed: options change what they say", async () => {
  const [plain, unit, short, prompted, budget, alone, slow] = await Promise.all([
    munjang(["embed", "문장"]),
    munjang(["embed", "--normalize", "문장"]),
    munjang(["embed", "--truncate-dim", "8", "문장"]),
    munjang(["embed", "--prompt", "질문: ", "문장"]),
    munjang(["embed", "--batch-tokens", "512", "--backend", "wasm", "문장"]),
    munjang(["embed", "--threads", "0", "문장"]),
    munjang(["embed", "--backend", "js", "문장"]),
  ]);
  const [vector] = rowsOf(plain.out);
  expect(length(rowsOf(unit.out)[0].embedding)).toBeCloseTo(1, 6);
  expect(length(vector.embedding)).toBeGreaterThan(2);
  expect(rowsOf(short.out)[0].embedding).toEqual(vector.embedding.slice(0, 8));
  expect(rowsOf(prompted.out)[0]).toMatchObject({ text: "문장" });
  expect(rowsOf(prompted.out)[0].embedding).not.toEqual(vector.embedding);
  expect(budget.out).toBe(plain.out);
  expect(alone.out).toBe(plain.out);
  expect(slow.out).not.toBe(plain.out); // another backend has other last bits
  const [other] = rowsOf(slow.out);
  for (const [i, value] of other.embedding.entries()) expect(value).toBeCloseTo(vector.embedding[i], 5);
});

test("embed: JSON and CSV", async () => {
  const texts = ['말 "따옴표", 쉼표', "둘째"];
  const lines = rowsOf((await munjang(["embed", "--truncate-dim", "2", ...texts])).out);
  const json = await munjang(["embed", "--format", "json", "--truncate-dim", "2", ...texts]);
  expect(JSON.parse(json.out)).toEqual(lines);
  const csv = await munjang(["embed", "--format", "csv", "--truncate-dim", "2", ...texts]);
  const [a, b] = lines.map((row) => row.embedding.join(","));
  expect(csv.out).toBe(`text,e0,e1\n"말 ""따옴표"", 쉼표",${a}\n둘째,${b}\n`);
});

test("embed: more texts than a window, in order, empty lines passed over and counted", async () => {
  const texts = Array.from({ length: 300 }, (_, i) => `${i}번 문장${"입니다 ".repeat(i % 7)}.`);
  const result = await munjang(["embed", "--truncate-dim", "1"], `${texts.join("\n\n")}\n \n`);
  expect(rowsOf(result.out).map((row) => row.text)).toEqual(texts);
  expect(result).toMatchObject({ code: 0, err: "munjang: passed over 300 empty lines of standard input\n" });
});

test("embed: --output appears complete, or not at all", async () => {
  const target = join(folder, "out.jsonl");
  writeFileSync(target, "old");
  const result = await munjang(["embed", "--output", target, "--truncate-dim", "2", "하나", "둘"]);
  expect(result).toMatchObject({ code: 0, out: "", err: `munjang: 2 vectors of 2 written to ${target}\n` });
  expect(rowsOf(readFileSync(target, "utf8")).map((row) => row.text)).toEqual(["하나", "둘"]);

  const broken = Buffer.concat([Buffer.from("좋은 줄\n".repeat(400)), Buffer.from([0xff, 0xfe, 0x0a])]);
  const failed = await munjang(["embed", "--output", target, "--truncate-dim", "2"], broken);
  expect(failed.code).toBe(1);
  expect(failed.err).toMatch(/line \d+ of standard input is not UTF-8/);
  expect(rowsOf(readFileSync(target, "utf8")).length).toBe(2);
  await refused(1, /there is no such folder/, ["embed", "-o", join(folder, "no", "out"), "문장"]);
  await refused(1, /it is a folder/, ["embed", "-o", folder, "문장"]);
  expect(readdirSync(folder).filter((name) => name.includes(".part"))).toEqual([]);
});

test("embed: a reader that stops early is no failure", async () => {
  const child = spawn(process.execPath, [main, "embed", "--file", file("many.txt", "문장입니다\n".repeat(2000))]);
  let err = "";
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk;
  });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  child.stdout.destroy();
  const code = await new Promise((resolve) => child.on("close", resolve));
  expect({ code, err }).toEqual({ code: 0, err: "" });
});

test.skipIf(process.platform === "win32")("messages that nobody reads are no failure", async () => {
  const target = join(folder, "unheard.jsonl");
  const child = spawn(process.execPath, [main, "embed", "-o", target, "문장"], { cwd: folder });
  child.stderr.destroy();
  child.stdin.end();
  expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0);
  expect(rowsOf(readFileSync(target, "utf8")).length).toBe(1);
});

test("similarity: the first text against the others, aligned", async () => {
  const result = await munjang(["similarity", "잠이 옵니다", "기차가 옵니다", "잠이 안 옵니다", "a"]);
  expect(result).toMatchObject({ code: 0, err: "" });
  const lines = result.out.trimEnd().split("\n");
  expect(lines[0]).toBe("잠이 옵니다");
  expect(lines[1]).toMatch(/^ {2}기차가 옵니다 {3}0\.\d{4}$/);
  expect(lines[2]).toMatch(/^ {2}잠이 안 옵니다 {2}0\.\d{4}$/);
  expect(lines[3]).toMatch(/^ {2}a {15}0\.\d{4}$/);
  const score = (line: string): number => Number(line.slice(-6));
  const falling = lines.slice(1, 3).sort((x, y) => score(y) - score(x));
  expect(score(falling[0])).toBeGreaterThan(score(falling[1]));
  for (const texts of [
    ["기차가 옵니다", "잠이 안 옵니다"],
    ["잠이 안 옵니다", "기차가 옵니다"],
  ]) {
    const sorted = (await munjang(["similarity", "--sort", "잠이 옵니다", ...texts])).out.split("\n");
    expect(sorted.slice(1, 3)).toEqual(falling);
  }
});

test("similarity: --json and --all", async () => {
  const texts = ["잠이 옵니다", "기차가 옵니다", "졸음이 옵니다"];
  const one = JSON.parse((await munjang(["similarity", "--json", ...texts])).out);
  expect(one).toMatchObject({ similarityFunction: "cosine", text: texts[0] });
  expect(one.others.map((other: { text: string }) => other.text)).toEqual(texts.slice(1));
  const all = JSON.parse((await munjang(["similarity", "--json", "--all"], texts.join("\n"))).out);
  expect(all.texts).toEqual(texts);
  expect(all.similarities[0].slice(1)).toEqual(one.others.map((other: { similarity: number }) => other.similarity));
  for (let i = 0; i < 3; i++) expect(all.similarities[i][i]).toBeCloseTo(1, 6);
  expect(all.similarities[1][2]).toBe(all.similarities[2][1]);
  const matrix = (await munjang(["similarity", "--all", ...texts])).out.trimEnd().split("\n");
  expect(matrix.length).toBe(4);
  expect(matrix[1]).toMatch(/^1 {2}잠이 옵니다 {4}1\.0000 {2}0\.\d{4} {2}0\.\d{4}$/);
});

test("similarity: a matrix of a thousand texts, line by line", { timeout: 60_000 }, async () => {
  const texts = Array.from({ length: 1000 }, (_, i) => `${i}`);
  const { code, out } = await munjang(["similarity", "--all"], texts.join("\n"));
  expect(code).toBe(0);
  const lines = out.trimEnd().split("\n");
  expect(lines.length).toBe(1001);
  for (const line of lines) expect(line.length).toBe(lines[0].length);
  expect(lines[1000]).toMatch(/^1000 {2}999 {2}/);
  expect(lines[1000].trim().split(/ +/).length).toBe(1002);
});

test("tokenize: a table, JSON, truncation", async () => {
  const text = "문장을 나눕니다";
  const json = JSON.parse((await munjang(["tokenize", "--json", text])).out);
  expect(json).toMatchObject({ text, truncated: false });
  expect(json.tokens[0]).toBe("[CLS]");
  expect(json.tokens.at(-1)).toBe("[SEP]");
  // Whatever pieces the vocabulary has: side by side they are the text.
  const pieces = json.offsets.slice(1, -1).map(([start, end]: [number, number]) => text.slice(start, end));
  expect(pieces.join("")).toBe(text.replace(" ", ""));
  expect(json.tokens.slice(1, -1).map((token: string) => token.replace(/^##/, ""))).toEqual(pieces);
  expect(json.ids.length).toBe(json.tokens.length);
  const shown = (await munjang(["tokenize", text])).out;
  expect(shown).toContain(`${text}  (${json.tokens.length} tokens)`);
  const [start, end] = json.offsets[1];
  expect(shown).toMatch(new RegExp(`\\n +${json.ids[1]} {2}${json.tokens[1]} +${start}-${end} +${pieces[0]}\\n`));
  const cut = await munjang(["tokenize", "--max-length", "4"], `${text}\n${text}\n`);
  expect(cut.out.match(/\(4 tokens, truncated\)/g)?.length).toBe(2);
  expect((await munjang(["tokenize", "\u001b[31m빨강"])).out).not.toContain("\u001b");
});

test("demo: both groups, the fault told, a next step", async () => {
  const { code, out, err } = await munjang(["demo"]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toMatch(/^munjang-mini-ko: loaded in \d+ ms, 8 sentences in \d+ ms/);
  for (const { text, cosines } of facts().demo) {
    const nearest = Object.entries(cosines).sort(([, a], [, b]) => b - a);
    const lines = out
      .slice(out.indexOf(`: ${text}\n`))
      .split("\n")
      .slice(1, 1 + nearest.length);
    expect(lines.map((line) => line.trim().split(/ {2,}/))).toEqual(nearest.map(([other, x]) => [other, x.toFixed(4)]));
  }
  expect(out).toContain("munjang embed --help");
});

test("demo: says of the model what its numbers show", () => {
  const values = (flies: number, empty: number, negation: number, same: number) =>
    faults([
      { title: "", texts: RESTAURANT, values: Float32Array.of(empty, 0.75, flies) },
      { title: "", texts: SLEEPY, values: Float32Array.of(negation, same, 0.75) },
    ]).join(" ");
  expect(values(0.9, 0.8, 0.95, 0.9)).toMatch(/literally.*negation.*close to 1/);
  expect(values(0.8, 0.9, 0.9, 0.95)).toBe("Its cosines all lie close to 1: look at the order.");
  expect(values(0.5, 0.9, 0.9, 0.95)).toBe("");
  expect(values(0.9, 0.5, 0.9, 0.95)).toBe("This small model reads it literally.");
  expect(values(0.5, 0.9, 0.9, 0.7)).toMatch(/^잠이 안 옵니다, a negation, is nearer .* 졸음이 옵니다/);
});

test("help and version", async () => {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  expect(await munjang(["--version"])).toEqual({ code: 0, out: `${version}\n`, err: "" });
  for (const args of [[], ["embed"], ["similarity"], ["tokenize"], ["info"], ["download"], ["demo"]]) {
    const { code, out } = await munjang([...args, "--help"]);
    expect(code).toBe(0);
    expect(out).toMatch(/Usage: munjang/);
    expect(out).toMatch(/Examples?:\n {2}munjang /);
  }
  const bare = await munjang([]);
  expect(bare).toMatchObject({ code: 2, out: "" });
  expect(bare.err).toMatch(/Usage: munjang/);
});

test("a wrong command line: code 2, one line", async () => {
  await refused(2, /unknown command 'embd'/, ["embd"]);
  await refused(2, /unknown option '--formt'/, ["embed", "--formt", "json", "문장"]);
  await refused(2, /Allowed choices are jsonl, json, csv/, ["embed", "--format", "xml", "문장"]);
  await refused(2, /whole number from 1 up/, ["embed", "--truncate-dim", "0", "문장"]);
  await refused(2, /whole number from 1 up/, ["embed", "--batch-tokens", "1e3", "문장"]);
  await refused(2, /texts or --file, not both/, ["embed", "--file", "x", "문장"]);
  await refused(2, /text 2 is empty/, ["embed", "문장", " "]);
  await refused(2, /give two or more/, ["similarity", "하나"]);
  await refused(2, /leave out --all/, ["similarity", "--all", "--sort", "하나", "둘"]);
  await refused(2, /too many arguments/, ["demo", "x"]);
});

test("bad input: code 1, one line", async () => {
  await refused(1, /no text in standard input/, ["embed"]);
  await refused(1, /no text in standard input/, ["similarity"], "\n\n");
  await refused(1, /no text in .*empty\.txt/, ["tokenize", "--file", file("empty.txt", "")]);
  await refused(1, /cannot read missing\.txt: there is no such file/, ["embed", "--file", "missing.txt"]);
  await refused(1, /it is a folder/, ["embed", "--file", folder]);
  await refused(1, /line 1 of standard input is not UTF-8/, ["tokenize"], Uint8Array.of(0xb9, 0xae, 0xc0, 0xe5, 0x0a)); // EUC-KR
  const second = Uint8Array.of(0x61, 0x0a, 0x62, 0x0a, 0x63, 0xff, 0x0a);
  await refused(1, /line 3 of standard input is not UTF-8/, ["tokenize"], second);
  await refused(1, /line 1 of standard input is not UTF-8/, ["tokenize"], Uint8Array.of(0xeb, 0xac)); // half a character at the end
  await refused(1, /model = "no-such-model"/, ["embed", "--model", "no-such-model", "문장"]);
  await refused(1, /model = "no-such-model"/, ["tokenize", "--model", "no-such-model"], "문장\n".repeat(50_000));
  await refused(1, /config\.json/, ["embed", "--model", folder, "문장"]);
  await refused(2, /must be a whole number, or auto/, ["embed", "--threads", "two", "문장"]);
  await refused(1, /threads = 1000: is beyond/, ["embed", "--threads", "1000", "문장"]);
  await refused(1, /backend = "gpu"/, ["embed", "--backend", "gpu", "문장"]);
  await refused(1, /truncateDim = 9999/, ["embed", "--truncate-dim", "9999", "문장"]);
});

test.each(["--verbose", "--debug"])("%s prints the stack", async (option) => {
  const { code, err } = await munjang(["embed", option, "--model", "no-such-model", "문장"]);
  expect(code).toBe(1);
  expect(err).toMatch(/ModelError: model = "no-such-model"[\s\S]*\n {4}at /);
});
