/** A value of a statement. Bytes go over as they are, in PostgreSQL's binary form: a vector of 256 numbers need not be printed and parsed. */
export type Value = string | number | boolean | null | Uint8Array | readonly string[] | readonly number[];

/** PostgreSQL with pgvector, in this process or elsewhere: the same statements for both. */
export interface Database {
  /** For messages: a folder, or an address without its password. */
  readonly name: string;
  /** Whether PostgreSQL runs in this process, where nobody writes its log back or sweeps its tables unless told to. */
  readonly embedded: boolean;
  /** One statement with its values, `$1` and so on. @throws DatabaseError */
  query<R = Record<string, unknown>>(sql: string, values?: readonly Value[]): Promise<R[]>;
  /** Statements without values, one after the other. @throws DatabaseError */
  run(sql: string): Promise<void>;
  close(): Promise<void>;
}

/** What a database answered instead of rows, in words for the one who runs the command. */
export class DatabaseError extends Error {
  /** SQLSTATE, where the database itself spoke. */
  readonly code: string | undefined;

  constructor(message: string, code?: string, cause?: unknown) {
    super(message, { cause });
    this.name = "DatabaseError";
    this.code = code;
  }
}

/** Runs `work` in a transaction: all of it is there afterwards, or nothing. */
export async function transaction<T>(database: Database, work: () => Promise<T>, mode = ""): Promise<T> {
  await database.run(`BEGIN ${mode}`);
  try {
    const result = await work();
    await database.run("COMMIT");
    return result;
  } catch (error) {
    await database.run("ROLLBACK").catch(() => {}); // gone, perhaps; the first error says more
    throw error;
  }
}

/** What SQLSTATE says, where the database's own sentence would not help. */
const REMEDIES: Readonly<Record<string, string>> = {
  "53100": "the disk is full: free some space and run it again; what was written before is kept",
  "28P01": "the password was not accepted",
  "28000": "the user was not accepted",
  "3D000": "there is no such database: create it first, for example with createdb",
  "42501": "permission denied",
  "53300": "it has no connection to spare",
  "57P01": "the database was shut down; what was written before is kept: run it again",
  "57P02": "the database was shut down; what was written before is kept: run it again",
  "57P03": "the database is starting up or shutting down: run it again in a moment",
  "25006": "it is read-only",
};

const GONE = "the database went away; what was written before is kept: run it again";

/** What the way to a database says: codes of Node. */
const UNREACHABLE: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nobody listens there: is PostgreSQL running?",
  ENOTFOUND: "there is no such host",
  EAI_AGAIN: "the host cannot be looked up",
  ETIMEDOUT: "no answer",
  ECONNRESET: GONE,
  EPIPE: GONE,
  ENOENT: "there is no such socket: is PostgreSQL running?",
};

interface Raw {
  readonly code?: string;
  readonly detail?: string;
  readonly errors?: readonly Raw[];
}

/** An error of a driver as a sentence that names the database. */
export function inWords(name: string, error: unknown): DatabaseError {
  if (error instanceof DatabaseError) return error;
  const { code = (error as Raw).errors?.[0]?.code, detail } = error as Raw;
  const message = error instanceof Error ? error.message : String(error);
  const known = code === undefined ? undefined : (REMEDIES[code] ?? UNREACHABLE[code]);
  if (known !== undefined) {
    const said = /^[0-9A-Z]{5}$/.test(code ?? "") && code !== "53100" ? ` (${message})` : "";
    return new DatabaseError(`${name}: ${known}${said}`, code, error);
  }
  if (/No space left on device|ENOSPC/.test(message))
    return new DatabaseError(`${name}: ${REMEDIES[53100]}`, "53100", error);
  if (/terminated unexpectedly|Connection terminated|not queryable/.test(message)) {
    return new DatabaseError(`${name}: ${GONE}`, "57P01", error);
  }
  return new DatabaseError(`${name}: ${message}${detail === undefined ? "" : ` (${detail})`}`, code, error);
}
