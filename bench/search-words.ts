/** How to look up Korean words in PostgreSQL: what `munjang-cli/search` does beside what PostgreSQL has. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { pg_trgm } from "@electric-sql/pglite/contrib/pg_trgm";
import { vector } from "@electric-sql/pglite-pgvector";
import type { SentenceTransformer } from "munjang";
import { fuse, matching } from "../apps/cli/src/search/ranking.ts";
import { asVector, quoted, termsOf } from "../apps/cli/src/search/terms.ts";

interface Task {
  readonly name: string;
  readonly documents: readonly string[];
  readonly queries: readonly { readonly text: string; readonly right: ReadonlySet<number> }[];
}

const QUERIES = 150;
/** As many as are fused. */
const DEPTH = 50;

function tasks(data: string): Task[] {
  const rows = (file: string): string[][] => {
    return readFileSync(join(data, file), "utf8")
      .trim()
      .split("\n")
      .map((line) => line.split("\t"));
  };
  const questions = rows("kobest/BoolQ/test.tsv").slice(1).concat(rows("kobest/BoolQ/train.tsv").slice(1));
  const texts = [...new Map(questions.map(([, text, question]) => [text, question]))];
  const articles = rows("boddari/wikinews_title_body.tsv").slice(1);
  const groups = rows("parakqc/paraKQC_v1.txt").map(([, , sentence]) => sentence);
  const paired = (name: string, pairs: readonly (readonly [string, string])[]): Task => ({
    name,
    documents: pairs.map(([document]) => document),
    queries: pairs.slice(0, QUERIES).map(([, text], i) => ({ text, right: new Set([i]) })),
  });
  return [
    paired("a question, its paragraph (KoBEST BoolQ)", texts),
    paired(
      "a title, its article (Wikinews)",
      articles.map(([title, body]) => [body.slice(0, 400), title] as const),
    ),
    {
      name: "a sentence, nine that say the same (paraKQC)",
      documents: groups.filter((_, i) => i % 10 > 0),
      queries: Array.from({ length: QUERIES }, (_, g) => ({
        text: groups[10 * g],
        right: new Set(Array.from({ length: 9 }, (_, i) => 9 * g + i)),
      })),
    },
  ];
}

/** nDCG-like figures of ten results: mean reciprocal rank of the first right one, and the part of the right ones that is there. */
export async function measureWords(model: SentenceTransformer, data: string): Promise<Record<string, unknown>[]> {
  const results: Record<string, unknown>[] = [];
  for (const { name, documents, queries } of tasks(data)) {
    const db = await PGlite.create({ extensions: { vector, pg_trgm } });
    await db.exec(`CREATE EXTENSION vector; CREATE EXTENSION pg_trgm;
      CREATE TABLE chunks (id int PRIMARY KEY, text text, terms tsvector, simple tsvector, embedding vector(${model.dimension}));
      CREATE TABLE frequencies (term text PRIMARY KEY, chunks int)`);
    const vectors = await model.encode(documents);
    for (let i = 0; i < documents.length; i += 200) {
      const rows = documents
        .slice(i, i + 200)
        .map((text, n) => ({ id: i + n, text, terms: asVector(text), embedding: `[${vectors[i + n]}]` }));
      await db.query(
        `INSERT INTO chunks SELECT id, text, terms, to_tsvector('simple', text), embedding
         FROM json_to_recordset($1::json) AS r (id int, text text, terms tsvector, embedding vector)`,
        [JSON.stringify(rows)],
      );
    }
    await db.exec(`CREATE INDEX ON chunks USING gin (terms); CREATE INDEX ON chunks USING gin (simple);
      INSERT INTO frequencies SELECT word, ndoc FROM ts_stat('SELECT terms FROM chunks');
      INSERT INTO frequencies SELECT '', count(*) FROM chunks; ANALYZE`);
    const ids = async (sql: string, values: unknown[]): Promise<number[]> => {
      return (await db.query<{ id: number }>(sql, values)).rows.map(({ id }) => id);
    };
    const any = (terms: Iterable<string>): string => [...new Set(terms)].map(quoted).join(" | ");
    const database = {
      ...{ name: "", embedded: true, run: async () => {}, close: async () => {} },
      query: async <R>(sql: string, values: readonly unknown[] = []) => (await db.query<R>(sql, [...values])).rows,
    };
    const ways: Record<string, (text: string, i: number) => Promise<number[]>> = {
      "words of the configuration simple, ts_rank": (text) =>
        ids(
          `SELECT id FROM chunks, (SELECT to_tsquery('simple', $1) AS q) AS q WHERE simple @@ q ORDER BY ts_rank(simple, q, 1) DESC, id LIMIT ${DEPTH}`,
          [(text.match(/[\p{L}\p{N}]+/gu) ?? []).join(" | ")],
        ),
      "pg_trgm, similarity": (text) =>
        ids(`SELECT id FROM chunks ORDER BY similarity($1, text) DESC, id LIMIT ${DEPTH}`, [text]),
      "pg_trgm, word_similarity": (text) =>
        ids(`SELECT id FROM chunks ORDER BY word_similarity($1, text) DESC, id LIMIT ${DEPTH}`, [text]),
      "pairs of letters, ts_rank": (text) =>
        ids(
          `SELECT id FROM chunks WHERE terms @@ $1::tsquery ORDER BY ts_rank(terms, $1::tsquery, 1) DESC, id LIMIT ${DEPTH}`,
          [any([...termsOf(text)].map(({ term }) => term))],
        ),
      "pairs of letters by their rarity (munjang)": (text) =>
        matching(database, { text, words: true, limit: DEPTH }, DEPTH),
    };
    const nearest: number[][] = [];
    const asked = await model.encode(queries.map(({ text }) => text));
    for (const query of asked) {
      nearest.push(
        await ids(`SELECT id FROM chunks ORDER BY embedding <=> $1::vector, id LIMIT ${DEPTH}`, [`[${query}]`]),
      );
    }
    const score = (found: readonly (readonly number[])[]) => {
      let [mrr, recall] = [0, 0];
      for (const [i, { right }] of queries.entries()) {
        const ten = found[i].slice(0, 10);
        const first = ten.findIndex((id) => right.has(id));
        if (first >= 0) mrr += 1 / (first + 1);
        recall += ten.filter((id) => right.has(id)).length / right.size;
      }
      return {
        mrr10: Number((mrr / queries.length).toFixed(4)),
        recall10: Number((recall / queries.length).toFixed(4)),
      };
    };
    const table: Record<string, unknown> = { "vectors alone": score(nearest) };
    for (const [way, find] of Object.entries(ways)) {
      const start = performance.now();
      const found: number[][] = [];
      for (const [i, { text }] of queries.entries()) found.push(await find(text, i));
      const milliseconds = Number(((performance.now() - start) / queries.length).toFixed(1));
      const fused = score(found.map((list, i) => fuse([nearest[i], list]).map(({ id }) => id)));
      table[way] = { ...score(found), milliseconds, fused };
    }
    await db.close();
    const line = { task: name, documents: documents.length, queries: queries.length, ways: table };
    results.push(line);
    console.log(JSON.stringify(line));
  }
  return results;
}
