import { once } from "node:events";
import { createWriteStream, fchmodSync, lstatSync, openSync, realpathSync, rmSync, type WriteStream } from "node:fs";
import { open, rename, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Writable } from "node:stream";
import { Usage } from "./input.ts";

/** Where results go. `write` waits while the reader is behind; nothing stands under the final name before `finish`. */
export interface Output {
  write(data: string | Uint8Array): Promise<void>;
  /** `head` takes the place of as many bytes at the beginning; only where `seekable`. */
  finish(head?: Uint8Array): Promise<void>;
  /** Takes back what was written to a file. */
  discard(): void;
  /** Whether it is a file that can be written to at its beginning in the end. */
  readonly seekable: boolean;
}

/** Signals that end a command; what it has half-written goes with it. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** What is half-written at the moment. */
const unfinished = new Set<string>();

function interrupted(_: string, signal: number): void {
  for (const path of unfinished) rmSync(path, { recursive: true, force: true });
  process.exit(128 + signal);
}

/** Takes a file or a folder away should a signal end the command; until what it answers with is called. */
export function removeOnSignal(path: string): () => void {
  if (unfinished.size === 0) for (const signal of SIGNALS) process.on(signal, interrupted);
  unfinished.add(path);
  return () => {
    if (unfinished.delete(path) && unfinished.size === 0) {
      for (const signal of SIGNALS) process.off(signal, interrupted);
    }
  };
}

/**
 * A name beside a file or folder that nobody has: its own, the process's, and a number where another process had the same one and was killed
 * (in a container all have the same). What is left there stays: it may be another machine's.
 */
export function nameBeside(target: string, hidden = false): string {
  for (let n = 0; ; n++) {
    const name = `${hidden ? "." : ""}${basename(target)}.${process.pid}${n === 0 ? "" : `.${n}`}.part`;
    const path = join(dirname(target), name);
    if (!isThere(path)) return path;
  }
}

function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false; // who opens it is told why that cannot be
  }
}

/** Standard output, or a file: written beside its final place and renamed when complete, so that nobody sees half of it. */
export async function openOutput(file: string | undefined): Promise<Output> {
  tellOfLimits();
  if (file === undefined) return straightTo(process.stdout, "standard output");
  if (file === "") throw new Usage("--output needs the name of a file");
  const about = await stat(file).catch(() => undefined);
  if (about?.isDirectory()) throw new Error(`cannot write ${file}: it is a folder`);
  // A device or a pipe has no half: it is written to as it stands.
  if (about !== undefined && !about.isFile()) return straightTo(createWriteStream(file), file);
  const target = about === undefined ? file : realpathSync(file); // a link stays, what it points to is replaced
  const beside = nameBeside(target);
  const forget = removeOnSignal(beside); // before there is anything to leave behind
  let stream: WriteStream;
  try {
    const mode = (about?.mode ?? 0o666) & 0o777;
    const fd = openSync(beside, "wx", mode);
    if (about !== undefined) fchmodSync(fd, mode); // what only its owner may read stays so
    stream = createWriteStream(beside, { fd });
  } catch (error) {
    forget();
    throw cannotWrite(file, error as NodeJS.ErrnoException);
  }
  const failed = new Promise<never>((_, reject) => {
    stream.once("error", (error: NodeJS.ErrnoException) => reject(cannotWrite(file, error)));
  });
  failed.catch(() => {}); // it is awaited where something is written
  return {
    seekable: true,
    async write(data) {
      if (!stream.write(data)) await Promise.race([once(stream, "drain"), failed]);
    },
    async finish(head) {
      stream.end();
      await Promise.race([once(stream, "close"), failed]);
      if (head !== undefined) await overwrite(beside, head);
      await rename(beside, target);
      forget();
    },
    discard() {
      stream.destroy();
      rmSync(beside, { force: true });
      forget();
    },
  };
}

/** A file that grows beyond a limit (ulimit -f) is an error to write to, where it would else end the process without a word. */
export function tellOfLimits(): void {
  if (process.listenerCount("SIGXFSZ") === 0) process.on("SIGXFSZ", () => {});
}

async function overwrite(path: string, head: Uint8Array): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.write(head, 0, head.length, 0);
  } finally {
    await file.close();
  }
}

export function cannotWrite(file: string, { code = "" }: NodeJS.ErrnoException): Error {
  const known: Record<string, string> = {
    ENOENT: "there is no such folder",
    ENOTDIR: "a part of the path is a file",
    EEXIST: "a part of the path is a file",
    EACCES: "permission denied",
    EPERM: "permission denied",
    EROFS: "the file system is read-only, and another place is needed",
    ENAMETOOLONG: "the name is too long",
    ENOSPC: "the disk is full",
    EDQUOT: "the disk quota is used up",
    EFBIG: "the file would be larger than the system allows (ulimit -f)",
  };
  return new Error(`cannot write ${file}: ${known[code] ?? code}`);
}

function straightTo(stream: Writable, name: string): Output {
  let failure: Error | undefined;
  if (stream !== process.stdout) stream.once("error", (error) => (failure = cannotWrite(name, error)));
  // An error ends the waiting too, in the stream's own words.
  const happened = (event: string): Promise<unknown> =>
    once(stream, event).catch((error) => {
      throw failure ?? error;
    });
  return {
    seekable: false,
    async write(data) {
      if (failure !== undefined) throw failure;
      if (!stream.write(data)) await happened("drain");
    },
    async finish() {
      if (stream === process.stdout) return;
      stream.end();
      await happened("close");
      if (failure !== undefined) throw failure;
    },
    discard() {},
  };
}

/** Writes a file, complete or not at all. */
export async function writeWhole(file: string, content: string): Promise<void> {
  const output = await openOutput(file);
  try {
    await output.write(content);
    await output.finish();
  } catch (error) {
    output.discard();
    throw error;
  }
}
