import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { cannotWrite } from "../output.ts";

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
 * @throws Error naming the process that holds it
 */
export async function lockFolder(folder: string, doing: string): Promise<() => void> {
  const lock = join(folder, "lock");
  const own = `${lock}.${process.pid}`;
  const me: Holder = { pid: process.pid, host: hostname(), began: beginningOf(process.pid), doing };
  const text = JSON.stringify(me);
  try {
    writeFileSync(own, text);
  } catch (error) {
    throw cannotWrite(folder, error as NodeJS.ErrnoException);
  }
  const until = Date.now() + PATIENCE;
  try {
    for (;;) {
      try {
        linkSync(own, lock); // complete from the first moment on, and an error where there is one
        return () => {
          if (contentOf(lock) === text) rmSync(lock, { force: true });
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
      } else takeAway(lock, held);
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

function contentOf(lock: string): string | undefined {
  try {
    return readFileSync(lock, "utf8");
  } catch {
    return undefined;
  }
}

function holderIn(text: string): Holder | undefined {
  try {
    return JSON.parse(text) as Holder;
  } catch {
    return undefined;
  }
}

/** Takes a stale lock away, and only that one: another process may have done so and hold the folder by now. */
function takeAway(lock: string, stale: string): void {
  const aside = `${lock}.${process.pid}.stale`;
  try {
    renameSync(lock, aside);
  } catch {
    return; // somebody was faster
  }
  if (contentOf(aside) !== stale) {
    try {
      linkSync(aside, lock);
    } catch {
      // taken once more
    }
  }
  rmSync(aside, { force: true });
}

/** Of a process on another machine nothing can be known: it counts as alive. */
function isAlive({ pid, host, began }: Holder): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  return began === undefined || beginningOf(pid) === began;
}

/** Clock ticks from the start of the system to that of a process; on Linux. */
function beginningOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
