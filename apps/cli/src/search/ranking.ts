import { type Database, transaction, type Value } from "./database.ts";
import { GRAPH, OPERATORS, type Settings } from "./schema.ts";
import { quoted, termsOf } from "./terms.ts";
import { packed } from "./vectors.ts";

/** What must hold of a record for it to be found. */
export interface Condition {
  readonly column: string;
  readonly operator: "=" | "!=" | "<" | "<=" | ">" | ">=";
  readonly value: string;
}

export interface Query {
  readonly text: string;
  /** The text's vector; without one the words alone decide. */
  readonly vector?: Float32Array;
  /** Whether words count as well. */
  readonly words: boolean;
  readonly limit: number;
  /** Ids of the files to look in. */
  readonly files?: readonly number[];
  readonly where?: readonly Condition[];
  /** Compares all vectors in full, even where a graph or signs would find candidates. */
  readonly exact?: boolean;
  /** How many times as many candidates as results are compared in full where signs find them. */
  readonly rescore?: number;
  /** Candidates the walk through the graph keeps. */
  readonly efSearch?: number;
}

/** A chunk that was found. */
export interface Ranked {
  readonly id: number;
  readonly path: string;
  readonly place: number;
  readonly line: number | null;
  readonly page: number | null;
  readonly text: string;
  readonly fields: Record<string, unknown> | null;
  /** The model's own similarity; only where there is a vector. */
  readonly similarity: number | null;
  /** Its place by vectors and by words, from 1 up, where it has one. */
  readonly ranks: { readonly vector?: number; readonly words?: number };
  /** What the order is by. */
  readonly score: number;
}

/** Of reciprocal rank fusion: Cormack, Clarke and Büttcher's own constant. */
const K = 60;

/** Candidates of each ranking that are fused. */
const CANDIDATES = 50;

/** The best chunks, both rankings read in one state of the database. */
export function rank(database: Database, settings: Settings, query: Query): Promise<Ranked[]> {
  return transaction(
    database,
    async () => {
      const depth = Math.max(CANDIDATES, query.limit);
      const near = query.vector === undefined ? [] : await nearest(database, settings, query, query.vector, depth);
      const said = query.words ? await matching(database, query, depth, !(await isSettled(database))) : [];
      const fused = fuse([near, said]).slice(0, query.limit);
      return described(database, settings, query.vector, fused);
    },
    "ISOLATION LEVEL REPEATABLE READ READ ONLY",
  );
}

export interface Fused {
  readonly id: number;
  readonly score: number;
  /** Place in each ranking, from 1 up. */
  readonly ranks: readonly (number | undefined)[];
}

/** Rankings made one: a place r is worth 1 / (60 + r). Ties keep the order of the first ranking that names them. */
export function fuse(rankings: readonly (readonly number[])[]): Fused[] {
  const all = new Map<number, { score: number; ranks: (number | undefined)[] }>();
  for (const [which, ids] of rankings.entries()) {
    for (const [i, id] of ids.entries()) {
      const entry = all.get(id) ?? { score: 0, ranks: rankings.map(() => undefined) };
      entry.score += 1 / (K + i + 1);
      entry.ranks[which] = i + 1;
      all.set(id, entry);
    }
  }
  return [...all].map(([id, entry]) => ({ id, ...entry })).sort((a, b) => b.score - a.score);
}

/** Conditions as SQL, and the values they name: $`first` and so on. */
function filters({ files, where = [] }: Query, first: number): { sql: string[]; values: Value[] } {
  const sql: string[] = [];
  const values: Value[] = [];
  const next = (value: Value): string => `$${first - 1 + values.push(value)}`;
  if (files !== undefined) sql.push(`file = ANY(${next(files)}::int[])`);
  for (const { column, operator, value } of where) {
    if (operator === "=") sql.push(`normalize(fields ->> ${next(column)}::text) = normalize(${next(value)}::text)`);
    else if (operator === "!=")
      sql.push(`normalize(fields ->> ${next(column)}::text) <> normalize(${next(value)}::text)`);
    else {
      // Numbers, in CSV too, where they are texts; what is none is passed over.
      const path = `$.${JSON.stringify(column)} ? (@.double() ${operator} $value)`;
      const wanted = JSON.stringify({ value: Number(value) });
      sql.push(`jsonb_path_exists(fields, ${next(path)}::jsonpath, ${next(wanted)}::jsonb, true)`);
    }
  }
  return { sql, values };
}

/** The most candidates pgvector's walk through a graph keeps. */
const MOST_WALKED = 1000;

/**
 * Ids of the chunks whose vectors are nearest, the nearest first. A graph is walked only where that can find as many as are asked for; where it
 * comes back with fewer (few chunks pass the filters, many were deleted), all are compared.
 */
async function nearest(
  database: Database,
  settings: Settings,
  query: Query,
  vector: Float32Array,
  count: number,
): Promise<number[]> {
  const { nearness, vectors, hnsw, identity } = settings;
  const bySigns = vectors === "bit" && !query.exact;
  const candidates = bySigns ? count * (query.rescore ?? RESCORE) : count;
  const { sql, values } = filters(query, 2);
  const where = sql.length === 0 ? "" : `WHERE ${sql.join(" AND ")}`;
  const by = `embedding ${OPERATORS[nearness].operator} $1::vector${vectors === "halfvec" ? `::halfvec(${identity.dimension})` : ""}`;
  const ask = async (walk: boolean): Promise<number[]> => {
    const ef = Math.min(MOST_WALKED, Math.max(query.efSearch ?? GRAPH.efSearch, candidates));
    await database.run(
      walk
        ? `SET LOCAL hnsw.ef_search = ${ef}; SET LOCAL hnsw.iterative_scan = ${sql.length === 0 ? "off" : "strict_order"}`
        : "SET LOCAL enable_indexscan = off", // a graph may still be there that is no longer wanted
    );
    const statement = bySigns
      ? `SELECT id FROM (
           SELECT id, embedding FROM chunks ${where}
           ORDER BY signs <~> binary_quantize($1::vector)::bit(${identity.dimension}) LIMIT ${candidates}
         ) candidates ORDER BY ${by}, id LIMIT ${count}`
      : `SELECT id FROM chunks ${where} ORDER BY ${by}${walk ? "" : ", id"} LIMIT ${count}`;
    const rows = await database.query<{ id: number }>(statement, [packed(vector), ...values]);
    if (!walk) await database.run("SET LOCAL enable_indexscan = on");
    return rows.map(({ id }) => id);
  };
  const walked = hnsw && !query.exact && candidates <= MOST_WALKED ? await ask(true) : [];
  return walked.length < count ? ask(false) : walked;
}

/** Candidates per result that are compared in full where signs find them. */
export const RESCORE = 16;

/** Terms of a query that are looked up, the rarest. */
const MOST_TERMS = 24;
/** A term in more than this part of all chunks says nothing, where others are rarer. */
const COMMON = 0.1;

/**
 * Ids of the chunks that share words with the query, the best first. A term counts by how rare it is, -ln(part of the chunks), which PostgreSQL's own
 * ts_rank does not know; a long chunk's terms count less.
 *
 * @param live whether terms are counted now, as what was counted before is not of these chunks
 */
export async function matching(database: Database, query: Query, count: number, live = false): Promise<number[]> {
  const terms = await weighed(database, query.text, live);
  if (terms.length === 0) return [];
  const { sql, values } = filters(query, 2);
  const score = terms.map(({ term, weight }) => {
    return `CASE WHEN terms @@ ${literal(quoted(term))}::tsquery THEN ${weight.toFixed(4)} ELSE 0 END`;
  });
  const statement = `SELECT id FROM chunks WHERE ${["terms @@ $1::tsquery", ...sql].join(" AND ")}
    ORDER BY (${score.join(" + ")}) / (${FIXED} + length(terms)) DESC, id LIMIT ${count}`;
  const any = terms.map(({ term }) => quoted(term)).join(" | ");
  return (await database.query<{ id: number }>(statement, [any, ...values])).map(({ id }) => id);
}

/** Length, in terms, that every chunk has beside its own: short ones would win over all others without it. */
const FIXED = 40;

/** A text inside a statement. Terms are letters and digits, and still nothing is left to chance. */
function literal(text: string): string {
  return `E'${text.replace(/[\\']/g, "\\$&")}'`;
}

export interface Weighed {
  readonly term: string;
  readonly weight: number;
}

/** Whether the frequencies are those of the chunks that are there: not while indexing is under way, nor where it was stopped. */
async function isSettled(database: Database): Promise<boolean> {
  const [{ settled }] = await database.query<{ settled: boolean }>("SELECT settled FROM about");
  return settled;
}

const KEPT = `SELECT term, f.chunks, (SELECT chunks FROM frequencies WHERE term = '') AS total
  FROM unnest($1::text[], $2::text[]) AS asked (term, lexeme) JOIN frequencies f USING (term)`;

const LIVE = `SELECT term, f.chunks, (SELECT count(*)::int FROM chunks) AS total
  FROM unnest($1::text[], $2::text[]) AS asked (term, lexeme),
    LATERAL (SELECT count(*)::int AS chunks FROM chunks WHERE terms @@ lexeme::tsquery) f WHERE f.chunks > 0`;

/** The terms of a query that some chunk has, and what each is worth. */
async function weighed(database: Database, text: string, live: boolean): Promise<Weighed[]> {
  const terms = [...new Set([...termsOf(text)].map(({ term }) => term))];
  if (terms.length === 0) return [];
  const rows = await database.query<{ term: string; chunks: number; total: number }>(live ? LIVE : KEPT, [
    terms,
    terms.map(quoted),
  ]);
  const known = rows
    .map(({ term, chunks, total }) => ({ term, part: chunks / total, weight: Math.log(1 + total / chunks) }))
    .sort((a, b) => b.weight - a.weight || (a.term < b.term ? -1 : 1));
  const rare = known.filter(({ part }) => part <= COMMON);
  return (rare.length > 0 ? rare : known).slice(0, MOST_TERMS);
}

async function described(
  database: Database,
  { nearness, vectors, identity }: Settings,
  vector: Float32Array | undefined,
  fused: readonly Fused[],
): Promise<Ranked[]> {
  if (fused.length === 0) return [];
  const { operator } = OPERATORS[nearness];
  const half = vectors === "halfvec" ? `::halfvec(${identity.dimension})` : "";
  const distance = vector === undefined ? "NULL::float8" : `(c.embedding ${operator} $2::vector${half})::float8`;
  const rows = await database.query<Omit<Ranked, "similarity" | "ranks" | "score"> & { distance: number | null }>(
    `SELECT c.id, path, place, line, page, text, fields, ${distance} AS distance
     FROM chunks c JOIN files f ON f.id = c.file WHERE c.id = ANY($1::int[])`,
    [fused.map(({ id }) => id), ...(vector === undefined ? [] : [packed(vector)])],
  );
  const byId = new Map(rows.map((row) => [row.id, row]));
  return fused.flatMap(({ id, score, ranks: [vectorRank, wordRank] }) => {
    const row = byId.get(id);
    if (row === undefined) return [];
    const { distance, ...rest } = row;
    const similarity = distance === null ? null : nearness === "cosine" ? 1 - distance : -distance;
    return [{ ...rest, similarity, ranks: { vector: vectorRank, words: wordRank }, score }];
  });
}
