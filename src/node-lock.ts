import { randomBytes } from "node:crypto";
import { link, mkdir, open, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { kill, pid } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

/*
 * A file that says who is downloading what, so that two processes do not fetch the same bytes. Only traffic hangs on it: what is
 * downloaded is written at its own place in the file, verified there, and renamed, which ends well with two writers, too.
 */

/** A holder touches its lock this often, */
const BEAT = 3000;
/** and one that has not for so long is gone. Longer than any pause of a live event loop that is worth respecting. */
const STALE = 20_000;
/** How often a waiting process looks, in milliseconds. */
const LOOK = 100;

/** Does `work` once nobody else holds the lock at `path`. */
export async function withLock<T>(path: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  const mine = `${hostname()}\n${pid}\n${randomBytes(8).toString("hex")}`;
  let vanished = 0;
  while (!(await take(path, mine, vanished < 20))) {
    const other = await readFile(path, "utf8").catch(() => undefined);
    vanished = other === undefined ? vanished + 1 : 0;
    if (other !== undefined && (await isGone(path, other))) await clear(path, other);
    else await sleep(LOOK, undefined, { signal }).catch(() => {});
    signal?.throwIfAborted();
  }
  const beat = setInterval(() => utimes(path, new Date(), new Date()).catch(() => {}), BEAT);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    if ((await readFile(path, "utf8").catch(() => "")) === mine) await rm(path, { force: true });
  }
}

async function take(path: string, mine: string, patient: boolean): Promise<boolean> {
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(path, "wx", 0o664);
    await file.writeFile(mine);
    await file.close();
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" || (code === "ENOENT" && patient)) return false; // ENOENT: somebody cleans up the folder of locks
    throw error;
  }
}

async function isGone(path: string, holder: string): Promise<boolean> {
  const about = await stat(path).catch(() => undefined);
  if (about === undefined) return false;
  if (Date.now() - about.mtimeMs > STALE) return true;
  const [host, id] = holder.split("\n");
  if (host !== hostname() || !/^\d+$/.test(id ?? "")) return false; // or only just made
  try {
    kill(Number(id), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

/** Removes the lock of a holder that is gone; one that another process has put there since is put back. */
async function clear(path: string, gone: string): Promise<void> {
  const aside = `${path}.${randomBytes(4).toString("hex")}`;
  try {
    await rename(path, aside);
  } catch {
    return; // somebody else was faster
  }
  if ((await readFile(aside, "utf8").catch(() => gone)) !== gone) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}
