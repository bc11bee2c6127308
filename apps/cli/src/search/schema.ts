import type { Identity } from "munjang";
import { type Database, DatabaseError, transaction } from "./database.ts";

/** How vectors are kept: float32, float16, or float32 with their signs beside them, which find candidates that are then compared in full. */
export type VectorKind = "vector" | "halfvec" | "bit";

/** The models' words for how near two vectors are. */
export type Nearness = "cosine" | "dot" | "euclidean" | "manhattan";

/** What an index was made with, and what it therefore needs. */
export interface Settings {
  /** Of this very layout of tables. */
  readonly version: number;
  readonly model: string;
  readonly identity: Identity;
  readonly nearness: Nearness;
  readonly vectors: VectorKind;
  /** Whether a graph leads to the nearest (HNSW), or all are compared. */
  readonly hnsw: boolean;
}

const VERSION = 1;

/** pgvector with iterative scans, which filters need; half-precision and bit vectors came with 0.7. */
const PGVECTOR = [0, 8];

/** An index made by another model, or another munjang; only --reindex helps. */
export class OtherIndex extends Error {}

export type Wanted = Omit<Settings, "version">;

/**
 * Makes the tables, or checks that those that are there go with the model. In a schema with anything else nothing is made, and nothing
 * dropped.
 *
 * @param anew drops the index that is there, in the transaction that makes the new one
 * @throws OtherIndex naming what is different; Error for a schema that is not an index's own
 */
export async function prepare(database: Database, schema: string, wanted: Wanted, anew: boolean): Promise<Settings> {
  checkName(schema);
  await extension(database);
  const found = await stored(database, schema);
  if (found !== undefined && !anew) {
    checkLayout(database, found.settings);
    checkModel(database, found.settings, wanted);
    await use(database, schema);
    return found.settings;
  }
  if (found === undefined) await checkEmpty(database, schema);
  return transaction(database, async () => {
    await database.run(`CREATE SCHEMA IF NOT EXISTS ${named(schema)}`);
    await use(database, schema);
    if (found !== undefined) await database.run(`DROP TABLE ${ours(schema).join(", ")}`);
    const made: Settings = { version: VERSION, ...wanted };
    await database.run(tables(made));
    await database.query("INSERT INTO about (settings) VALUES ($1::jsonb)", [JSON.stringify(made)]);
    return made;
  });
}

/** What an index says of itself. */
export interface Opened {
  readonly settings: Settings;
  /** Whether the last indexing came to its end: frequencies of terms and the graph are those of all chunks. */
  readonly settled: boolean;
}

/** Opens what is there, for searching. @throws OtherIndex, or DatabaseError where there is nothing */
export async function openTables(
  database: Database,
  schema: string,
  identity?: Pick<Settings, "identity" | "model">,
): Promise<Opened> {
  const found = await stored(database, schema);
  if (found === undefined) {
    throw new DatabaseError(
      `there is no index in ${database.name} (schema ${schema}): make one first with munjang index`,
    );
  }
  checkLayout(database, found.settings);
  if (identity !== undefined) checkModel(database, found.settings, identity);
  await use(database, schema);
  return found;
}

/** Names of the files an index has; none where there is no index. */
export async function filesIn(database: Database, schema: string): Promise<string[]> {
  if ((await stored(database, schema)) === undefined) return [];
  const rows = await database.query<{ path: string }>(`SELECT path FROM ${named(schema)}.files`);
  return rows.map(({ path }) => path);
}

const TABLES = ["about", "files", "chunks", "frequencies"];

function ours(schema: string): string[] {
  return TABLES.map((table) => `${named(schema)}.${table}`);
}

/** An index's schema holds nothing else: PostgreSQL's own cannot be one, nor the one where everybody's tables and extensions lie. */
function checkName(schema: string): void {
  const refuse = (why: string): never => {
    throw new Error(`schema = ${schema}: ${why}; an index has a schema of its own, such as munjang`);
  };
  if (schema === "public") refuse("others keep their tables there");
  if (schema.startsWith("pg_") || schema === "information_schema") refuse("it is PostgreSQL's own");
  if (schema === "" || Buffer.byteLength(schema) > LONGEST_NAME || schema.includes("\0"))
    refuse(`a name has 1 to ${LONGEST_NAME} bytes`);
}

/** Bytes; PostgreSQL cuts longer names short, and two could become one. */
const LONGEST_NAME = 63;

async function relationsIn(database: Database, schema: string): Promise<string[]> {
  const rows = await database.query<{ relname: string }>(
    "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = $1 AND relkind NOT IN ('i', 'I') ORDER BY 1",
    [schema],
  );
  return rows.map(({ relname }) => relname);
}

async function checkEmpty(database: Database, schema: string): Promise<void> {
  const there = await relationsIn(database, schema);
  if (there.length === 0) return;
  const some = there.length > 3 ? [...there.slice(0, 3), "…"] : there;
  throw new Error(
    `schema ${schema} of ${database.name} is not an index's: it has ${some.join(", ")}; name another with --schema`,
  );
}

/** What the index in a schema says of itself, whatever layout it has; undefined where there is none, and where other tables are. */
async function stored(database: Database, schema: string): Promise<Opened | undefined> {
  const there = await relationsIn(database, schema);
  if (!TABLES.every((table) => there.includes(table))) return undefined;
  const [row] = await database.query<{ about: Partial<Opened> }>(
    `SELECT to_jsonb(a.*) AS about FROM ${named(schema)}.about a LIMIT 1`,
  );
  const { settings, settled = false } = row?.about ?? {};
  return settings?.version === undefined || settings.identity === undefined ? undefined : { settings, settled };
}

function checkLayout(database: Database, { version }: Settings): void {
  if (version === VERSION) return;
  throw new OtherIndex(
    `the index in ${database.name} is of layout ${version}, and this munjang reads ${VERSION}: make it anew with munjang index --reindex`,
  );
}

function checkModel(
  database: Database,
  { identity, model }: Settings,
  wanted: Pick<Settings, "identity" | "model">,
): void {
  const names = Object.keys({ ...identity, ...wanted.identity }) as (keyof Identity)[];
  const short = (value: unknown): string => String(value).replace(/^([0-9a-f]{12})[0-9a-f]{52}$/, "$1…") || '""';
  const different = names.filter((name) => identity[name] !== wanted.identity[name]);
  if (different.length === 0) return;
  const list = different.map(
    (name) => `${name} is ${short(identity[name])} there, ${short(wanted.identity[name])} here`,
  );
  const by =
    identity.model === wanted.identity.model ? "by the same model in another way" : `by another model (${model})`;
  throw new OtherIndex(
    `the vectors in ${database.name} were made ${by} and cannot be compared: ${list.join("; ")}. Use what made them, or make the index anew with munjang index --reindex`,
  );
}

/** pgvector: its version, and the schema where it was installed. */
async function pgvector(database: Database): Promise<{ version: string; schema: string } | undefined> {
  const rows = await database.query<{ version: string; schema: string }>(
    "SELECT extversion AS version, nspname AS schema FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'vector'",
  );
  return rows[0];
}

async function extension(database: Database): Promise<void> {
  if ((await pgvector(database)) === undefined) {
    try {
      await database.run("CREATE EXTENSION IF NOT EXISTS vector");
    } catch (error) {
      throw new DatabaseError(
        `${database.name} has no pgvector: install it and run CREATE EXTENSION vector there (${(error as Error).message})`,
      );
    }
  }
  const found = (await pgvector(database))?.version ?? "0";
  const [major, minor] = found.split(".").map(Number);
  if (major < PGVECTOR[0] || (major === PGVECTOR[0] && minor < PGVECTOR[1])) {
    throw new DatabaseError(
      `${database.name} has pgvector ${found}, and ${PGVECTOR.join(".")} or newer is needed: install it and run ALTER EXTENSION vector UPDATE there`,
    );
  }
}

/** Names without a schema mean ours from now on, and pgvector's, wherever it was installed. */
async function use(database: Database, schema: string): Promise<void> {
  const found = await pgvector(database);
  if (found === undefined) {
    throw new DatabaseError(
      `${database.name} has no pgvector any more, and the vectors went with it: make the index anew with munjang index --reindex`,
    );
  }
  await database.run(`SET search_path TO ${named(schema)}, ${named(found.schema)}, public`);
}

export function named(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

/** A file's rows go with it; a chunk's place in its file is its own. */
function tables({ identity: { dimension }, vectors }: Settings): string {
  const type = vectors === "halfvec" ? "halfvec" : "vector";
  const signs =
    vectors === "bit"
      ? `, signs bit(${dimension}) GENERATED ALWAYS AS (binary_quantize(embedding)::bit(${dimension})) STORED`
      : "";
  return `
    CREATE TABLE about (
      one boolean PRIMARY KEY DEFAULT true CHECK (one),
      settings jsonb NOT NULL,
      settled boolean NOT NULL DEFAULT false
    );
    CREATE TABLE files (
      id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      path text NOT NULL UNIQUE,
      hash text NOT NULL
    );
    CREATE TABLE chunks (
      id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      file int NOT NULL REFERENCES files ON DELETE CASCADE,
      place int NOT NULL,
      line int,
      page int,
      text text NOT NULL,
      fields jsonb,
      terms tsvector NOT NULL,
      embedding ${type}(${dimension}) NOT NULL${signs},
      UNIQUE (file, place) DEFERRABLE INITIALLY DEFERRED
    );
    CREATE INDEX chunks_terms ON chunks USING gin (terms);
    CREATE TABLE frequencies (term text PRIMARY KEY, chunks int NOT NULL)`;
}

/** pgvector's operators, smaller is nearer, and its names for what an index is over. */
export const OPERATORS: Readonly<Record<Nearness, { readonly operator: string; readonly family: string }>> = {
  cosine: { operator: "<=>", family: "cosine_ops" },
  dot: { operator: "<#>", family: "ip_ops" },
  euclidean: { operator: "<->", family: "l2_ops" },
  manhattan: { operator: "<+>", family: "l1_ops" },
};

/** Neighbours of a point of the graph, and candidates looked at for them: 0.95 of the ten nearest of 100,000 sentences and more are found. */
export const GRAPH = { m: 16, efConstruction: 64, efSearch: 100 } as const;

/** The graph's index, where one is wanted. */
export function graph({ nearness, vectors }: Settings): string {
  const over = vectors === "bit" ? "signs bit_hamming_ops" : `embedding ${vectors}_${OPERATORS[nearness].family}`;
  return `CREATE INDEX IF NOT EXISTS chunks_graph ON chunks USING hnsw (${over}) WITH (m = ${GRAPH.m}, ef_construction = ${GRAPH.efConstruction})`;
}

/** Drops the graph of the schema in use, and no index of that name elsewhere on the path. */
export async function dropGraph(database: Database): Promise<void> {
  const [{ schema }] = await database.query<{ schema: string }>("SELECT current_schema() AS schema");
  await database.run(`DROP INDEX IF EXISTS ${named(schema)}.chunks_graph`);
}
