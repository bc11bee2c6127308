// Paths that are no more, and an index whose making was stopped.
import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { openEmbedded } from "../../src/search/embedded.ts";
import { file, folder, munjang, refused } from "../run.ts";
import { contentOfFolder } from "./dump.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 }); // every database is made by a PostgreSQL of its own, two seconds where nothing else runs

const small = ["--threads", "0"];
const filesIn = async (index: string): Promise<unknown[]> =>
  (await contentOfFolder(join(folder, index))).files.map((row) => (row as { path: string }).path);

test("a folder or a file that is no more is taken out, and that is said", async () => {
  for (const name of ["n/deep", "nn"]) mkdirSync(join(folder, name), { recursive: true });
  file("n/a.txt", "하나.");
  file("n/deep/b.txt", "둘.");
  file("nn/c.txt", "셋.");
  file("one.txt", "넷.");
  await munjang(["index", "n", "nn", "one.txt", "-d", "x", ...small]);
  expect(await filesIn("x")).toEqual(["n/a.txt", "n/deep/b.txt", "nn/c.txt", "one.txt"]);

  // A mistake among them: nothing happens at all.
  renameSync(join(folder, "n"), join(folder, "m"));
  const told = (path: string): RegExp =>
    new RegExp(`^munjang: cannot read ${path}: there is no such file or folder\n$`);
  await refused(1, told("typo"), ["index", "n", "typo", "-d", "x", ...small]);
  await refused(1, told("n"), ["index", "n", "-d", "x", "--reindex", ...small]); // nothing could be in it then
  await refused(1, told("n"), ["index", "n", "-d", "new", ...small]);
  expect(readdirSync(folder)).not.toContain("new");
  await refused(1, told("n"), ["index", "n", "-d", "x", "--schema", "another", ...small]);
  expect(await filesIn("x")).toHaveLength(4);

  const moved = await munjang(["index", "n", "m", "-d", "x", ...small]);
  expect(moved).toEqual({
    code: 0,
    out: "files: 2 added, 2 removed; 4 chunks in x, 2 of them embedded now\n",
    err: "munjang: n is no more; 2 files taken out of the index\n",
  });
  rmSync(join(folder, "one.txt"));
  rmSync(join(folder, "nn"), { recursive: true });
  file("nn", "now a file"); // nn/c.txt is no more either
  const both = await munjang(["index", "one.txt", "nn/c.txt", "-d", "x", "--json", ...small]);
  expect(JSON.parse(both.out)).toMatchObject({
    ...{ removed: 2, chunks: 2 },
    vanished: [
      { path: "one.txt", files: 1 },
      { path: "nn/c.txt", files: 1 },
    ],
  });
  expect(both.err.split("\n")).toContain("munjang: one.txt is no more; 1 file taken out of the index");
  expect(await filesIn("x")).toEqual(["m/a.txt", "m/deep/b.txt"]);
});

test("an index whose making was stopped: what is there is found by words too, and that more may come is said", async () => {
  file("trip.txt", "밤 기차를 타고 부산에 갔다.");
  await munjang(["index", "trip.txt", "-d", "stopped", ...small]);
  const search = () => munjang(["search", "기차", "--by", "words", "-d", "stopped"]);
  const complete = await search();
  expect(complete).toMatchObject({ code: 0, err: "", out: expect.stringMatching(/^1 {2}trip\.txt:1\n/) });
  const database = await openEmbedded(join(folder, "stopped"), "test", false);
  await database.run("UPDATE munjang.about SET settled = false; DELETE FROM munjang.frequencies"); // as a first one that is killed leaves it
  await database.close();
  expect(await search()).toEqual({
    ...complete,
    err: "munjang: the index is not complete: munjang index is still at work, or was stopped and is to be run again\n",
  });
  await munjang(["index", "trip.txt", "-d", "stopped", ...small]);
  expect(await search()).toEqual(complete);
});

test("an overlap of 0 is one, a negative one is not", async () => {
  await refused(2, /'-1' is invalid.*a whole number from 0 up/, ["index", "--overlap=-1"]);
  expect((await munjang(["index", "trip.txt", "-d", "stopped", "--overlap", "0", ...small])).code).toBe(0);
});
