import { type Database, inWords, type Value } from "./database.ts";

/** Milliseconds to wait for a server to answer at all. */
const PATIENCE = 15_000;

/** Whether a database is named by an address rather than by a folder. */
export function isAddress(database: string): boolean {
  return /^postgres(ql)?:\/\//i.test(database);
}

/** An address without what nobody should read in a message. */
export function withoutPassword(address: string): string {
  // The last @ is the one before the host: those before it, and slashes, belong to the password.
  return address.replace(/^(\w+:\/\/[^/@:]*):.*@/, "$1@").replace(/([?&](?:ssl)?password=)[^&]*/gi, "$1…");
}

/** A PostgreSQL server with pgvector, over one connection. */
export async function openServer(address: string): Promise<Database> {
  const { default: pg } = await import("pg");
  const name = withoutPassword(address);
  let gone: unknown;
  let client: InstanceType<typeof pg.Client>;
  try {
    client = new pg.Client({
      connectionString: address,
      connectionTimeoutMillis: PATIENCE,
      application_name: "munjang",
    });
    client.on("error", (error) => (gone = error)); // between two statements; the next one tells
    await client.connect();
  } catch (error) {
    throw inWords(name, error);
  }
  const ask = async <R>(sql: string, values?: readonly Value[]): Promise<R[]> => {
    if (gone !== undefined) throw inWords(name, gone);
    try {
      return (await client.query(sql, values === undefined ? undefined : values.map(forPg))).rows as R[];
    } catch (error) {
      throw inWords(name, gone ?? error);
    }
  };
  return {
    name,
    embedded: false,
    query: (sql, values = []) => ask(sql, values),
    run: async (sql) => void (await ask(sql)),
    async close() {
      await client.end().catch(() => {});
    },
  };
}

function forPg(value: Value): unknown {
  return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.length) : value;
}
