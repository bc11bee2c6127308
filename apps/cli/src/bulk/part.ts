import { linkSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type FileHandle, open, rename, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { Usage } from "../input.ts";
import { cannotWrite, type Output, tellOfLimits } from "../output.ts";
import { beginningOf, isAtWork, sweep, takeAway } from "../processes.ts";

/** A file that a later process can go on writing. */
export interface Part extends Output {
  /** Waits until everything is on the disk; answers with the bytes there are. */
  sync(): Promise<number>;
  /** Lets go of the file and leaves it as it is. */
  close(): Promise<void>;
}

/** The files beside an output that is not complete. */
export interface PartFiles {
  readonly target: string;
  readonly part: string;
  readonly checkpoint: string;
  readonly lock: string;
}

export async function partFiles(output: string): Promise<PartFiles> {
  const about = await stat(output).catch(() => undefined);
  if (about !== undefined && !about.isFile())
    throw new Usage(`--resume needs an --output that is a file, not ${output}`);
  const target = about === undefined ? output : realpathSync(output);
  return { target, part: `${target}.part`, checkpoint: `${target}.checkpoint`, lock: `${target}.lock` };
}

/** Bytes gathered before they are written. */
const GATHERED = 1 << 20;

/** Opens the part file, cut to the bytes that are known to be right; 0 begins it anew. */
export async function openPart({ part, target }: PartFiles, bytes: number): Promise<Part> {
  tellOfLimits();
  let file: FileHandle;
  try {
    const mode = statSync(target, { throwIfNoEntry: false })?.mode;
    file = await open(part, bytes === 0 ? "w" : "r+", mode === undefined ? 0o666 : mode & 0o777);
    if (mode !== undefined) await file.chmod(mode & 0o777); // what only its owner may read stays so
    await file.truncate(bytes);
  } catch (error) {
    throw cannotWrite(part, error as NodeJS.ErrnoException);
  }
  let waiting: Uint8Array[] = [];
  let gathered = 0;
  let end = bytes;
  const put = async (data: Uint8Array, at: number): Promise<void> => {
    try {
      for (let done = 0; done < data.length; ) {
        const { bytesWritten } = await file.write(data, done, data.length - done, at + done);
        done += bytesWritten;
      }
    } catch (error) {
      throw cannotWrite(part, error as NodeJS.ErrnoException);
    }
  };
  const flush = async (): Promise<void> => {
    const data = Buffer.concat(waiting);
    [waiting, gathered] = [[], 0];
    await put(data, end);
    end += data.length;
  };
  return {
    seekable: true,
    async write(data) {
      const piece = typeof data === "string" ? Buffer.from(data) : data;
      waiting.push(piece);
      gathered += piece.length;
      if (gathered >= GATHERED) await flush();
    },
    async sync() {
      await flush();
      await file.datasync();
      return end;
    },
    async finish(head) {
      await flush();
      if (head !== undefined) await put(head, 0);
      await file.sync();
      await file.close();
      await rename(part, target);
    },
    close: () => file.close(),
    discard() {},
  };
}

/** Where a file cannot have two names, a lock is made first and written at once; one that is empty for longer is of a process that is gone. In milliseconds. */
const MOMENT = 10_000;

/** Sees that one process writes a part file at a time; until what it answers with is called, or the process is gone. */
export function lock({ lock: path, target }: PartFiles): () => void {
  const mine = `${hostname()} ${process.pid} ${beginningOf(process.pid) ?? ""}`;
  for (;;) {
    if (make(path, mine)) {
      sweep(path, isMaking);
      return () => rmSync(path, { force: true });
    }
    const other = read(path);
    const holder = holderOf(path, other);
    if (holder !== undefined) throw new Error(`${holder} is writing ${target}; if it is gone, delete ${path}`);
    takeAway(path, `${path}.${process.pid}.stale`, (aside) => read(aside) === other);
  }
}

/** Makes the lock, whole from its first moment on: a process killed in between must not leave an empty one. False where there is one. */
function make(path: string, content: string): boolean {
  const own = `${path}.${process.pid}`;
  try {
    writeFileSync(own, content);
    try {
      linkSync(own, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
      writeFileSync(path, content, { flag: "wx" }); // a file system without links
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw cannotWrite(path, error as NodeJS.ErrnoException);
  } finally {
    rmSync(own, { force: true });
  }
}

/** Whether a process that makes a lock does so still. Of one on another machine nothing can be known. */
function isMaking(path: string, pid: number): boolean {
  const [host] = read(path).split(" ");
  return (host !== "" && host !== hostname()) || isAtWork(pid, undefined);
}

/** Who holds a lock, for a message; undefined where it is gone. */
function holderOf(path: string, content: string): string | undefined {
  if (content === "") {
    const made = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    return made !== undefined && Date.now() - made < MOMENT ? "another process" : undefined;
  }
  const [host, pid, start] = content.split(" ");
  const holder = `process ${pid} of ${host}`;
  if (host !== hostname()) return holder;
  // Our own number, and what is none, are of somebody before.
  return Number(pid) > 0 && Number(pid) !== process.pid && isAtWork(Number(pid), start || undefined)
    ? holder
    : undefined;
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
