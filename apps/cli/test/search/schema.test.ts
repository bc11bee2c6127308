// What is made and dropped in a database: an index's own tables, and nothing else.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Identity } from "munjang";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { Database } from "../../src/search/database.ts";
import { openEmbedded } from "../../src/search/embedded.ts";
import { dropGraph, openTables, prepare, type Wanted } from "../../src/search/schema.ts";
import { openServer } from "../../src/search/server.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 }); // every database is made by a PostgreSQL of its own, two seconds where nothing else runs

const identity = { model: "a", dimension: 3 } as unknown as Identity;
const wanted: Wanted = { model: "m", identity, nearness: "cosine", vectors: "vector", hnsw: false };
const address = process.env.MUNJANG_POSTGRES ?? "";
const folder = mkdtempSync(join(tmpdir(), "munjang-schema-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe.each([
  ["in a folder", () => openEmbedded(join(folder, "index"), "test", true), false],
  ["on a server (skipped unless MUNJANG_POSTGRES names a database)", () => openServer(address), address === ""],
] as const)("%s", (_, open, skipped) => {
  describe.skipIf(skipped)("", () => {
    let database: Database;
    const [own, app] = [`munjang own ${process.pid}`, `munjang app ${process.pid}`];
    beforeAll(async () => {
      database = await open();
    });
    afterEach(async () => {
      for (const name of [own, app]) await database.run(`DROP SCHEMA IF EXISTS "${name}" CASCADE`);
      await database.run("RESET search_path; DROP TABLE IF EXISTS public.munjang_test");
    });
    afterAll(() => database.close());
    const count = async (table: string): Promise<number> =>
      (await database.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`))[0].n;

    test("a schema with anything else in it is not touched, --reindex or not", async () => {
      await database.run(`CREATE SCHEMA "${app}"; CREATE TABLE "${app}".customers AS SELECT 1 AS id`);
      for (const anew of [true, false]) {
        await expect(prepare(database, app, wanted, anew)).rejects.toThrow(
          /schema munjang app \d+ of .* is not an index's: it has customers; name another with --schema/,
        );
      }
      // Not even where its tables have our names.
      for (const table of ["about", "files", "chunks", "frequencies"])
        await database.run(`CREATE TABLE "${app}".${table} AS SELECT 1 AS id, 'x' AS settings`);
      await expect(prepare(database, app, wanted, true)).rejects.toThrow(/is not an index's: it has about, chunks/);
      await expect(openTables(database, app)).rejects.toThrow(/there is no index/);
      expect(await count(`"${app}".customers`)).toBe(1);
      expect(await count(`"${app}".chunks`)).toBe(1);
    });

    test.each([
      ["public", /schema = public: others keep their tables there/],
      ["pg_catalog", /it is PostgreSQL's own/],
      ["information_schema", /it is PostgreSQL's own/],
      ["", /a name has 1 to 63 bytes/],
      ["이름이 너무 긴 스키마는 잘려서 다른 것과 같아진다", /a name has 1 to 63 bytes/],
    ])("no index in schema %j", async (name, told) => {
      for (const anew of [true, false]) await expect(prepare(database, name, wanted, anew)).rejects.toThrow(told);
      expect(await count("pg_namespace WHERE nspname = 'public'")).toBe(1);
      expect(await count("pg_extension WHERE extname = 'vector'")).toBe(1);
    });

    test("made anew are the index's own tables; what somebody put beside them stays", async () => {
      await database.run(`CREATE SCHEMA "${own}"`); // empty: it may have been made for us
      await prepare(database, own, wanted, false);
      await database.run(`INSERT INTO files (path, hash) VALUES ('a', 'b'); CREATE TABLE "${own}".notes AS SELECT 1`);
      const four = { ...wanted, identity: { ...identity, dimension: 4 } };
      await expect(prepare(database, own, four, false)).rejects.toThrow(/dimension is 3 there, 4 here/);
      expect(await prepare(database, own, four, true)).toMatchObject({ identity: { dimension: 4 } });
      expect([await count("files"), await count("notes")]).toEqual([0, 1]);
      // Of another layout, too.
      await database.run(`UPDATE about SET settings = settings || '{"version":99}'`);
      await expect(prepare(database, own, four, false)).rejects.toThrow(/is of layout 99, and this munjang reads 1/);
      await expect(openTables(database, own)).rejects.toThrow(/is of layout 99/);
      expect(await prepare(database, own, wanted, true)).toMatchObject({ version: 1, identity: { dimension: 3 } });
      // What depends on them is somebody's: then nothing is dropped at all.
      await database.run(
        `INSERT INTO files (path, hash) VALUES ('a', 'b'); CREATE VIEW "${app} view" AS SELECT * FROM chunks`,
      );
      await expect(prepare(database, own, four, true)).rejects.toThrow(/other objects depend on them/);
      expect(await count(`"${own}".files`)).toBe(1);
      expect((await openTables(database, own)).settings).toMatchObject({ identity: { dimension: 3 } });
    });

    test("a graph of the same name in public stays", async () => {
      await prepare(database, own, wanted, false);
      await database.run("CREATE TABLE public.munjang_test AS SELECT 1 AS id");
      await database.run("CREATE INDEX chunks_graph ON public.munjang_test (id)");
      await dropGraph(database);
      expect(await count("pg_indexes WHERE tablename = 'munjang_test'")).toBe(1);
      await database.run("CREATE INDEX chunks_graph ON chunks (place)");
      await dropGraph(database);
      expect(await count(`pg_indexes WHERE schemaname = '${own}' AND indexname = 'chunks_graph'`)).toBe(0);
    });
  });
});

test("pgvector was dropped, and the vectors with it: told, and made anew", async () => {
  const database = await openEmbedded(join(folder, "dropped"), "test", true);
  try {
    await prepare(database, "munjang", wanted, false);
    await database.run("DROP EXTENSION vector CASCADE");
    await expect(openTables(database, "munjang")).rejects.toThrow(
      /has no pgvector any more, and the vectors went with it: .*--reindex/,
    );
    await prepare(database, "munjang", wanted, true);
    expect(await database.query("SELECT embedding FROM chunks")).toEqual([]);
  } finally {
    await database.close();
  }
});
