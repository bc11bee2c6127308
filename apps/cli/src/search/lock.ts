import { linkSync, lstatSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { cannotWrite } from "../output.ts";
import { beginningOf, isAtWork, sweep, takeAway } from "../processes.ts";

/** Who holds a folder. */
export interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process began, in the system's own measure, where it can be known: process ids are given out again. */
  readonly began: string | undefined;
  /** The command, such as `index`. */
  readonly doing: string;
}

/** Milliseconds a search waits for another search to be done. */
const PATIENCE = 10_000;
const PAUSE = 50;

/**
 * Takes a folder for this process alone: PostgreSQL in a process of its own does not notice a second one, and both would write over each
 * other. A file `lock` says who holds it; that of a process that is no more is taken over.
 *
 * @returns what gives the folder back
 * @throws Error naming the process that holds it, or why nobody can know
 */
export async function lockFolder(folder: string, doing: string): Promise<() => void> {
  const lock = join(folder, "lock");
  const own = `${lock}.${process.pid}`;
  const me: Holder = { pid: process.pid, host: hostname(), began: beginningOf(process.pid), doing };
  const text = JSON.stringify(me);
  try {
    writeFileSync(own, text);
  } catch (error) {
    const { message } = cannotWrite(folder, error as NodeJS.ErrnoException);
    const why = "; a database writes even while it is only read: copy the folder, and name the copy with --database";
    throw new Error(doing === "search" ? message + why : message, { cause: error });
  }
  const until = Date.now() + PATIENCE;
  try {
    for (;;) {
      try {
        linkSync(own, lock); // complete from the first moment on, and an error where there is one
        sweep(lock, isWaiting);
        return () => {
          if (isStill(lock, text)) rmSync(lock, { force: true });
        };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST")
          throw cannotWrite(folder, error as NodeJS.ErrnoException);
      }
      const held = contentOf(lock);
      if (held === undefined) continue; // given back meanwhile
      const holder = holderIn(held);
      if (holder !== undefined && isAlive(holder)) {
        if (holder.doing !== "search" || Date.now() > until) throw new Error(refusal(folder, lock, holder));
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
      } else takeAway(lock, `${own}.stale`, (aside) => isStill(aside, held));
    }
  } finally {
    rmSync(own, { force: true });
  }
}

function refusal(folder: string, lock: string, { pid, host, doing }: Holder): string {
  const where = host === hostname() ? `process ${pid}` : `process ${pid} of ${host}`;
  const elsewhere = host === hostname() ? "" : `; if that is no more, remove ${lock}`;
  return `${folder} is in use by munjang ${doing} (${where}), and a folder is for one at a time: wait for it${elsewhere}`;
}

/** Undefined where there is no lock (any more). @throws Error where there is one that cannot be read: it may be anybody's */
function contentOf(lock: string): string | undefined {
  try {
    const about = lstatSync(lock, { throwIfNoEntry: false });
    if (about === undefined) return undefined;
    if (about.isFile()) return readFileSync(lock, "utf8");
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw unclear(lock, code === "EACCES" ? "permission denied" : code);
  }
  throw unclear(lock, "it is not a file");
}

function unclear(lock: string, why: string): Error {
  return new Error(`cannot read ${lock}: ${why}; if no munjang is at work in that folder, remove it`);
}

function isStill(lock: string, text: string): boolean {
  try {
    return contentOf(lock) === text;
  } catch {
    return false;
  }
}

function holderIn(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text) as Partial<Holder> | null;
    return Number.isInteger(holder?.pid) && typeof holder?.host === "string" ? (holder as Holder) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a process that waits for the lock does so still; it may be about to write who it is. */
function isWaiting(path: string, pid: number): boolean {
  return isAlive(holderIn(contentOf(path) ?? "") ?? { pid, host: hostname(), began: undefined, doing: "" });
}

/** Of a process on another machine nothing can be known: it counts as alive. */
function isAlive({ pid, host, began }: Holder): boolean {
  return host !== hostname() || isAtWork(pid, began);
}
