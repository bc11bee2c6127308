// `munjang index` and `munjang search`, in a folder: the commands once each way, the rest through the module they are made of.
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { SentenceTransformer } from "munjang";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { modelOf } from "../../src/model.ts";
import {
  type Condition,
  type Hit,
  type IndexOptions,
  index,
  openIndex,
  type SearchOptions,
} from "../../src/search/index.ts";
import { folder, munjang, refused } from "../run.ts";
import { contentOfFolder } from "./dump.ts";
import { pdf } from "./pdf.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 }); // every database is made by a PostgreSQL of its own, two seconds where nothing else runs

const tiny = fileURLToPath(new URL("../../../../test/golden/models/plain", import.meta.url));

const put = (path: string, content: string | Uint8Array): string => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
  return path;
};
const modelName = "munjang-mini-ko";
let model: SentenceTransformer;
beforeAll(async () => {
  process.chdir(folder); // files are named from there
  model = await SentenceTransformer.load(modelOf(modelName), { threads: 0 });
});
afterAll(() => model.dispose());

const indexed = (paths: string[], database: string, options: Partial<IndexOptions> = {}) =>
  index(model, paths, { database, modelName, ...options });
/** Searches one after the other in an index opened once. */
const inside = async <T>(
  database: string,
  work: (search: (query: string, options?: SearchOptions) => Promise<Hit[]>) => Promise<T>,
) => {
  const opened = await openIndex(model, { database, modelName });
  try {
    return await work((query, options) => opened.search(query, options));
  } finally {
    await opened.close();
  }
};

beforeAll(() => {
  put("notes/travel.md", "# 여행\n\n제주도에 갈 때 준비물을 챙긴다.\n\n## 기차\n\n밤 기차를 타고 부산에 갔다.\n");
  put("notes/deep/cook.txt", "된장찌개에는 두부와 애호박을 넣는다.\n\n김치는 김장철에 담근다.\n");
  put("notes/paper.pdf", pdf(["문장을 벡터로 바꾼다.", "고양이가 창가에서 잔다."]));
  put("notes/picture.txt", Uint8Array.from([0, 1, 2, 3]));
  put("notes/movie.mkv", "x");
  put(
    "faq.csv",
    'topic,text,votes\n결제,"환불이 되나요, 언제까지",12\n배송,언제 도착하나요,3\n결제,카드로 낼 수 있나요,많음\n',
  );
  put("log.jsonl", '{"text":"서버가 멈췄다","level":3}\n{"text":"서버를 다시 켰다","level":1}\n');
});

test("index, then search: by meaning and by words, with file, line and marks", async () => {
  const made = await munjang(["index", "--json", "notes", "faq.csv", "log.jsonl", "-d", "first"]);
  expect(made).toMatchObject({ code: 0, err: "" });
  const report = JSON.parse(made.out);
  expect(report).toMatchObject({ files: 6, added: 5, changed: 0, removed: 0, chunks: 10, embedded: 10, binary: 1 });
  expect(report).toMatchObject({ failed: [], otherKinds: { ".mkv": 1 }, vectors: "vector", hnsw: false });
  expect(readFileSync(join(folder, "first/.gitignore"), "utf8")).toBe("*\n");

  const found = await munjang(["search", "--json", "부산", "가는", "기차", "-d", "first"]);
  expect(found).toMatchObject({ code: 0, err: "" });
  const [hit, ...others] = JSON.parse(found.out).hits as Hit[];
  expect(hit).toMatchObject({ file: "notes/travel.md", line: 5, ranks: { words: 1 } });
  expect(hit.marks.map(([start, end]) => hit.text.slice(start, end))).toEqual(["기차", "기차", "부산"]);
  expect(others).toHaveLength(9); // ten, as nobody asked for another number
  for (const { similarity } of [hit, ...others]) expect(Math.abs(similarity ?? 2)).toBeLessThanOrEqual(1);

  await inside("first", async (search) => {
    expect(await search("부산 가는 기차")).toEqual([hit, ...others]);
    expect((await search("고양이", { limit: 1 }))[0]).toMatchObject({ file: "notes/paper.pdf", page: 2 });
    const alone = await search("부산 가는 기차", { by: "vectors" });
    expect(alone.map(({ ranks }) => ranks)).toEqual(alone.map((_, i) => ({ vector: i + 1 })));
    const nearness = alone.map(({ similarity }) => similarity ?? 0);
    expect(nearness).toEqual([...nearness].sort((a, b) => b - a));
    const words = await search("기차를", { by: "words" });
    expect(words.map(({ file, ranks }) => ({ file, ranks }))).toEqual([
      { file: "notes/travel.md", ranks: { words: 1 } },
    ]);
    expect(words[0].similarity).toBeUndefined();
  });
});

test("the commands print for people", async () => {
  const env = { COLUMNS: "60" };
  const again = await munjang(["index", "notes", "faq.csv", "log.jsonl", "-d", "first"]);
  expect(again).toEqual({
    code: 0,
    out: "files: 5 as before; 10 chunks in first, 0 of them embedded now\npassed over 1 binary file and 1 file of other kinds (1 .mkv; see --include)\n",
    err: "",
  });
  const plain = await munjang(["search", "기차", "-d", "first", "-n", "2"], "", env);
  expect(plain.out).toMatch(
    /^1 {2}notes\/travel\.md:5 {2}0\.\d{4}\n {3}기차 밤 기차를 타고 부산에 갔다\.\n\n2 {2}\S.* {2}0\.\d{4}\n {3}/,
  );
  const colours = await munjang(["search", "기차", "-d", "first", "-n", "1"], "", { ...env, FORCE_COLOR: "1" });
  expect(colours.out).toContain("\u001b[1;33m기차\u001b[0m를 타고");
  const none = await munjang(["search", "zzzz", "--by", "words", "-d", "first"]);
  expect(none).toEqual({ code: 0, out: "", err: "munjang: nothing found\n" });
  const records = await munjang(["search", "언제", "-d", "first", "-p", "*.csv", "-w", "topic=결제", "-w", "votes>10"]);
  expect(records.out).toMatch(/^1 {2}faq\.csv:2 {2}0\.\d{4}\n {3}환불이 되나요, 언제까지\n$/);
});

test("only in some files, only some records", async () => {
  await inside("first", async (search) => {
    const places = async (options: SearchOptions) => {
      const hits = await search("언제", options);
      return hits.map(({ file, line }) => (file.startsWith("notes") ? file : `${file}:${line}`)).sort();
    };
    expect(new Set(await places({ paths: ["notes/**"] }))).toEqual(
      new Set(["notes/travel.md", "notes/deep/cook.txt", "notes/paper.pdf"]),
    );
    expect(await places({ paths: ["*.jsonl", "faq.*"] })).toEqual([
      "faq.csv:2",
      "faq.csv:3",
      "faq.csv:4",
      "log.jsonl:1",
      "log.jsonl:2",
    ]);
    expect(await places({ paths: ["nowhere/**"] })).toEqual([]);
    const where = (...conditions: [string, Condition["operator"], string][]) =>
      places({ where: conditions.map(([column, operator, value]) => ({ column, operator, value })) });
    expect(await where(["topic", "=", "결제"])).toEqual(["faq.csv:2", "faq.csv:4"]);
    expect(await where(["topic", "=", "결제"], ["votes", ">", "10"])).toEqual(["faq.csv:2"]);
    expect(await where(["topic", "=", "결제".normalize("NFD")])).toEqual(["faq.csv:2", "faq.csv:4"]);
    expect(await where(["topic", "!=", "결제"])).toEqual(["faq.csv:3"]);
    expect(await where(["votes", "<=", "3"])).toEqual(["faq.csv:3"]); // "많음" is no number
    expect(await where(["level", ">=", "3"])).toEqual(["log.jsonl:1"]);
    expect(await where(["level", "=", "1"])).toEqual(["log.jsonl:2"]);
    expect(await where([`no such "column'`, ">", "1"])).toEqual([]);
    expect(await where(["topic", "=", "'; DROP SCHEMA munjang CASCADE; --"])).toEqual([]);
    expect(await search(`'; DROP SCHEMA munjang CASCADE; -- \\' 언제`, { by: "words" })).toHaveLength(2);
  });
  await refused(2, /compares numbers/, ["search", "x", "--where", "votes>many"]);
  await refused(2, /it must be like column=value/, ["search", "x", "--where", "votes"]);
});

test("index again: only what is new is embedded, what is gone is taken out", async () => {
  const rows = (from: number, to: number): string =>
    Array.from({ length: to - from }, (_, i) => JSON.stringify({ text: `${from + i}번째 줄입니다` })).join("\n");
  put("again/many.jsonl", rows(0, 400));
  put("again/a.txt", "하나. 둘.");
  put("again/b.txt", "셋.");
  put("elsewhere/c.txt", "넷.");
  const counts = async (paths: string[], options: Partial<IndexOptions> = {}) => {
    const { added, changed, unchanged, removed, chunks, embedded } = await indexed(paths, "again.index", options);
    return { added, changed, unchanged, removed, chunks, embedded };
  };
  const none = { added: 0, changed: 0, unchanged: 0, removed: 0, embedded: 0 };
  expect(await counts(["again", "elsewhere"])).toEqual({ ...none, added: 4, chunks: 403, embedded: 403 });
  expect(await counts(["again"])).toEqual({ ...none, unchanged: 3, chunks: 403 });
  // A row before all others: they stand elsewhere now, and none of them is embedded again.
  put("again/many.jsonl", `{"text":"새 줄입니다"}\n${rows(0, 390)}\n`);
  put("again/a.txt", "하나. 다섯.");
  rmSync(join(folder, "again/b.txt"));
  put("again/bin.txt", "글");
  expect(await counts(["again"])).toEqual({ ...none, added: 1, changed: 2, removed: 1, chunks: 394, embedded: 3 });
  put("again/bin.txt", Uint8Array.from([0]));
  expect(await counts(["again"])).toEqual({ ...none, unchanged: 2, chunks: 393 });
  // Other sizes of chunks are another way to cut; texts that come out the same are known.
  expect(await counts(["again"], { chunkTokens: 64 })).toEqual({ ...none, changed: 2, chunks: 393 });
  await indexed(["again", "elsewhere"], "again.index");
  await indexed(["again", "elsewhere"], "anew.index");
  expect(await contentOfFolder("again.index")).toEqual(await contentOfFolder("anew.index"));
  // Under other files there is nothing to take out.
  expect(await counts(["elsewhere"])).toMatchObject({ removed: 0, unchanged: 1 });
});

test("records with what no database holds", async () => {
  put(
    "odd.jsonl",
    `${String.raw`{"text":"널\u0000 반쪽\ud83d 글","k\u0000":["\u0000","\\u0000",{"x":null}]}`}\n{"text":"🎈 풍선"}\n`,
  );
  expect(await indexed(["odd.jsonl"], "home/index")).toMatchObject({ chunks: 2, failed: [] });
  const [hit] = await inside("home/index", (search) => search("반쪽 글", { limit: 1 }));
  expect(hit.text).toBe("널 반쪽\ufffd 글");
  expect(hit.fields).toEqual({ text: hit.text, k: ["", "\\u0000", { x: null }] });
});

test("an index moves with its files", async () => {
  put("home/notes/a.txt", "움직이는 글.");
  await indexed(["home/notes"], "home/index", { reindex: true });
  renameSync("home", "moved");
  expect((await inside("moved/index", (search) => search("글")))[0].file).toBe("moved/notes/a.txt");
  expect(await indexed(["moved/notes"], "moved/index")).toMatchObject({ unchanged: 1, removed: 0, embedded: 0 });
});

test("files that cannot be read are told; all others are indexed, and what was known of them stays", async () => {
  put("mixed/good.txt", "좋은 글.");
  put("mixed/bad.csv", "a,b\n1,둘\n");
  expect(await indexed(["mixed"], "mixed.index")).toMatchObject({ added: 2, failed: [] });
  put("mixed/bad.csv", "a,b\n1\n");
  put("mixed/cp949.txt", Uint8Array.from([0xb9, 0xae, 0xc0, 0xe5]));
  const { code, out, err } = await munjang(["index", "mixed", "-d", "mixed.index"]);
  expect({ code, out }).toEqual({
    code: 1,
    out: "files: 1 as before; 2 chunks in mixed.index, 0 of them embedded now\n",
  });
  expect(err.split("\n")).toEqual([
    expect.stringMatching(/^munjang: mixed\/bad\.csv cannot be read as a table: .*line 2$/),
    expect.stringMatching(/^munjang: mixed\/cp949\.txt is not UTF-8: byte 0xb9 at 0, in line 1; .*iconv/),
    "munjang: 2 files could not be read; everything else is indexed",
    "",
  ]);
  await refused(1, /cannot read nowhere: there is no such file/, ["index", "nowhere", "-d", "x.index"]);
  expect(readdirSync(folder)).not.toContain("x.index");
});

test("vectors of another model, or kept in another way, are refused", async () => {
  await indexed(["notes"], "model.index");
  const told =
    /made by another model \(munjang-mini-ko\) and cannot be compared: .*dimension is 256 there, \d+ here.*--reindex\n/;
  await refused(1, told, ["search", "글", "-d", "model.index", "--model", tiny]);
  await refused(1, told, ["index", "notes", "-d", "model.index", "--model", tiny]);
  const js = await SentenceTransformer.load(modelOf(modelName), { backend: "js" });
  await expect(openIndex(js, { database: "model.index" })).rejects.toThrow(
    /by the same model in another way .*: backend is wasm there, js here\./,
  );
  await js.dispose();
  await expect(indexed(["notes"], "model.index", { vectors: "halfvec" })).rejects.toThrow(
    /keeps vectors as vector, not halfvec/,
  );
  expect((await inside("model.index", (search) => search("기차", { limit: 1 })))[0].file).toBe("notes/travel.md");
  // Words need no model, and --reindex takes another one.
  const words = await munjang(["search", "기차", "-d", "model.index", "--by", "words", "--model", "nowhere"]);
  expect(words).toMatchObject({ code: 0, out: expect.stringMatching(/^1 {2}notes\/travel\.md:5\n/) });
  const other = await munjang(["index", "notes", "-d", "model.index", "--model", tiny, "--reindex", "--json"]);
  expect(JSON.parse(other.out)).toMatchObject({ added: 3, changed: 0 });
  expect(JSON.parse(other.out).identity.dimension).not.toBe(256);
});

test("a graph, float16 and signs find what comparing all vectors finds", async () => {
  const lines = Array.from({ length: 400 }, (_, i) => {
    const [who, what] = [["고양이", "기차", "두부", "서버", "우산"][i % 5], ["간다", "온다", "멈춘다"][i % 3]];
    return JSON.stringify({ text: `${who} ${i}번이 ${what}`, n: i });
  });
  put("kinds.jsonl", lines.join("\n"));
  const query = "서버가 멈춘다";
  const texts = (hits: Hit[]): string[] => hits.map(({ text }) => text);
  await indexed(["kinds.jsonl"], "kinds.index");
  const exact = texts(await inside("kinds.index", (search) => search(query, { by: "vectors" })));
  for (const vectors of ["vector", "halfvec", "bit"] as const) {
    const { settings } = await indexed(["kinds.jsonl"], "kinds.index", {
      vectors,
      hnsw: true,
      reindex: vectors !== "vector",
    });
    expect(settings).toMatchObject({ vectors, hnsw: true });
    await inside("kinds.index", async (search) => {
      for (const how of [{}, { exact: true }]) {
        const found = texts(await search(query, { by: "vectors", ...how }));
        expect(found.filter((text) => exact.includes(text)).length, `${vectors} ${how}`).toBeGreaterThanOrEqual(9);
      }
      // A filter that leaves few: the walk through the graph goes on until there are enough.
      const few = await search(query, { by: "vectors", where: [{ column: "n", operator: ">=", value: "395" }] });
      expect(few.map(({ fields }) => fields?.n).sort()).toEqual([395, 396, 397, 398, 399]);
    });
  }
  // Without the graph; vectors stay.
  expect(await indexed(["kinds.jsonl"], "kinds.index", { hnsw: false })).toMatchObject({
    embedded: 0,
    settings: { hnsw: false },
  });
});

test("what is no index, and what no longer is one", async () => {
  await refused(1, /there is no index in nope: make one first with munjang index/, ["search", "x", "-d", "nope"]);
  put("file.index", "x");
  await expect(indexed(["notes"], "file.index")).rejects.toThrow(/cannot use file\.index: it is a file/);
  await refused(2, /the query is empty/, ["search", " "]);
  await refused(2, /missing required argument 'query'/, ["search"]);
  await expect(indexed(["notes"], "x", { chunkTokens: 20, overlap: 30 })).rejects.toThrow(
    /overlap = 30: must be smaller than a chunk, of 20 tokens/,
  );
  cpSync("first", "broken.index", { recursive: true });
  rmSync("broken.index/database/global/pg_control");
  await refused(1, /broken\.index: the database stopped: /, ["search", "x", "-d", "broken.index"]);
});
