import { readFile } from "node:fs/promises";
import { type Chunk, type ChunkOptions, cut, type Embedder, hashOf } from "./cutting.ts";
import { type Database, transaction, type Value } from "./database.ts";
import type { Found } from "./files.ts";
import { dropGraph, graph, type Settings } from "./schema.ts";
import { Binary, Unreadable } from "./sections.ts";
import { asVector } from "./terms.ts";
import { packed } from "./vectors.ts";

/** What indexing did. */
export interface Report {
  /** Files that were added, had changed, were as before, and were there no more. */
  added: number;
  changed: number;
  unchanged: number;
  removed: number;
  /** Chunks in the index now, and those of them that were embedded this time. */
  chunks: number;
  embedded: number;
  /** Files with bytes that are no text. */
  binary: number;
  /** Files that ought to have been read and could not be; what the index had of them it still has. */
  failed: { path: string; why: string }[];
}

/** Called after every file with the number of files done, and chunks embedded. */
export type OnFile = (files: number, chunks: number) => void;

/** Texts embedded at once. */
const BATCH = 256;
/** Rows of one INSERT. */
const ROWS = 200;
/** Chunks after which the embedded database writes its log back. */
const SETTLE = 4000;

interface Job {
  readonly path: string;
  readonly hash: string;
  readonly chunks: readonly Chunk[];
  readonly isNew: boolean;
}

/**
 * Brings the index to what the files say, each file in one transaction: what was not changed is left alone, of what was changed only new texts are
 * embedded, and what is known under `gone` and was not found is taken out. Whenever it is killed, the index is that of some files as they
 * were and some as they are, and another run does the rest.
 *
 * @param nameOf the name a file has in the index
 * @param isGone whether a file of the index, not among those found, was to be found
 */
export async function bringUpToDate(
  database: Database,
  settings: Settings,
  files: readonly Found[],
  embedder: Embedder,
  options: ChunkOptions,
  nameOf: (path: string) => string,
  isGone: (name: string) => boolean,
  onFile: OnFile = () => {},
): Promise<Report> {
  const report: Report = {
    added: 0,
    changed: 0,
    unchanged: 0,
    removed: 0,
    chunks: 0,
    embedded: 0,
    binary: 0,
    failed: [],
  };
  const known = new Map<string, string>();
  for (const { path, hash } of await database.query<{ path: string; hash: string }>("SELECT path, hash FROM files")) {
    known.set(path, hash);
  }
  const found = new Set(files.map(({ path }) => nameOf(path)));
  for (const name of [...known.keys()].filter((name) => !found.has(name) && isGone(name)).sort()) {
    await remove(database, name);
    report.removed++;
  }
  let waiting: Job[] = [];
  let texts = 0;
  let sinceSettled = 0;
  const write = async (done: number): Promise<void> => {
    const vectors = await embedAll(database, waiting, embedder);
    for (const job of waiting) {
      const { embedded } = await writeFile(database, settings, job, vectors, embedder);
      report[job.isNew ? "added" : "changed"]++;
      report.embedded += embedded;
      sinceSettled += embedded;
      onFile(done, report.embedded);
    }
    waiting = [];
    texts = 0;
    if (database.embedded && sinceSettled >= SETTLE) {
      await database.run("CHECKPOINT"); // nobody else would, and the log would grow with every row
      sinceSettled = 0;
    }
  };
  for (const [i, file] of files.entries()) {
    const name = nameOf(file.path);
    try {
      const bytes = await readFile(file.path);
      const hash = hashOf(bytes, file, options);
      if (known.get(name) === hash) {
        report.unchanged++;
        onFile(i + 1, report.embedded);
        continue;
      }
      const chunks = await cut(bytes, file, embedder, options);
      waiting.push({ path: name, hash, chunks, isNew: !known.has(name) });
      texts += chunks.length;
    } catch (error) {
      if (error instanceof Binary) {
        report.binary++;
        if (known.has(name)) await remove(database, name);
      } else if (error instanceof Unreadable || (error as NodeJS.ErrnoException).code !== undefined) {
        report.failed.push({ path: file.path, why: sayWhy(error as Error) });
      } else throw error;
    }
    if (texts >= BATCH) await write(i + 1);
  }
  await write(files.length);
  await settle(database, settings);
  const [{ chunks }] = await database.query<{ chunks: number }>("SELECT chunks FROM frequencies WHERE term = ''");
  return { ...report, chunks };
}

function sayWhy(error: Error): string {
  if (error instanceof Unreadable) return error.message;
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return "went away while it was to be read";
  return code === "EACCES" || code === "EPERM"
    ? "cannot be read: permission denied"
    : `cannot be read: ${error.message}`;
}

/** Vectors of the new texts of some small files, computed together; a large file's come as they are written. */
async function embedAll(
  database: Database,
  jobs: readonly Job[],
  embedder: Embedder,
): Promise<ReadonlyMap<string, Float32Array>> {
  const texts = new Set<string>();
  for (const job of jobs) {
    if (job.chunks.length >= BATCH) continue;
    const old = job.isNew ? new Set<string>() : new Set((await rowsOf(database, job.path)).map(({ text }) => text));
    for (const { text } of job.chunks) if (!old.has(text)) texts.add(text);
  }
  const all = [...texts];
  const vectors = await embedder.embed(all);
  return new Map(all.map((text, i) => [text, vectors[i]]));
}

interface OldRow {
  readonly id: number;
  readonly place: number;
  readonly text: string;
}

function rowsOf(database: Database, path: string): Promise<OldRow[]> {
  return database.query<OldRow>(
    "SELECT c.id, place, text FROM chunks c JOIN files f ON f.id = c.file WHERE path = $1 ORDER BY place",
    [path],
  );
}

/** A file as it is now in place of what it was, in one transaction. Rows whose text is still there stay, with their vectors. */
function writeFile(
  database: Database,
  settings: Settings,
  { path, hash, chunks }: Job,
  vectors: ReadonlyMap<string, Float32Array>,
  embedder: Embedder,
): Promise<{ embedded: number }> {
  return transaction(database, async () => {
    await unsettle(database);
    const [{ id: file }] = await database.query<{ id: number }>(
      "INSERT INTO files (path, hash) VALUES ($1, $2) ON CONFLICT (path) DO UPDATE SET hash = excluded.hash RETURNING id",
      [path, hash],
    );
    const left = new Map<string, OldRow[]>();
    for (const row of await rowsOf(database, path)) left.set(row.text, [...(left.get(row.text) ?? []), row]);
    const moved: { id: number; place: number; chunk: Chunk }[] = [];
    const fresh: { place: number; chunk: Chunk }[] = [];
    for (const [place, chunk] of chunks.entries()) {
      const row = left.get(chunk.text)?.shift();
      if (row === undefined) fresh.push({ place, chunk });
      else moved.push({ id: row.id, place, chunk });
    }
    const gone = [...left.values()].flat().map(({ id }) => id);
    if (gone.length > 0) await database.query("DELETE FROM chunks WHERE id = ANY($1::int[])", [gone]);
    for (let i = 0; i < moved.length; i += ROWS) await move(database, moved.slice(i, i + ROWS));
    for (let i = 0; i < fresh.length; i += ROWS) {
      const some = fresh.slice(i, i + ROWS);
      const missing = [...new Set(some.map(({ chunk }) => chunk.text).filter((text) => !vectors.has(text)))];
      const made = await embedder.embed(missing);
      const ofMissing = new Map(missing.map((text, n) => [text, made[n]]));
      await insert(
        database,
        settings,
        file,
        some,
        (text) => vectors.get(text) ?? (ofMissing.get(text) as Float32Array),
      );
    }
    return { embedded: fresh.length };
  });
}

async function insert(
  database: Database,
  { vectors, identity }: Settings,
  file: number,
  rows: readonly { place: number; chunk: Chunk }[],
  vectorOf: (text: string) => Float32Array,
): Promise<void> {
  const cast = vectors === "halfvec" ? `::vector::halfvec(${identity.dimension})` : "::vector";
  const values: Value[] = [];
  const lists = rows.map(({ place, chunk: { text, line, page, fields } }) => {
    const n = values.push(file, place, line, page, text, fields, asVector(text), packed(vectorOf(text))) - 8;
    const $ = (i: number): string => `$${n + i}`;
    return `(${$(1)}::int,${$(2)}::int,${$(3)}::int,${$(4)}::int,${$(5)},${$(6)}::jsonb,${$(7)}::tsvector,${$(8)}${cast})`;
  });
  await database.query(
    `INSERT INTO chunks (file, place, line, page, text, fields, terms, embedding) VALUES ${lists.join(",")}`,
    values,
  );
}

/** Rows whose text was there before may stand elsewhere now, or belong to another record. */
async function move(database: Database, rows: readonly { id: number; place: number; chunk: Chunk }[]): Promise<void> {
  const json = rows.map(({ id, place, chunk: { line, page, fields } }) => {
    return { id, place, line, page, fields: fields === null ? null : JSON.parse(fields) };
  });
  await database.query(
    `UPDATE chunks c SET place = n.place, line = n.line, page = n.page, fields = n.fields
     FROM jsonb_to_recordset($1::jsonb) AS n (id int, place int, line int, page int, fields jsonb)
     WHERE c.id = n.id AND (c.place, c.line, c.page, c.fields) IS DISTINCT FROM (n.place, n.line, n.page, n.fields)`,
    [JSON.stringify(json)],
  );
}

function remove(database: Database, path: string): Promise<void> {
  return transaction(database, async () => {
    await unsettle(database);
    await database.query("DELETE FROM files WHERE path = $1", [path]);
  });
}

/** From the first change on, until everything that is computed over all chunks is computed anew. */
async function unsettle(database: Database): Promise<void> {
  await database.run("UPDATE about SET settled = false WHERE settled");
}

/** What depends on all chunks: how common every term is, the graph, the planner's figures. */
async function settle(database: Database, settings: Settings): Promise<void> {
  if (settings.hnsw) {
    if (database.embedded) await database.run("SET maintenance_work_mem = '512MB'"); // a graph that does not fit is built ten times slower
    await database.run(graph(settings));
  } else await dropGraph(database);
  const [{ settled }] = await database.query<{ settled: boolean }>("SELECT settled FROM about");
  if (settled) return;
  await transaction(database, async () => {
    await database.run(`DELETE FROM frequencies;
      INSERT INTO frequencies SELECT word, ndoc FROM ts_stat('SELECT terms FROM chunks');
      INSERT INTO frequencies SELECT '', count(*) FROM chunks`);
  });
  for (const table of ["chunks", "frequencies", "files"]) await database.run(`VACUUM ANALYZE ${table}`);
  await database.run("UPDATE about SET settled = true");
  if (database.embedded) await database.run("CHECKPOINT");
}
