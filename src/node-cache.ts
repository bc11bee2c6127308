import { randomBytes } from "node:crypto";
import { copyFile, mkdir, readFile, realpath, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { ModelError } from "./base/errors.ts";

/*
 * The cache that Python's huggingface_hub keeps, one folder a model:
 *
 *     models--owner--name/refs/main                      the commit that a branch or tag stands for
 *     models--owner--name/blobs/<etag>                   a file's bytes
 *     models--owner--name/snapshots/<commit>/<path>      a link to them
 *     models--owner--name/.no_exist/<commit>/<path>      an empty file: the commit has no such file
 *
 * Everything appears by a rename or a link, whole. Nothing outside of the cache is read or written, whatever names and links say.
 */

export const COMMIT: RegExp = /^[0-9a-f]{40}$/;

/** What the cache knows of a file: where it is, that there is none, or nothing. */
export type Known = { readonly path: string } | "absent" | undefined;

/** The cached files of one model. */
export class HubCache {
  readonly folder: string;
  readonly #root: string;
  readonly #symlinks: boolean;
  readonly #locks: string;

  /** `symlinks` false puts files into the snapshots themselves, as Python does where links cannot be made. */
  constructor(root: string, id: string, symlinks: boolean) {
    const name = `models--${id.replace("/", "--")}`;
    this.#root = root;
    this.folder = join(root, name);
    this.#locks = join(root, ".locks", name);
    this.#symlinks = symlinks;
  }

  /** The commit that a branch or tag stood for when it was last looked up. */
  async readRef(revision: string): Promise<string | undefined> {
    const file = join(this.folder, "refs", revision);
    const text = await readFile(file, "utf8").catch(() => undefined);
    if (text === undefined || COMMIT.test(text.trim())) return text?.trim();
    throw new ModelError("must be a commit of 40 hexadecimal digits; remove the file", { file, value: text });
  }

  async writeRef(revision: string, commit: string): Promise<void> {
    if (revision === commit) return;
    const file = join(this.folder, "refs", revision);
    await this.#makeFolder(dirname(file));
    const part = `${file}.${unique()}.tmp`;
    await writeFile(part, commit);
    await rename(part, file);
  }

  async hasSnapshot(commit: string): Promise<boolean> {
    return (await stat(join(this.folder, "snapshots", commit)).catch(() => undefined))?.isDirectory() ?? false;
  }

  async find(commit: string, path: string): Promise<Known> {
    const file = this.#pointer(commit, path);
    const real = await realpath(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
      throw new ModelError(`cannot be opened (${error.code})`, { file, cause: error });
    });
    if (real !== undefined) {
      await this.#checkInside(real, file);
      return { path: real };
    }
    const none = await stat(join(this.folder, ".no_exist", commit, path)).catch(() => undefined);
    return none === undefined ? undefined : "absent";
  }

  /** Remembers that there is no such file, as far as the cache can be written. */
  async rememberAbsent(commit: string, path: string): Promise<void> {
    const file = join(this.folder, ".no_exist", commit, path);
    try {
      await this.#makeFolder(dirname(file));
      await writeFile(file, "", { flag: "wx" });
    } catch {
      // It will be asked for again.
    }
  }

  /** The bytes with this etag, where they are there and of that size. */
  async hasBlob(etag: string, size: number | undefined): Promise<boolean> {
    const about = await stat(this.blob(etag)).catch(() => undefined);
    return about?.isFile() === true && (size === undefined || about.size === size);
  }

  blob(etag: string): string {
    return join(this.folder, "blobs", etag);
  }

  lock(etag: string): string {
    return join(this.#locks, `${etag}.munjang.lock`);
  }

  /** Makes the folder for blobs and answers the file in it where a download collects what has come. */
  async partial(etag: string): Promise<string> {
    await this.#makeFolder(dirname(this.blob(etag)));
    return `${this.blob(etag)}.munjang.incomplete`;
  }

  /** Lets `path` of a snapshot show the bytes with this etag. `partial` is a finished download of them, if they are new. */
  async publish(commit: string, path: string, etag: string, partial?: string): Promise<void> {
    const pointer = this.#pointer(commit, path);
    const blob = this.blob(etag);
    await this.#makeFolder(dirname(pointer));
    if (this.#symlinks) {
      if (partial !== undefined) await rename(partial, blob);
      const aside = `${blob}.${unique()}.link`;
      try {
        // Made elsewhere and renamed: a link that leads nowhere any more may stand there.
        await symlink(relative(dirname(pointer), blob), aside);
        await rename(aside, pointer);
        return;
      } catch {
        await rm(aside, { force: true }); // no links here
      }
      if (partial !== undefined) return rename(blob, pointer);
    } else if (partial !== undefined) return rename(partial, pointer);
    const copy = `${blob}.${unique()}.copy`;
    await copyFile(blob, copy);
    await rename(copy, pointer);
  }

  #pointer(commit: string, path: string): string {
    const snapshot = join(this.folder, "snapshots", commit);
    const file = join(snapshot, path);
    if (!COMMIT.test(commit) || !file.startsWith(snapshot + sep)) {
      throw new ModelError("leads out of the model's folder", { file: path });
    }
    return file;
  }

  async #makeFolder(folder: string): Promise<void> {
    await mkdir(this.#root, { recursive: true });
    // Looked at before anything is made: a folder on the way may be a link.
    let there = folder;
    let real = await realpath(there).catch(() => undefined);
    while (real === undefined) {
      there = dirname(there);
      real = await realpath(there).catch(() => undefined);
    }
    await this.#checkInside(real, there);
    await mkdir(folder, { recursive: true });
  }

  async #checkInside(real: string, named: string): Promise<void> {
    const root = await realpath(this.#root);
    if (real === root || real.startsWith(root + sep)) return;
    throw new ModelError("is a link that leads out of the cache, which is not followed", { file: named, value: real });
  }
}

function unique(): string {
  return randomBytes(4).toString("hex");
}
