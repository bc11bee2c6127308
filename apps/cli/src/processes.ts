import { linkSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { cannotWrite } from "./output.ts";

/* What both kinds of lock files, of a bulk output and of an index, ask about the process that left one. */

/** The state of a process, and when it began, in clock ticks since the system did; nothing where there is no /proc. */
function aboutProcess(pid: number): { readonly state?: string; readonly began?: string } {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0], began: fields[19] };
  } catch {
    return {};
  }
}

/** When a process began; undefined where nobody can know. */
export function beginningOf(pid: number): string | undefined {
  return aboutProcess(pid).began;
}

/** Whether a process of this machine is at work. Numbers are given out again: `began` tells it from a later one, where that is known. */
export function isAtWork(pid: number, began: string | undefined): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  const about = aboutProcess(pid);
  // One that has ended keeps its number until its parent asks; in a container perhaps nobody does.
  if (/^[ZX]/.test(about.state ?? "")) return false;
  return began === undefined || about.began === began;
}

/**
 * Removes the lock of a process that is gone, and only that one: another process may have done so and hold a lock of its own by now, which is put
 * back.
 *
 * @param isStill whether a file is the lock that was found to be stale
 * @throws Error where the lock cannot be moved
 */
export function takeAway(lock: string, aside: string, isStill: (path: string) => boolean): void {
  try {
    renameSync(lock, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return; // somebody was faster
    throw cannotWrite(lock, error as NodeJS.ErrnoException);
  }
  if (!isStill(aside)) {
    try {
      linkSync(aside, lock);
    } catch {
      // taken once more
    }
  }
  rmSync(aside, { force: true });
}

/**
 * Takes away what processes left beside a lock that were killed while they made it or took it away: `<lock>.<number>` and
 * `<lock>.<number>.stale`.
 *
 * @param isLive whether the process of that number, and what its file says of it, is there still
 */
export function sweep(lock: string, isLive: (path: string, pid: number) => boolean): void {
  const before = `${basename(lock)}.`;
  try {
    for (const name of readdirSync(dirname(lock)).filter((name) => name.startsWith(before))) {
      const number = /^(\d+)(?:\.stale)?$/.exec(name.slice(before.length))?.[1];
      const [pid, path] = [Number(number), join(dirname(lock), name)];
      if (number !== undefined && pid !== process.pid && !isLive(path, pid)) rmSync(path, { force: true });
    }
  } catch {
    // somebody else's, and in nobody's way
  }
}
