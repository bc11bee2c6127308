// What is not the index's own stays as it is; what cannot be read stays in the index; and a chunk has as many tokens as it may.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SentenceTransformer } from "munjang";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { modelOf } from "../../src/model.ts";
import { index, openIndex } from "../../src/search/index.ts";
import { file, folder, munjang, refused } from "../run.ts";
import { contentOfFolder } from "./dump.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 }); // every database is made by a PostgreSQL of its own, two seconds where nothing else runs

/** A folder that nobody may read, not even root, to whom nothing is forbidden. */
const unreadable = vi.hoisted(() => ({ folder: "" }));
vi.mock("../../src/search/files.ts", async (original) => {
  const real = await original<typeof import("../../src/search/files.ts")>();
  const walk: typeof real.walk = async (paths, options) => {
    const { files, passedOver } = await real.walk(paths, options);
    if (unreadable.folder === "") return { files, passedOver };
    passedOver.unreadable.push({ path: unreadable.folder, why: "permission denied" });
    return { files: files.filter(({ path }) => !path.startsWith(unreadable.folder)), passedOver };
  };
  return { ...real, walk };
});

let model: SentenceTransformer;
beforeAll(async () => {
  model = await SentenceTransformer.load(modelOf("munjang-mini-ko"), { threads: 0 });
});
afterAll(() => model.dispose());

const namesIn = async (database: string): Promise<string[]> =>
  (await contentOfFolder(database)).files.map((row) => (row as { path: string }).path.replace(/^.*\//, ""));

test("a folder with files of its own is refused, and nothing in it is touched", async () => {
  file("a.txt", "하나.");
  const has = (name: string, files: Record<string, string>): string => {
    mkdirSync(join(folder, name, "database"), { recursive: true });
    rmSync(join(folder, name, "database"), { recursive: true });
    for (const [path, content] of Object.entries(files)) writeFileSync(join(folder, name, path), content);
    return name;
  };
  const own = { ".gitignore": "node_modules\n.env\n" };
  const told = (name: string, path: string) =>
    new RegExp(`^munjang: cannot make an index in ${name}: ${name}/${path} is not of an index; name an empty folder`);
  await refused(1, told("mine", ".gitignore"), ["index", "a.txt", "-d", has("mine", own)]);
  expect(readFileSync(join(folder, "mine/.gitignore"), "utf8")).toBe(own[".gitignore"]);
  expect(readdirSync(join(folder, "mine"))).toEqual([".gitignore"]);
  await refused(1, told("notes", "notes.txt"), [
    "index",
    "a.txt",
    "-d",
    has("notes", { "notes.txt": "", lock: "mine" }),
  ]);
  expect(readFileSync(join(folder, "notes/lock"), "utf8")).toBe("mine");

  mkdirSync(join(folder, "data/database"), { recursive: true });
  writeFileSync(join(folder, "data/database/rows"), "mine");
  await refused(1, told("data", "database"), ["index", "a.txt", "-d", "data"]);
  expect(readdirSync(join(folder, "data/database"))).toEqual(["rows"]);

  mkdirSync(join(folder, "empty"));
  expect((await munjang(["index", "a.txt", "-d", "empty"])).code).toBe(0);
});

test("a folder that cannot be read: the index keeps what it has of it", async () => {
  for (const name of ["u/deep", "u/other"]) mkdirSync(join(folder, name), { recursive: true });
  file("u/a.txt", "하나.");
  file("u/deep/b.txt", "둘.");
  file("u/other/c.txt", "셋.");
  const database = join(folder, "unread");
  await index(model, [join(folder, "u")], { database });
  rmSync(join(folder, "u/other"), { recursive: true }); // this one is gone indeed
  unreadable.folder = join(folder, "u/deep");
  const report = await index(model, [join(folder, "u")], { database }).finally(() => (unreadable.folder = ""));
  expect(report).toMatchObject({ removed: 1, unchanged: 1, added: 0 });
  expect((await namesIn(database)).sort()).toEqual(["a.txt", "b.txt"]);
});

test("chunks are filled up to the tokens that they may have, a prompt for documents aside", async () => {
  const sentence = "오늘은 날씨가 좋다. ";
  const each = model.tokenizer.encode(sentence, { addSpecialTokens: false }).ids.length;
  file("long.txt", sentence.repeat(200));
  const sizes = async (with_: SentenceTransformer, database: string, chunkTokens?: number): Promise<number[]> => {
    await index(with_, [join(folder, "long.txt")], { database: join(folder, database), chunkTokens, overlap: 0 });
    const searcher = await openIndex(undefined, { database: join(folder, database) });
    const hits = await searcher.search("날씨", { by: "words", limit: 1000 });
    await searcher.close();
    return hits.map(({ text }) => with_.tokenizer.encode(text, { addSpecialTokens: false }).ids.length);
  };
  const plain = await sizes(model, "full", 100);
  expect(Math.max(...plain)).toBeLessThanOrEqual(100);
  expect(Math.max(...plain)).toBeGreaterThan(100 - each);

  const prompt = "이 글은 검색에 쓰일 문서입니다. ".repeat(3);
  const prompted = await SentenceTransformer.load(modelOf("munjang-mini-ko"), {
    threads: 0,
    prompts: { document: prompt },
  });
  const room = model.maxSeqLength - 2 - model.tokenizer.encode(prompt, { addSpecialTokens: false }).ids.length;
  const beside = await sizes(prompted, "prompted", 1000);
  await prompted.dispose();
  expect(Math.max(...beside)).toBeLessThanOrEqual(room); // or the model would not read their ends
  expect(Math.max(...beside)).toBeGreaterThan(room - each);
});
