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
 * Makes the tables, or checks that those that are there go with the model.
 *
 * @throws OtherIndex naming what is different
 */
export async function prepare(database: Database, schema: string, wanted: Wanted, anew: boolean): Promise<Settings> {
  await extension(database);
  if (anew) await database.run(`DROP SCHEMA IF EXISTS ${named(schema)} CASCADE`);
  const settings = await settingsIn(database, schema);
  if (settings !== undefined) {
    checkModel(database, settings, wanted);
    await use(database, schema);
    return settings;
  }
  return transaction(database, async () => {
    await database.run(`CREATE SCHEMA IF NOT EXISTS ${named(schema)}`);
    await use(database, schema);
    const made: Settings = { version: VERSION, ...wanted };
    await database.run(tables(made));
    await database.query("INSERT INTO about (settings) VALUES ($1::jsonb)", [JSON.stringify(made)]);
    return made;
  });
}

/** Opens what is there, for searching. @throws OtherIndex, or DatabaseError where there is nothing */
export async function openTables(
  database: Database,
  schema: string,
  identity?: Pick<Settings, "identity" | "model">,
): Promise<Settings> {
  const settings = await settingsIn(database, schema);
  if (settings === undefined) {
    throw new DatabaseError(
      `there is no index in ${database.name} (schema ${schema}): make one first with munjang index`,
    );
  }
  if (identity !== undefined) checkModel(database, settings, identity);
  await use(database, schema);
  return settings;
}

async function settingsIn(database: Database, schema: string): Promise<Settings | undefined> {
  const [{ there }] = await database.query<{ there: boolean }>("SELECT to_regclass($1) IS NOT NULL AS there", [
    `${named(schema)}.about`,
  ]);
  if (!there) return undefined;
  const [row] = await database.query<{ settings: Settings }>(`SELECT settings FROM ${named(schema)}.about`);
  if (row === undefined) return undefined;
  if (row.settings.version !== VERSION) {
    throw new OtherIndex(
      `the index in ${database.name} is of layout ${row.settings.version}, and this munjang reads ${VERSION}: make it anew with munjang index --reindex`,
    );
  }
  return row.settings;
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

async function extension(database: Database): Promise<void> {
  const version = async (): Promise<string | undefined> => {
    const rows = await database.query<{ extversion: string }>(
      "SELECT extversion FROM pg_extension WHERE extname = 'vector'",
    );
    return rows[0]?.extversion;
  };
  if ((await version()) === undefined) {
    try {
      await database.run("CREATE EXTENSION IF NOT EXISTS vector");
    } catch (error) {
      throw new DatabaseError(
        `${database.name} has no pgvector: install it and run CREATE EXTENSION vector there (${(error as Error).message})`,
      );
    }
  }
  const found = (await version()) ?? "0";
  const [major, minor] = found.split(".").map(Number);
  if (major < PGVECTOR[0] || (major === PGVECTOR[0] && minor < PGVECTOR[1])) {
    throw new DatabaseError(
      `${database.name} has pgvector ${found}, and ${PGVECTOR.join(".")} or newer is needed: install it and run ALTER EXTENSION vector UPDATE there`,
    );
  }
}

/** Names without a schema mean ours from now on, and pgvector's, wherever it was installed. */
async function use(database: Database, schema: string): Promise<void> {
  const [{ nspname }] = await database.query<{ nspname: string }>(
    "SELECT nspname FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'vector'",
  );
  await database.run(`SET search_path TO ${named(schema)}, ${named(nspname)}, public`);
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
