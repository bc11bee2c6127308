/**
 * Semantic search over files, `munjang-cli/search`: an index in a folder (PostgreSQL in this process, by PGlite) or on a PostgreSQL server
 * with pgvector.
 */

import { relative, resolve } from "node:path";
import type { SentenceTransformer } from "munjang";
import type { Database } from "./database.ts";
import { hasDatabase, openEmbedded } from "./embedded.ts";
import { globs, type PassedOver, type WalkOptions, walk } from "./files.ts";
import { bringUpToDate, type OnFile, type Report } from "./indexing.ts";
import { isAbsent, isUnder, names, slashed } from "./paths.ts";
import { type Condition, type Ranked, rank } from "./ranking.ts";
import { filesIn, OtherIndex, openTables, prepare, type Settings, type VectorKind } from "./schema.ts";
import { isAddress, openServer } from "./server.ts";
import { termsOf } from "./terms.ts";

export { DatabaseError } from "./database.ts";
export type { PassedOver } from "./files.ts";
export type { Report } from "./indexing.ts";
export type { Condition } from "./ranking.ts";
export { OtherIndex, type Settings, type VectorKind } from "./schema.ts";

export interface Place {
  /** A folder, or `postgres://…`. */
  readonly database: string;
  /** Where an address has more than one index. Default: `munjang`. */
  readonly schema?: string;
}

export interface IndexOptions extends Place, WalkOptions {
  /** Its name, for messages: what makes vectors comparable is its `identity`. */
  readonly modelName?: string;
  /** Throws away what is there. */
  readonly reindex?: boolean;
  /** Default: what the index has, else `vector`. */
  readonly vectors?: VectorKind;
  /** Whether a graph leads to the nearest vectors. Default: what the index has, else no. */
  readonly hnsw?: boolean;
  /** Tokens of a chunk, at most what the model reads. Default: 128, or what the model reads. */
  readonly chunkTokens?: number;
  /** Tokens a chunk shares with the one before. Default: 24, at most a quarter of it. */
  readonly overlap?: number;
  /** Columns of tables that are embedded. Default: `text` where there is one, else all that hold text. */
  readonly columns?: readonly string[];
  readonly onFile?: (done: number, total: number, chunks: number) => void;
}

export interface Indexed extends Report {
  readonly files: number;
  /** Paths that were named and are no more, and how many files the index had of each; they are taken out. */
  readonly vanished: readonly { readonly path: string; readonly files: number }[];
  readonly passedOver: PassedOver;
  readonly settings: Settings;
}

const SCHEMA = "munjang";

/**
 * Indexes files and folders, or brings an index up to date. What it has under a path that is no more is taken out.
 *
 * @throws Error, OtherIndex or DatabaseError; what was written by then is kept, and another call does the rest
 */
export async function index(
  model: SentenceTransformer,
  paths: readonly string[],
  options: IndexOptions,
): Promise<Indexed> {
  const { database: place, schema = SCHEMA, modelName = "unnamed", columns } = options;
  const room = roomOf(model);
  const tokens = Math.min(options.chunkTokens ?? 128, room);
  const overlap = options.overlap ?? Math.min(24, Math.floor(tokens / 4));
  if (overlap >= tokens) throw new Error(`overlap = ${overlap}: must be smaller than a chunk, of ${tokens} tokens`);
  const roots = paths.map((path) => resolve(path));
  const never = isAddress(place) ? [] : [resolve(place)];
  const absent = paths.filter(isAbsent);
  const { files, passedOver } = await walk(
    paths.filter((path) => !absent.includes(path)),
    { ...options, never },
  );
  if (absent.length > 0 && (options.reindex || (!isAddress(place) && !hasDatabase(place)))) throw notThere(absent[0]);
  const database = await open(place, "index", true);
  try {
    await alone(database, schema);
    const vanished = absent.length === 0 ? [] : await known(database, schema, absent, names(place).pathOf);
    const wanted = {
      model: modelName,
      identity: model.identity,
      nearness: model.similarityFunction,
      vectors: options.vectors ?? "vector",
      hnsw: options.hnsw ?? false,
    };
    const found = await prepare(database, schema, wanted, options.reindex === true);
    const settings = await adjust(database, found, options);
    const { nameOf } = names(place);
    const onFile: OnFile = (done, chunks) => options.onFile?.(done, files.length, chunks);
    /** What could not be read may have them still. */
    const unread = passedOver.unreadable.map(({ path }) => path);
    const isGone = (name: string): boolean => {
      const under = (folder: string): boolean => isUnder(folder, names(place).pathOf(name));
      return roots.some(under) && !unread.some(under);
    };
    const embedder = {
      embed: (texts: readonly string[]) => (texts.length === 0 ? Promise.resolve([]) : model.encodeDocument(texts)),
      count: (text: string) => lengthOf(model, text),
    };
    const chunking = { tokens, overlap, columns };
    const report = await bringUpToDate(database, settings, files, embedder, chunking, nameOf, isGone, onFile);
    return { ...report, files: files.length, vanished, passedOver, settings };
  } finally {
    await database.close();
  }
}

/** Tokens a text may have so that the model reads all of it, [CLS], [SEP] and the prompt for documents aside. */
function roomOf(model: SentenceTransformer): number {
  const prompt = model.prompts.document ?? model.identity.prompt; // as encodeDocument puts before a text
  return Math.max(8, model.maxSeqLength - model.tokenize("").ids.length - lengthOf(model, prompt));
}

/** Tokens of a text, without [CLS] and [SEP]. */
function lengthOf({ tokenizer }: SentenceTransformer, text: string): number {
  return tokenizer.encode(text, { addSpecialTokens: false }).ids.length;
}

function notThere(path: string): Error {
  return new Error(`cannot read ${path}: there is no such file or folder`);
}

/** Paths that are no more, if the index knows them: else they are mistakes. */
async function known(
  database: Database,
  schema: string,
  absent: readonly string[],
  pathOf: (name: string) => string,
): Promise<Indexed["vanished"]> {
  const all = (await filesIn(database, schema)).map(pathOf);
  return absent.map((path) => {
    const files = all.filter((file) => isUnder(resolve(path), file)).length;
    if (files === 0) throw notThere(path);
    return { path, files };
  });
}

/** Two that write into one index at once would embed everything twice. */
async function alone(database: Database, schema: string): Promise<void> {
  const [{ mine }] = await database.query<{ mine: boolean }>(
    "SELECT pg_try_advisory_lock(hashtext('munjang'), hashtext($1)) AS mine",
    [schema],
  );
  if (!mine) throw new Error(`${database.name} is being indexed by another munjang index: wait for it`);
}

/** What may change without new vectors: whether there is a graph. */
async function adjust(database: Database, settings: Settings, { vectors, hnsw }: IndexOptions): Promise<Settings> {
  if (vectors !== undefined && vectors !== settings.vectors) {
    throw new OtherIndex(
      `the index in ${database.name} keeps vectors as ${settings.vectors}, not ${vectors}: leave --vectors out, or make it anew with --reindex`,
    );
  }
  if (hnsw === undefined || hnsw === settings.hnsw) return settings;
  const changed = { ...settings, hnsw };
  await database.query("UPDATE about SET settings = $1::jsonb", [JSON.stringify(changed)]);
  return changed;
}

function open(place: string, doing: string, create: boolean): Promise<Database> {
  return isAddress(place) ? openServer(place) : openEmbedded(place, doing, create);
}

export interface SearchOptions {
  /** Results; 10 by default. */
  readonly limit?: number;
  /** Globs of files to look in, from the current folder. */
  readonly paths?: readonly string[];
  /** What must hold of a record of CSV or JSON lines. */
  readonly where?: readonly Condition[];
  /** Vectors and words together, or one of them. Default: `hybrid`. */
  readonly by?: "hybrid" | "vectors" | "words";
  /** Compares all vectors in full, even where a graph or signs would find candidates. */
  readonly exact?: boolean;
  readonly rescore?: number;
  readonly efSearch?: number;
}

export interface Hit {
  /** From the current folder. */
  readonly file: string;
  readonly line?: number;
  readonly page?: number;
  readonly text: string;
  /** UTF-16 indices of what of the query stands in the text, the ends exclusive. */
  readonly marks: readonly (readonly [start: number, end: number])[];
  readonly similarity?: number;
  readonly ranks: Ranked["ranks"];
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** An open index. */
export interface Searcher {
  readonly settings: Settings;
  /** Whether the last indexing came to its end; where it did not, some files may be missing. */
  readonly settled: boolean;
  /** @param model what made the vectors; not needed where only words count */
  search(query: string, options?: SearchOptions): Promise<Hit[]>;
  close(): Promise<void>;
}

/**
 * Opens an index for searching.
 *
 * @param model the one that made the vectors; without it only words can be searched
 * @throws OtherIndex where the vectors are another model's
 */
export async function openIndex(
  model: SentenceTransformer | undefined,
  { database: place, schema = SCHEMA, modelName = "unnamed" }: Place & { modelName?: string },
): Promise<Searcher> {
  const database = await open(place, "search", false);
  try {
    const { settings, settled } = await openTables(
      database,
      schema,
      model && { identity: model.identity, model: modelName },
    );
    return {
      settings,
      settled,
      search: (query, options = {}) => search(database, settings, place, model, query, options),
      close: () => database.close(),
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function search(
  database: Database,
  settings: Settings,
  place: string,
  model: SentenceTransformer | undefined,
  text: string,
  options: SearchOptions,
): Promise<Hit[]> {
  const { by = "hybrid", limit = 10, where, exact, rescore, efSearch } = options;
  if (by !== "words" && model === undefined)
    throw new Error("to search by vectors a model is needed: the one that made the index");
  const { pathOf } = names(place);
  const shown = (name: string): string => slashed(relative(process.cwd(), pathOf(name))) || name;
  const files = options.paths === undefined ? undefined : await filesLike(database, options.paths, shown);
  if (files?.length === 0) return [];
  const vector = by === "words" ? undefined : await model?.encodeQuery(text);
  const ranked = await rank(database, settings, {
    ...{ text, vector, words: by !== "vectors", limit, files, where, exact, rescore, efSearch },
  });
  const asked = new Set([...termsOf(text)].map(({ term }) => term));
  return ranked.map(({ path, line, page, text, fields, similarity, ranks }) => ({
    file: shown(path),
    ...(line === null ? {} : { line }),
    ...(page === null ? {} : { page }),
    text,
    marks: marksIn(text, asked),
    ...(similarity === null ? {} : { similarity }),
    ranks,
    ...(fields === null ? {} : { fields }),
  }));
}

async function filesLike(
  database: Database,
  patterns: readonly string[],
  shown: (name: string) => string,
): Promise<number[]> {
  const matches = globs(patterns);
  const rows = await database.query<{ id: number; path: string }>("SELECT id, path FROM files");
  return rows.filter(({ path }) => matches(shown(path))).map(({ id }) => id);
}

/** Where a text has terms of the query; pairs of letters that overlap are one mark. */
function marksIn(text: string, asked: ReadonlySet<string>): [number, number][] {
  const marks: [number, number][] = [];
  for (const { term, start, end } of termsOf(text)) {
    if (!asked.has(term)) continue;
    const last = marks.at(-1);
    if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end);
    else marks.push([start, end]);
  }
  return marks;
}
