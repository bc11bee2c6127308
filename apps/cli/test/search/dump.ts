import type { Database } from "../../src/search/database.ts";
import { openEmbedded } from "../../src/search/embedded.ts";

/** Everything an index says, without the numbers its rows happen to have. */
export async function contentOf(database: Database, schema = "munjang"): Promise<Record<string, unknown[]>> {
  const all = (sql: string): Promise<unknown[]> => database.query(sql);
  return {
    files: await all(`SELECT path, hash FROM ${schema}.files ORDER BY path`),
    chunks: await all(
      `SELECT path, place, line, page, text, fields, terms::text, embedding::text
       FROM ${schema}.chunks c JOIN ${schema}.files f ON f.id = c.file ORDER BY path, place`,
    ),
    frequencies: await all(`SELECT term, chunks FROM ${schema}.frequencies ORDER BY term`),
    about: await all(`SELECT settings, settled FROM ${schema}.about`),
  };
}

/** The same of an index in a folder. */
export async function contentOfFolder(folder: string): Promise<Record<string, unknown[]>> {
  const database = await openEmbedded(folder, "test", false);
  try {
    return await contentOf(database);
  } finally {
    await database.close();
  }
}
