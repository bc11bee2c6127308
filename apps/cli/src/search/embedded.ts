import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { PGlite, PGliteOptions } from "@electric-sql/pglite";
import { cannotWrite } from "../output.ts";
import { type Database, DatabaseError, inWords, type Value } from "./database.ts";
import { lockFolder } from "./lock.ts";

/** Files of the log of 1 MB each; the default takes 16 MB at once. */
const SMALL_LOG = ["--wal-segsize=1"];

const tablesOf = (folder: string): string => join(folder, "database");

/** Whether there is a complete database in a folder. */
export function hasDatabase(folder: string): boolean {
  return existsSync(tablesOf(folder));
}

/**
 * PostgreSQL in this process, its tables in a folder. The folder appears with a complete database in it: a process killed while it is being
 * made leaves only what the next one clears away.
 *
 * @param doing the command that asks, for the message another process gets
 * @param create whether a folder without a database gets one
 */
export async function openEmbedded(folder: string, doing: string, create: boolean): Promise<Database> {
  const tables = tablesOf(folder);
  if (!create && !hasDatabase(folder)) {
    throw new Error(
      `there is no index in ${folder}: make one first with munjang index, or name another with --database`,
    );
  }
  if (statSync(folder, { throwIfNoEntry: false })?.isFile()) throw new Error(`cannot use ${folder}: it is a file`);
  try {
    makeFolder(folder);
  } catch (error) {
    throw cannotWrite(folder, error as NodeJS.ErrnoException);
  }
  if (!hasDatabase(folder)) checkEmpty(folder);
  const unlock = await lockFolder(folder, doing);
  try {
    if (!existsSync(tables)) await make(folder, tables);
    else if (!existsSync(join(tables, "PG_VERSION"))) throw notOurs(folder, tables);
    const pglite = await start(folder, tables);
    return await overPGlite(folder, pglite, unlock);
  } catch (error) {
    unlock();
    throw error;
  }
}

const IGNORE_ALL = "*\n";

/** A folder in which a database is to be made has nothing in it, or what another process left that was killed while it made one. @throws Error */
function checkEmpty(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const left = /^lock(\.\d.*)?$|^database(\.part)?$/.test(name); // the database itself: another process was faster
    if (!left && !(name === ".gitignore" && readFileSync(path, "utf8") === IGNORE_ALL)) throw notOurs(folder, path);
  }
}

function notOurs(folder: string, path: string): Error {
  return new Error(
    `cannot make an index in ${folder}: ${path} is not of an index; name an empty folder, or one that is not there, with --database`,
  );
}

/** A folder and those above it. Node's own `recursive` says "no such folder" of a file system that is read-only. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    if (!existsSync(folder)) throw error; // another process was faster
  }
}

async function make(folder: string, tables: string): Promise<void> {
  const part = `${tables}.part`;
  rmSync(part, { recursive: true, force: true }); // of one that was killed
  try {
    writeFileSync(join(folder, ".gitignore"), IGNORE_ALL); // vectors belong into nobody's repository
    const pglite = await start(folder, part);
    // Nobody makes another database here, and what others would be made from is half of the size.
    await pglite.exec("UPDATE pg_database SET datistemplate = false");
    for (const name of ["template0", "template1"]) await pglite.exec(`DROP DATABASE ${name}`);
    await pglite.close();
    renameSync(part, tables);
  } catch (error) {
    rmSync(part, { recursive: true, force: true });
    throw inWords(folder, error);
  }
}

/** What PostgreSQL last said on its way down; a database that stops inside WebAssembly has no other way to say why. */
let lastWords = "";

async function start(folder: string, tables: string): Promise<PGlite> {
  const { PGlite } = await import("@electric-sql/pglite");
  const { vector } = await import("@electric-sql/pglite-pgvector");
  const options: PGliteOptions = {
    extensions: { vector },
    initDbStartParams: SMALL_LOG,
    onStdout: () => true,
    onStderr: (text) => {
      if (/\b(PANIC|FATAL|ERROR):/.test(text)) lastWords = text.trim();
      return true;
    },
  };
  lastWords = "";
  try {
    return await PGlite.create(tables, options);
  } catch (error) {
    throw stopped(folder, error);
  }
}

/** ENOSPC by WASI's numbers, as its file system throws it while there is no PostgreSQL yet that could say so. */
const NO_SPACE = 51;

/** An abort inside WebAssembly as a sentence. */
function stopped(folder: string, error: unknown): DatabaseError {
  const { code } = error as { code?: string };
  if (code !== undefined && /^[0-9A-Z]{5}$/.test(code)) return inWords(folder, error);
  const { errno } = error as { errno?: number };
  if (errno === NO_SPACE) return inWords(folder, new Error("No space left on device"));
  const said = lastWords.replace(/^.*?\b(PANIC|FATAL|ERROR):\s*/s, "");
  if (/No space left|ENOSPC/.test(`${said} ${error}`)) return inWords(folder, new Error("No space left on device"));
  const why = said || (error instanceof Error ? error.message : String(error));
  return new DatabaseError(
    `${folder}: the database stopped: ${why}; run it again, and if it stops again, remove the folder and index anew`,
  );
}

async function overPGlite(folder: string, pglite: PGlite, unlock: () => void): Promise<Database> {
  let serializers: Record<number, (value: unknown) => string> = {};
  const database: Database = {
    name: folder,
    embedded: true,
    async query<R>(sql: string, values: readonly Value[] = []) {
      try {
        return (await pglite.query<R>(sql, [...values], { serializers })).rows;
      } catch (error) {
        throw stopped(folder, error);
      }
    },
    async run(sql) {
      try {
        await pglite.exec(sql);
      } catch (error) {
        throw stopped(folder, error);
      }
    },
    async close() {
      try {
        await pglite.close();
      } catch {
        // It stopped before; its log tells the next one how far it was.
      } finally {
        unlock();
      }
    },
  };
  await database.run("CREATE EXTENSION IF NOT EXISTS vector");
  // PGlite prints values of types it does not know; bytes of a vector are to stay what they are.
  const [{ oid }] = await database.query<{ oid: number }>("SELECT oid::int FROM pg_type WHERE typname = 'vector'");
  serializers = { [oid]: (value) => value as string };
  return database;
}
