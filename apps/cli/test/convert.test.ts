import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { tinyFiles } from "../../../test/tiny.ts";
import { folder, munjang, refused } from "./run.ts";

const model = join(folder, "model");
beforeAll(() => {
  for (const [path, bytes] of Object.entries(tinyFiles())) {
    mkdirSync(join(model, path, ".."), { recursive: true });
    writeFileSync(join(model, path), bytes);
  }
});

test("convert: a folder of its own, complete, whose vectors are near the old ones", async () => {
  const result = await munjang(["convert", "model", "small"]);
  expect(result).toMatchObject({ code: 0, out: `${join(folder, "small")}\n` });
  expect(result.err).toMatch(
    /^munjang: \d+ files, [\d.]+ kB; cosines with the old vectors of 27 calibration texts: 0\.99\d{3} on average, 0\.9\d+ at least\n$/,
  );
  const [before, after] = ["model", "small"].map(
    (name) => readFileSync(join(folder, name, "model.safetensors")).length,
  );
  expect(after).toBeLessThan(0.6 * before); // the tiny model has hardly more than scales
  const similar = (name: string, ...more: string[]) =>
    munjang(["similarity", "--model", name, ...more, "가나", "다라"]);
  const [old, int8, twelve] = [
    await similar("model"),
    await similar("small"),
    await similar("small", "--dtype", "int8-12"),
  ];
  for (const { code, out } of [int8, twelve]) {
    expect(code).toBe(0);
    expect(
      Math.abs(Number(/[\d.]+$/m.exec(out.trim())?.[0]) - Number(/[\d.]+$/m.exec(old.out.trim())?.[0])),
    ).toBeLessThan(0.05);
  }
  // Quantised as it is loaded: the very same.
  expect((await similar("model", "--dtype", "int8")).out).toBe(int8.out);
});

test("convert: shards, float16, JSON", async () => {
  const result = await munjang([
    "convert",
    "model",
    "deep/in/parts",
    "--dtype",
    "float16",
    "--max-shard-size",
    "5kB",
    "--json",
  ]);
  expect(result.code).toBe(0);
  const told = JSON.parse(result.out);
  expect(told).toMatchObject({ folder: join(folder, "deep/in/parts"), dtype: "float16", maxShardSize: 5000 });
  expect(told.files.map(({ file }: { file: string }) => file).sort()).toEqual(
    readdirSync(told.folder, { recursive: true, encoding: "utf8" })
      .filter((path) => /\.\w+$/.test(path))
      .sort(),
  );
  expect(told.files.length).toBeGreaterThan(8);
  expect(await munjang(["similarity", "--model", "deep/in/parts", "가나", "다라"])).toMatchObject({ code: 0 });
});

test("convert: texts of one's own", async () => {
  writeFileSync(join(folder, "texts.txt"), "하나\n\n둘 셋\n");
  const result = await munjang(["convert", "model", "own", "--calibration", "texts.txt"]);
  expect(result.code).toBe(0);
  expect(result.err).toContain("of 2 calibration texts");
});

test("convert: what cannot be done is said, and nothing is left behind", async () => {
  await munjang(["convert", "model", "once"]);
  await refused(1, /once is there already: name a folder that is not/, ["convert", "model", "once"]);
  await refused(1, /is one of whole numbers already/, ["convert", "once", "twice"]);
  await refused(1, /maxShardSize = 10: is too small/, ["convert", "model", "crumbs", "--max-shard-size", "10"]);
  await refused(2, /it must be a size, as 25MB/, ["convert", "model", "x", "--max-shard-size", "much"]);
  await refused(2, /argument 'int4' is invalid/, ["convert", "model", "x", "--dtype", "int4"]);
  await refused(1, /nowhere/, ["convert", "nowhere", "x"]);
  writeFileSync(join(folder, "empty.txt"), "\n \n");
  await refused(1, /empty.txt/, ["convert", "model", "x", "--calibration", "empty.txt"]);
  await refused(1, /nofile/, ["convert", "model", "x", "--calibration", "nofile"]);
  await refused(1, /cannot write texts.txt\/x: a part of the path is a file/, ["convert", "model", "texts.txt/x"]);
  await refused(1, /the name is too long/, ["convert", "model", "y".repeat(300)]);
  for (const name of ["twice", "crumbs", "x"]) expect(existsSync(join(folder, name)), name).toBe(false);
  expect(readdirSync(folder).filter((name) => name.endsWith(".part"))).toEqual([]);
});
