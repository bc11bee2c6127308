// What is read of files, and how it is cut.
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";
import { globs, walk } from "../../src/search/files.ts";
import { Binary, sectionsOf, Unreadable } from "../../src/search/sections.ts";
import { type Cut, chunksOf } from "../../src/search/sentences.ts";
import { asVector, termsOf } from "../../src/search/terms.ts";
import { folder } from "../run.ts";
import { pdf } from "./pdf.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
/** A token a word. */
const count = (text: string): number => text.split(/\s+/).filter(Boolean).length;
const cut = (limit: number, overlap = 0): Cut => ({ limit, overlap, count });
const texts = (text: string, how: Cut): string[] => chunksOf(text, how).map(({ start, end }) => text.slice(start, end));

test("chunks: whole sentences, as many as fit", () => {
  const text = "하나 둘 셋. 넷 다섯! 여섯 일곱 여덟? 아홉.";
  expect(texts(text, cut(5))).toEqual(["하나 둘 셋. 넷 다섯!", "여섯 일곱 여덟? 아홉."]);
  expect(texts(text, cut(3))).toEqual(["하나 둘 셋.", "넷 다섯!", "여섯 일곱 여덟?", "아홉."]);
  expect(texts(text, cut(100))).toEqual([text]);
  expect(texts(" \n\n \t\n", cut(5))).toEqual([]);
});

test("chunks: the last sentences stand at the beginning of the next chunk too, as far as the overlap reaches", () => {
  const text = "A a. B b. C c. D d. E e.";
  expect(texts(text, cut(4, 2))).toEqual(["A a. B b.", "B b. C c.", "C c. D d.", "D d. E e."]);
  expect(texts(text, cut(6, 3))).toEqual(["A a. B b. C c.", "C c. D d. E e."]);
  expect(texts(text, cut(4, 1))).toEqual(["A a. B b.", "C c. D d.", "E e."]); // no sentence is so short
  // The overlap makes room for what is new, and every chunk has something new.
  expect(texts("A a a a a. B. C c c c c.", cut(5, 4))).toEqual(["A a a a a.", "B.", "C c c c c."]);
});

test("chunks: a wrapped line ends no sentence, an empty one does, and what is too long is cut where it hurts least", () => {
  expect(texts("하나 둘\n셋 넷. 다섯", cut(4))).toEqual(["하나 둘\n셋 넷.", "다섯"]);
  expect(texts("하나 둘\r\n\r\n셋 넷", cut(3))).toEqual(["하나 둘", "셋 넷"]);
  expect(texts("하나 둘 셋\n넷 다섯 여섯", cut(3))).toEqual(["하나 둘 셋", "넷 다섯 여섯"]);
  expect(texts("하나 둘 셋 넷 다섯", cut(2))).toEqual(["하나 둘", "셋 넷", "다섯"]);
  const endless = "가".repeat(100);
  const pieces = texts(endless, { limit: 10, overlap: 0, count: (text) => text.length });
  expect(pieces.join("")).toBe(endless);
  expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThanOrEqual(10);
});

test("terms: words of Latin letters whole, Korean by pairs, where they stand", () => {
  const terms = (text: string): string[] => [...termsOf(text)].map(({ term }) => term);
  expect(terms("문장을 나눔")).toEqual(["문장", "장을", "나눔"]);
  expect(terms("나 a1 GPU를")).toEqual(["나", "a1", "gpu", "를"]);
  expect(terms("KOR한국어2024년")).toEqual(["kor", "한국", "국어", "2024", "년"]);
  expect(terms("日本語 カタカナ")).toEqual(["日本", "本語", "カタ", "タカ", "カナ"]);
  expect(terms("문장".normalize("NFD"))).toEqual(["문장"]);
  expect(terms("…!? \n")).toEqual([]);
  expect(terms("x".repeat(500))).toEqual([]);
  const text = "밤에 Go를";
  for (const { term, start, end } of termsOf(text)) expect(text.slice(start, end).toLowerCase()).toBe(term);
  expect(asVector("it's 문장 문장")).toBe("'it' 's' '문장'");
});

test("Markdown: a section a heading, without marks, every line where it was", async () => {
  const source = [
    "---",
    "title: 머리말",
    "---",
    "첫 문단 **굵게** `코드`",
    "이어서 [고리](http://example.org/x).",
    "",
    "# 제목",
    "",
    "- 하나",
    "- 둘",
    "",
    "```",
    "# 제목이 아니다",
    "```",
    "<div>",
    "",
    "아래 제목",
    "---",
    "> 인용",
    "",
    "| 가 | 나 |",
    "|---|---|",
    "| 다 | 라 |",
  ].join("\r\n");
  const sections = await sectionsOf(bytes(source), "markdown");
  expect(sections.map(({ line }) => line)).toEqual([1, 4, 7, 17]);
  expect(sections[0].text.trim()).toBe("머리말");
  expect(sections[1].text.trim()).toBe("첫 문단 굵게 코드\n이어서 고리.");
  expect(sections[2].text).not.toContain("div");
  const lines = source.split("\r\n");
  for (const word of ["머리말", "하나", "둘", "# 제목이 아니다", "인용", "다", "첫 문단", "이어서"]) {
    const section = sections.find(({ text }) => text.includes(word));
    const before = section?.text.slice(0, section.text.indexOf(word)).split("\n").length ?? 0;
    const line = (section?.line ?? 0) + before - 1;
    expect(lines[line - 1], word).toContain(word);
  }
});

test("Markdown: the text in HTML and in front matter, where it stands", async () => {
  const source = [
    "---",
    "# a comment",
    "title: '여행: 준비'",
    "layout: wide",
    "tags:",
    "  - 기차",
    "  - 바다",
    "author:",
    "  - 아무개",
    "description: >",
    "  어디로 갈까",
    "---",
    '<div class="a > b">',
    "<p>첫 <b>문</b>단</p><p>다음</p>",
    "<!-- 숨은",
    "말 --><style>p { color: red }</style>",
    "</div>",
    "",
    "<script>",
    "",
    "let x = 1;",
    "</script>",
    "<details><summary",
    '  id="s">요약</summary>',
    "",
    "펼친 **내용**, 한<br>줄<!-- x --> 끝",
    "",
    "</details>",
  ].join("\n");
  const sections = await sectionsOf(bytes(source), "markdown");
  const placed = sections.flatMap(({ text, line }) => {
    return text.split("\n").map((words, i) => `${(line ?? 0) + i} ${words.trim().replace(/ +/g, " ")}`);
  });
  expect(placed.filter((words) => /\D$/.test(words.trim()))).toEqual([
    ...["3 여행: 준비", "6 기차", "7 바다", "11 어디로 갈까"],
    ...["14 첫 문단 다음", "24 요약", "26 펼친 내용, 한 줄 끝"],
  ]);
  const tags = await sectionsOf(bytes("---\ntags: [가, 나]\n---\n"), "markdown");
  expect(tags.map(({ text }) => text.trim())).toEqual(["가, 나"]);
  // Two lines of dashes make no front matter of what stands between them.
  const ruled = await sectionsOf(bytes("---\n그냥 글\n\n---\n뒤\n"), "markdown");
  expect(ruled.map(({ text }) => text).join("")).toMatch(/그냥 글\s+뒤/);
});

test("CSV, TSV and JSON lines: a section a record, with its line and its fields", async () => {
  const csv = '\ufeffid,text\r\n1,"첫, ""줄""\r\n둘째 줄"\r\n2,\r\n3,셋\r\n';
  expect(await sectionsOf(bytes(csv), "csv")).toEqual([
    { text: '첫, "줄"\n둘째 줄', line: 2, fields: { id: "1", text: '첫, "줄"\n둘째 줄' } },
    { text: "셋", line: 5, fields: { id: "3", text: "셋" } },
  ]);
  const gaps = '\n\ntext,note\n\n\n첫째,"가\n나"\n\n둘째,"다\n\n라"\n셋째,마';
  for (const text of [gaps, gaps.replaceAll("\n", "\r\n")]) {
    expect((await sectionsOf(bytes(text), "csv")).map(({ text, line }) => [text, line])).toEqual([
      ["첫째", 6],
      ["둘째", 9],
      ["셋째", 12],
    ]);
  }
  const gapsOfTabs = await sectionsOf(bytes("text\n\n하나\n\n\n둘\n"), "tsv");
  expect(gapsOfTabs.map(({ line }) => line)).toEqual([3, 6]);
  const tsv = 'q\ta\n"따옴표\t답\n';
  expect(await sectionsOf(bytes(tsv), "tsv")).toEqual([
    { text: '"따옴표\n\n답', line: 2, fields: { q: '"따옴표', a: "답" } },
  ]);
  expect((await sectionsOf(bytes(tsv), "tsv", { columns: ["a"] })).map(({ text }) => text)).toEqual(["답"]);
  const jsonl = '{"text":"하나","n":1}\n\n"둘"\n{"title":"셋","n":"4.5"}\n';
  expect(await sectionsOf(bytes(jsonl), "jsonl")).toEqual([
    { text: "하나", line: 1, fields: { text: "하나", n: 1 } },
    { text: "둘", line: 3 },
    { text: "셋", line: 4, fields: { title: "셋", n: "4.5" } },
  ]);
});

test("PDF: a section a page", async () => {
  const sections = await sectionsOf(pdf(["첫 쪽의 글입니다.", "", "Third page."]), "pdf");
  expect(sections).toEqual([
    { text: "첫 쪽의 글입니다.", page: 1 },
    { text: "Third page.", page: 3 },
  ]);
});

test("what cannot be read is told, with the place", async () => {
  const refused = async (
    source: Uint8Array,
    kind: "text" | "csv" | "jsonl" | "pdf",
    message: RegExp,
    columns?: string[],
  ) => {
    const error = await sectionsOf(source, kind, { columns }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(Unreadable);
    expect((error as Error).message).toMatch(message);
  };
  const cp949 = Uint8Array.from([...bytes("한 줄\n둘째 \ufffd"), 0xb9, 0xae, 10]);
  await refused(cp949, "text", /^is not UTF-8: byte 0xb9 at 18, in line 2; .*iconv/);
  await refused(Uint8Array.from([0x61, 0xed, 0x95]), "text", /byte 0xed at 1, in line 1/); // a letter cut in two
  await refused(Uint8Array.from([0xff, 0xfe, 0x61, 0]), "text", /^is UTF-16/);
  await refused(bytes("a,b\n1\n"), "csv", /^cannot be read as a table: .*line 2/);
  await refused(bytes('a,b\n"1,2\n'), "csv", /^cannot be read as a table: .*[Qq]uote/);
  await refused(bytes("a,a\n1,2\n"), "csv", /^has two columns named "a"/);
  await refused(bytes("a,b\n1,x\n"), "csv", /^line 2 has no column "c" \(it has: a, b\)/, ["c"]);
  await refused(bytes('{"a":1}\n{'), "jsonl", /^line 2 is not JSON/);
  await refused(bytes("[1]"), "jsonl", /^line 1 must be an object or a string/);
  await refused(bytes("%PDF-1.4 and nothing else"), "pdf", /^cannot be read as a PDF/);
  await expect(sectionsOf(Uint8Array.from([97, 0, 98]), "text")).rejects.toBeInstanceOf(Binary);
  await expect(sectionsOf(Uint8Array.from([0x89, 0x50, 0x1a, 1, 0xff]), "text")).rejects.toBeInstanceOf(Binary);
});

test("folders: what is hidden or ignored is left out, other kinds are counted, links are not followed", async () => {
  const root = join(folder, "walked");
  const put = (path: string, text = "글"): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  mkdirSync(join(root, ".git"), { recursive: true });
  put(".gitignore", "*.tmp.txt\n/build/\nnotes/draft*\n");
  put("notes/.gitignore", "!draft-kept.md\nsecret.txt\n");
  for (const path of ["a.txt", "x.tmp.txt", ".hidden.txt", ".git/info.txt", "build/b.txt", "sub/build/c.txt"])
    put(path);
  for (const path of ["notes/draft.md", "notes/draft-kept.md", "notes/secret.txt", "notes/n.md"]) put(path);
  for (const path of ["node_modules/m/readme.md", "pic.png", "run.log", "data/t.csv", "data/u.tsv", "data/v.jsonl"])
    put(path);
  symlinkSync(root, join(root, "notes/circle"));
  const found = async (paths: string[], options = {}) => {
    const { files, passedOver } = await walk(paths, options);
    return { files: files.map(({ path }) => relative(root, path)), others: Object.fromEntries(passedOver.otherKinds) };
  };
  const all = [
    "a.txt",
    "data/t.csv",
    "data/u.tsv",
    "data/v.jsonl",
    "notes/draft-kept.md",
    "notes/n.md",
    "sub/build/c.txt",
  ];
  expect(await found([root])).toEqual({ files: all, others: { ".png": 1, ".log": 1 } });
  expect(await found([root], { include: ["*.log"] })).toEqual({
    files: [...all, "run.log"].sort(),
    others: { ".png": 1 },
  });
  expect((await found([root], { exclude: ["data", "notes/n.*"] })).files).toEqual([
    "a.txt",
    "notes/draft-kept.md",
    "sub/build/c.txt",
  ]);
  // The rules of the folders above hold too, and a file that is named is wanted.
  expect((await found([join(root, "notes")])).files).toEqual(["notes/draft-kept.md", "notes/n.md"]);
  expect((await found([join(root, "pic.png"), join(root, "notes/secret.txt")])).files).toEqual([
    "notes/secret.txt",
    "pic.png",
  ]);
  await expect(walk([join(root, "nowhere")])).rejects.toThrow(
    /^cannot read .*nowhere: there is no such file or folder/,
  );
});

test("folders: rules hold for names whose letters are taken apart, as macOS has them", async () => {
  const root = join(folder, "apart");
  mkdirSync(join(root, ".git"), { recursive: true });
  writeFileSync(join(root, ".gitignore"), "비밀*\n");
  for (const name of ["여행.txt", "비밀.txt", "기록.log", "남김.txt"])
    writeFileSync(join(root, name.normalize("NFD")), "글");
  const { files } = await walk([root], { exclude: ["여행*"], include: ["기록*"] });
  expect(files.map(({ path }) => relative(root, path).normalize("NFC")).sort()).toEqual(["기록.log", "남김.txt"]);
});

test("globs: a name alone is meant in every folder", () => {
  const matches = (glob: string, path: string): boolean => globs([glob])(path);
  expect(matches("*.md", "a/b/c.md")).toBe(true);
  expect(matches("a/*.md", "a/b/c.md")).toBe(false);
  expect(matches("a/**", "a/b/c.md")).toBe(true);
  expect(matches("a", "a/b/c.md")).toBe(true);
  expect(matches("./a/", "a/b/c.md")).toBe(true);
  expect(matches("b.{txt,md}", "b.txt")).toBe(true);
  for (const form of ["NFC", "NFD"]) {
    const [glob, path] = ["여행*", "n/여행 준비.md"];
    expect(matches(glob.normalize(form), path.normalize(form === "NFC" ? "NFD" : "NFC"))).toBe(true);
  }
});
