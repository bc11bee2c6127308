// What a search finds, against all vectors compared here; made with vectors of our own, without a model.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Identity } from "munjang";
import { afterAll, afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Database } from "../../src/search/database.ts";
import { openEmbedded } from "../../src/search/embedded.ts";
import { type Query, rank } from "../../src/search/ranking.ts";
import { graph, prepare, type Settings } from "../../src/search/schema.ts";
import { asVector } from "../../src/search/terms.ts";
import { randoms } from "../kill.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 }); // every database is made by a PostgreSQL of its own, two seconds where nothing else runs

const folder = mkdtempSync(join(tmpdir(), "munjang-ranking-"));
afterAll(() => rmSync(folder, { recursive: true }));

const [CHUNKS, DIMENSION] = [1300, 16];
const random = randoms(9);
const vectorOf = (): Float32Array =>
  Float32Array.from({ length: DIMENSION }, () => Math.round(64 * random()) / 64 - 0.5);
const all = Array.from({ length: CHUNKS }, vectorOf); // numbers that float16 holds exactly
const asked = vectorOf();
const cosine = (a: Float32Array, b: Float32Array): number => {
  const dot = (x: Float32Array, y: Float32Array): number => x.reduce((sum, value, i) => sum + value * y[i], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
};
/** Places of the chunks, the nearest first. */
const right = all
  .map((vector, i) => ({ i, near: cosine(vector, asked) }))
  .sort((a, b) => b.near - a.near)
  .map(({ i }) => i);

let database: Database;
beforeEach(async () => {
  database = await openEmbedded(join(folder, "index"), "test", true);
});
afterEach(() => database.close());

/** An index of all vectors, or of none; nothing that is computed over all chunks is there yet. */
async function made(vectors: Settings["vectors"], hnsw: boolean, rows = all): Promise<Settings> {
  const identity = { model: "a", dimension: DIMENSION } as unknown as Identity;
  const settings = await prepare(
    database,
    "munjang",
    { model: "m", identity, nearness: "cosine", vectors, hnsw },
    true,
  );
  await database.run("INSERT INTO files (path, hash) VALUES ('a', 'b')");
  await database.query(
    `INSERT INTO chunks (file, place, text, terms, embedding)
     SELECT f.id, n - 1, '', '', v::vector FROM files f, unnest($1::text[]) WITH ORDINALITY AS rows (v, n)`,
    [rows.map((vector) => `[${vector.join()}]`)],
  );
  if (hnsw) await database.run(graph(settings));
  return settings;
}
const found = async (settings: Settings, limit: number, more: Partial<Query> = {}): Promise<number[]> => {
  const hits = await rank(database, settings, { text: "", vector: asked, words: false, limit, ...more });
  return hits.map(({ place }) => place);
};

test.each([
  ["vector", false],
  ["halfvec", false],
  ["bit", false],
  ["vector", true],
  ["halfvec", true],
  ["bit", true],
] as const)("%s, graph: %s: exact is exact, and no limit is cut short", async (vectors, hnsw) => {
  const settings = await made(vectors, hnsw);
  expect(await found(settings, 100, { exact: true })).toEqual(right.slice(0, 100));
  expect(await found(settings, 1200, { exact: true })).toEqual(right.slice(0, 1200));
  // As many as there are, by whatever way: 8 × 1200 candidates are all of them.
  expect(await found(settings, 1200)).toEqual(right.slice(0, 1200));
  expect(await found(settings, 5000)).toEqual(right);
  const ten = await found(settings, 10, { efSearch: 5000 });
  expect(ten.filter((place) => right.indexOf(place) < 10).length).toBeGreaterThanOrEqual(vectors === "bit" ? 6 : 9);
});

test("a graph that finds too few: all are compared", async () => {
  const settings = await made("vector", true);
  await database.run("ANALYZE chunks; SET enable_seqscan = off"); // so that even so small a graph is walked
  const far = right.slice(-3);
  await database.query("DELETE FROM chunks WHERE place <> ALL($1::int[])", [far]); // its points stay until the table is swept
  expect(await found(settings, 10)).toEqual(far);
});

test("a graph that is there still, and no longer wanted, is not walked", async () => {
  const settings = await made("vector", true);
  await database.run("ANALYZE chunks; SET random_page_cost = 0; SET cpu_index_tuple_cost = 0");
  expect(await found({ ...settings, hnsw: false }, 300)).toEqual(right.slice(0, 300));
});

test("indexing was stopped: words are looked up in what is there", async () => {
  const settings = await made("vector", false, all.slice(0, 3));
  for (const [place, text] of ["기차를 탄다", "기차가 온다", "고양이"].entries())
    await database.query("UPDATE chunks SET text = $1, terms = $2::tsvector WHERE place = $3", [
      text,
      asVector(text),
      place,
    ]);
  const words = { words: true, vector: undefined };
  expect(await found(settings, 10, { text: "고양이와 기차", ...words })).toEqual([2, 0, 1]); // the rarer first
  expect(await found(settings, 10, { text: "자동차", ...words })).toEqual([]);
  // Frequencies of an index that was complete before say nothing of what has come since.
  await database.run("INSERT INTO frequencies VALUES ('', 1), ('고양', 1), ('양이', 1)");
  expect(await found(settings, 10, { text: "기차", ...words })).toEqual([0, 1]);
  await database.run("UPDATE about SET settled = true");
  expect(await found(settings, 10, { text: "기차", ...words })).toEqual([]); // counted once, and not again
});
