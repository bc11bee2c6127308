// The same on a PostgreSQL server: MUNJANG_POSTGRES names a database with pgvector, where the tests make schemas of their own.
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, connect as dial, type Socket } from "node:net";
import { join } from "node:path";
import { SentenceTransformer } from "munjang";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { modelOf } from "../../src/model.ts";
import type { Database } from "../../src/search/database.ts";
import { type IndexOptions, index, openIndex, type SearchOptions } from "../../src/search/index.ts";
import { openServer } from "../../src/search/server.ts";
import { folder, munjang } from "../run.ts";
import { contentOf, contentOfFolder } from "./dump.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 }); // every database is made by a PostgreSQL of its own, two seconds where nothing else runs

const address = process.env.MUNJANG_POSTGRES ?? "";
const modelName = "munjang-mini-ko";

describe.skipIf(address === "")("on a server (skipped unless MUNJANG_POSTGRES names a database with pgvector)", () => {
  let model: SentenceTransformer;
  let aside: Database;
  let made = 0;
  const schemas: string[] = [];
  const newSchema = (): string => {
    const name = `munjang test ${process.pid} ${made++}`;
    schemas.push(name);
    return name;
  };
  beforeAll(async () => {
    process.chdir(folder);
    model = await SentenceTransformer.load(modelOf(modelName), { threads: 0 });
    aside = await openServer(address);
    mkdirSync("notes");
    for (let i = 0; i < 30; i++) {
      const lines = Array.from(
        { length: 20 },
        (_, n) => `{"text":"${i}번 파일의 ${n}번째 ${n % 2 ? "고양이" : "기차"}입니다","n":${n}}`,
      );
      writeFileSync(join("notes", `${String(i).padStart(2, "0")}.jsonl`), lines.join("\n"));
    }
  });
  afterAll(async () => {
    for (const schema of schemas) await aside.run(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
    await aside.close();
    await model.dispose();
  });
  const indexed = (schema: string, options: Partial<IndexOptions> = {}) =>
    index(model, ["notes"], { database: address, schema, modelName, ...options });
  const found = async (place: { database: string; schema?: string }, query: string, options: SearchOptions = {}) => {
    const opened = await openIndex(model, { ...place, modelName });
    try {
      return await opened.search(query, options);
    } finally {
      await opened.close();
    }
  };

  test("what a folder says, a server says", async () => {
    const schema = newSchema();
    const there = { database: address, schema };
    expect(await indexed(schema)).toMatchObject({ added: 30, chunks: 600, embedded: 600 });
    expect(await indexed(schema)).toMatchObject({ unchanged: 30, embedded: 0 });
    await index(model, ["notes"], { database: "here", modelName });
    const here = await contentOfFolder("here");
    const rows = await contentOf(aside, `"${schema}"`);
    const chunks = rows.chunks as { path: string }[];
    expect(chunks.map((row) => ({ ...row, path: row.path.slice(folder.length + 1) }))).toEqual(here.chunks);
    expect(rows.frequencies).toEqual(here.frequencies);
    for (const by of ["hybrid", "vectors", "words"] as const) {
      const [a, b] = [
        await found(there, "고양이 파일", { by }),
        await found({ database: "here" }, "고양이 파일", { by }),
      ];
      if (by !== "vectors")
        expect(a.map(({ file, line }) => `${file}:${line}`)).toEqual(b.map(({ file, line }) => `${file}:${line}`));
      for (const [i, { similarity }] of a.entries()) {
        if (similarity !== undefined) expect(similarity).toBeCloseTo(b[i].similarity ?? 0, 5);
      }
    }
    const where = [{ column: "n", operator: ">=" as const, value: "19" }];
    const some = await found(there, "고양이", { where, paths: ["notes/0*"] });
    expect(some.map(({ file }) => file).sort()).toEqual(Array.from({ length: 10 }, (_, i) => `notes/0${i}.jsonl`));
  });

  test.each(["vector", "halfvec", "bit"] as const)("%s with a graph", async (vectors) => {
    const schema = newSchema();
    await indexed(schema, { vectors, hnsw: true });
    const place = { database: address, schema };
    const exact = await found(place, "기차", { by: "vectors", exact: true });
    const near = await found(place, "기차", { by: "vectors" });
    const least = exact.at(-1)?.similarity ?? 1;
    for (const { similarity } of near) expect(similarity).toBeGreaterThan(least - 0.02); // many are equally near
  });

  test("the connection is cut in the middle: told, and another run does the rest", async () => {
    const schema = newSchema();
    const told = /the database (went away|was shut down).*what was written before is kept/;
    const cut = indexed(schema, {
      onFile: (done) => {
        if (done === 13)
          void aside.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'munjang' AND pid <> pg_backend_pid()",
          );
      },
    });
    await expect(cut).rejects.toThrow(told);
    const { added, unchanged, chunks } = await indexed(schema);
    expect({ files: added + unchanged, chunks }).toEqual({ files: 30, chunks: 600 });
  });

  test("the way to it breaks without a word", async () => {
    const { hostname, port } = new URL(address);
    const sockets: Socket[] = [];
    let bytes = 0;
    const proxy = createServer((socket) => {
      const server = dial(Number(port) || 5432, hostname);
      sockets.push(socket, server);
      for (const one of [socket, server]) one.on("error", () => {});
      socket.on("data", (chunk) => {
        bytes += chunk.length;
        if (bytes > 300_000) for (const one of sockets) one.destroy();
        else server.write(chunk);
      });
      server.pipe(socket);
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => proxy.once("listening", resolve));
    const through = new URL(address);
    through.host = `127.0.0.1:${(proxy.address() as { port: number }).port}`;
    const schema = newSchema();
    const { code, out, err } = await munjang([
      "index",
      "notes",
      "--schema",
      schema,
      "-d",
      through.href,
      "--threads",
      "0",
    ]);
    proxy.close();
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toMatch(
      /^munjang: postgres.*: the database went away; what was written before is kept: run it again\n$/,
    );
    expect(await indexed(schema)).toMatchObject({ chunks: 600 });
  });

  test("two at once: the second is refused", async () => {
    const schema = newSchema();
    await aside.query("SELECT pg_advisory_lock(hashtext('munjang'), hashtext($1))", [schema]);
    await expect(indexed(schema)).rejects.toThrow(/is being indexed by another munjang index: wait for it/);
    await aside.query("SELECT pg_advisory_unlock(hashtext('munjang'), hashtext($1))", [schema]);
  });

  test("vectors of another dimension, and no index at all", async () => {
    const schema = newSchema();
    await indexed(schema);
    const short = await SentenceTransformer.load(modelOf(modelName), { threads: 0, truncateDim: 64 });
    await expect(openIndex(short, { database: address, schema })).rejects.toThrow(/dimension is 256 there, 64 here/);
    await short.dispose();
    await expect(openIndex(model, { database: address, schema: "nothing" })).rejects.toThrow(
      /there is no index in .*\(schema nothing\)/,
    );
  });
});
