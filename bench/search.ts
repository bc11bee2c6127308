/**
 * `munjang-cli/search` with 100,000 sentences: time, size on disk, how many of the ten nearest are found, and latency, of every kind of vector,
 * in a folder and, where MUNJANG_POSTGRES names one, on a server. Needs MUNJANG_DATA; writes results/search.json as it goes.
 *
 * npm run bench:search [-- --sentences 100000 --only folder|server|words]
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { PGlite } from "@electric-sql/pglite";
import { SentenceTransformer } from "munjang";
import { type Hit, index, openIndex, type SearchOptions, type VectorKind } from "../apps/cli/src/search/index.ts";
import { GRAPH } from "../apps/cli/src/search/schema.ts";
import { openServer } from "../apps/cli/src/search/server.ts";
import { machine } from "./measure.ts";
import { writeResult } from "./result.ts";
import { measureWords } from "./search-words.ts";

const { MUNJANG_DATA, MUNJANG_POSTGRES } = process.env;
if (MUNJANG_DATA === undefined) throw new Error("MUNJANG_DATA must name the folder of the sentences");
const data = MUNJANG_DATA;
const { values: flags } = parseArgs({ options: { sentences: { type: "string" }, only: { type: "string" } } });
const COUNT = Number(flags.sentences ?? 100_000);
const QUERIES = 200;
const FILES = [
  ...["boddari/wikinews.txt", "boddari/unesco_report.txt", "boddari/fairytale01.txt", "boddari/book_review01.txt"],
  ...["korean-ambiguity/sentences.txt", "ud-korean/kaist.txt", "ud-korean/ksl.txt", "klue-text/ner_dev.txt"],
  ...["techdocs-ko/rust-book.txt", "techdocs-ko/ms-learn.txt", "techdocs-ko/react.txt", "square/questions.txt"],
];
const RESULT = join(import.meta.dirname, "results/search.json");
const schema = "munjang_bench";

interface Measured {
  readonly name: string;
  [figure: string]: unknown;
}

/** Distinct sentences in an order that mixes their sources, the same in every run. */
function sentences(): string[] {
  const lines = FILES.flatMap((file) => readFileSync(join(data, file), "utf8").split("\n")).map((line) => line.trim());
  const all = [...new Set(lines)]
    .filter((line) => line.length > 4 && line.length <= 150) // one chunk each
    .map((line, n) => ({ line, key: Math.imul(n + 1, 0x9e3779b1) >>> 0 }))
    .sort((a, b) => a.key - b.key)
    .map(({ line }) => line);
  if (all.length < COUNT + QUERIES) throw new Error(`MUNJANG_DATA has ${all.length} sentences, not ${COUNT + QUERIES}`);
  return all.slice(0, COUNT + QUERIES);
}

function sizeOf(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size;
  }
  return bytes;
}

function quantile(sorted: readonly number[], part: number): number {
  return Number(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))].toFixed(2));
}

async function main(): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), "munjang-bench-"));
  process.chdir(work);
  // With --only, what was measured before stays.
  const before = flags.only !== undefined && existsSync(RESULT) ? JSON.parse(readFileSync(RESULT, "utf8")) : {};
  const result: Record<string, unknown> = {
    ...before,
    title: `Search in ${COUNT.toLocaleString("en")} sentences, munjang-mini-ko`,
    command: "npm run bench:search",
    ...machine(),
    load: loadavg().map((value) => Number(value.toFixed(1))),
    graph: GRAPH,
    queries: QUERIES,
  };
  const save = (more: Record<string, unknown>): void => {
    Object.assign(result, more);
    writeResult(RESULT, result);
  };
  const model = await SentenceTransformer.load("munjang-mini-ko");
  try {
    if (flags.only === undefined || flags.only === "words") save({ words: await measureWords(model, data) });
    if (flags.only === "words") return;
    const all = sentences();
    const queries = all.slice(COUNT);
    mkdirSync("sentences");
    for (let i = 0; i < COUNT; i += 5000) {
      const lines = all.slice(i, Math.min(COUNT, i + 5000)).map((text) => JSON.stringify({ text }));
      writeFileSync(`sentences/${String(i).padStart(6, "0")}.jsonl`, lines.join("\n"));
    }
    const start = performance.now();
    await model.encode(queries);
    save({ encodeMillisecondsAQuery: Number(((performance.now() - start) / QUERIES).toFixed(2)) });
    if (flags.only !== "server") {
      const db = new PGlite();
      const [{ version }] = (await db.query<{ version: string }>("SELECT version()")).rows;
      await db.close();
      const known = { version: version.split(" on ")[0] };
      const size = (): number => sizeOf("index");
      await kinds(model, "index", queries, size, (of) => save({ folder: { ...known, ...of } }));
    }
    if (MUNJANG_POSTGRES !== undefined && flags.only !== "folder") {
      const aside = await openServer(MUNJANG_POSTGRES);
      const size = async (): Promise<number> => {
        const sql =
          "SELECT sum(pg_total_relation_size(oid))::float8 AS bytes FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind = 'r'";
        return (await aside.query<{ bytes: number }>(sql, [schema]))[0].bytes;
      };
      const about = "SELECT version(), (SELECT extversion FROM pg_extension WHERE extname = 'vector') AS pgvector";
      const [{ version, pgvector }] = await aside.query<{ version: string; pgvector: string }>(about);
      const known = { version: `${version.split(" on ")[0]}, pgvector ${pgvector}` };
      await kinds(model, MUNJANG_POSTGRES, queries, size, (of) => save({ server: { ...known, ...of } }));
      await aside.run(`DROP SCHEMA ${schema} CASCADE`);
      await aside.close();
    }
  } finally {
    await model.dispose();
    process.chdir(tmpdir());
    rmSync(work, { recursive: true });
  }
}

async function kinds(
  model: SentenceTransformer,
  database: string,
  queries: readonly string[],
  size: () => number | Promise<number>,
  save: (soFar: { load: number[]; kinds: Measured[] }) => void,
): Promise<void> {
  const load = loadavg().map((value) => Number(value.toFixed(1)));
  const measured: Measured[] = [];
  let truth: string[][] = [];
  const remembering = remember(model);
  for (const vectors of ["vector", "bit", "halfvec"] as const) {
    for (const hnsw of [false, true]) {
      const start = performance.now();
      const { chunks } = await index(remembering, ["sentences"], {
        ...{ database, schema, modelName: "munjang-mini-ko", vectors, hnsw, reindex: !hnsw },
      });
      const seconds = Number(((performance.now() - start) / 1000).toFixed(1));
      if (chunks !== COUNT) throw new Error(`${chunks} chunks of ${COUNT} sentences`);
      const bytes = await size();
      for (const { name, options } of ways(vectors, hnsw)) {
        const timed = await ask(model, database, queries, options);
        if (truth.length === 0) truth = timed.found;
        const recall = timed.found.reduce((sum, ids, i) => sum + ids.filter((id) => truth[i].includes(id)).length, 0);
        const line: Measured = {
          ...{
            name,
            vectors,
            hnsw,
            ...(hnsw
              ? { secondsForTheGraph: seconds }
              : vectors === "vector"
                ? { secondsToIndex: seconds }
                : { secondsToWrite: seconds }),
            bytes,
          },
          ...(options.by === "vectors" ? { recall10: Number((recall / (10 * queries.length)).toFixed(4)) } : {}),
          ...{ p50: timed.p50, p99: timed.p99 },
        };
        measured.push(line);
        save({ load, kinds: measured });
        console.log(JSON.stringify(line));
      }
    }
  }
}

/** A model that computes every text once: only the first kind of vectors is timed with the model's own work. */
function remember(model: SentenceTransformer): SentenceTransformer {
  const known = new Map<string, Float32Array>();
  const encodeDocument = async (texts: readonly string[]): Promise<Float32Array[]> => {
    const fresh = texts.filter((text) => !known.has(text));
    for (const [i, vector] of (await model.encodeDocument(fresh)).entries()) known.set(fresh[i], vector);
    return texts.map((text) => known.get(text) as Float32Array);
  };
  return standIn(model, { encodeDocument });
}

/** The model with some of its methods replaced. */
function standIn(model: SentenceTransformer, methods: object): SentenceTransformer {
  return new Proxy(model, {
    get: (_, name) => {
      const value = Reflect.get(name in methods ? methods : model, name);
      return typeof value === "function" && !(name in methods) ? value.bind(model) : value;
    },
  });
}

function ways(vectors: VectorKind, hnsw: boolean): { name: string; options: SearchOptions }[] {
  const kind = `${vectors}, ${hnsw ? "graph" : "exact"}`;
  const by = "vectors" as const;
  const plain: { name: string; options: SearchOptions }[] = [{ name: kind, options: { by } }];
  if (vectors === "bit")
    plain.push(...[2, 4, 8].map((rescore) => ({ name: `${kind}, rescore ${rescore}`, options: { by, rescore } })));
  if (vectors === "vector" && hnsw)
    plain.push(...[50, 200].map((efSearch) => ({ name: `${kind}, ef_search ${efSearch}`, options: { by, efSearch } })));
  if (vectors === "vector") {
    plain.push({ name: `${kind}, with words`, options: {} });
    if (!hnsw) plain.push({ name: "words", options: { by: "words" } });
  }
  return plain;
}

/** What ten each are found for the queries, and milliseconds in the database, the query's own vector computed before. */
async function ask(model: SentenceTransformer, database: string, queries: readonly string[], options: SearchOptions) {
  const known = new Map<string, Float32Array>();
  for (const [i, vector] of (await model.encode(queries)).entries()) known.set(queries[i], vector);
  const asked = standIn(model, { encodeQuery: async (text: string) => known.get(text) });
  const searcher = await openIndex(asked, { database, schema, modelName: "munjang-mini-ko" });
  try {
    const found: string[][] = [];
    const times: number[] = [];
    for (const query of queries.slice(0, 5)) await searcher.search(query, options); // pages come into memory
    for (const query of queries) {
      const start = performance.now();
      const hits = await searcher.search(query, options);
      times.push(performance.now() - start);
      found.push(hits.map(({ file, line }: Hit) => `${file}:${line}`));
    }
    times.sort((a, b) => a - b);
    return { found, p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
  } finally {
    await searcher.close();
  }
}

await main();
