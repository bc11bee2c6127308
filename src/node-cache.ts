import { randomBytes } from "node:crypto";
import { copyFile, lstat, mkdir, readFile, realpath, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { ModelError } from "./base/errors.ts";
import { checksum } from "./node-checksum.ts";

/*
 * The cache that Python's huggingface_hub keeps, one folder a model:
 *
 *     models--owner--name/refs/main                      the commit that a branch or tag stands for
 *     models--owner--name/blobs/<name>                   a file's bytes, by their hash (Python: by whatever the ETag was)
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
    const real = await this.#inside(file);
    const text = real === undefined ? undefined : await readFile(real, "utf8").catch(() => undefined);
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
    return (await stat(this.snapshot(commit)).catch(() => undefined))?.isDirectory() ?? false;
  }

  /** The folder of a commit's files. */
  snapshot(commit: string): string {
    return join(this.folder, "snapshots", commit);
  }

  async find(commit: string, path: string): Promise<Known> {
    const real = await this.#inside(this.#pointer(commit, path));
    if (real !== undefined) return { path: real };
    const none = await this.#inside(join(this.folder, ".no_exist", commit, path));
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

  /**
   * Whether the blob of this name is there, of that size, and with the contents that its name promises, if it is a hash.
   * @throws ModelError where something else has its name: it may be what another file's link shows, so it is not replaced.
   */
  async hasBlob(name: string, size: number | undefined): Promise<boolean> {
    const file = this.#blob(name);
    const real = await this.#inside(file);
    if (real === undefined) return false;
    const about = await stat(real);
    if (about.isFile() && about.size === (size ?? about.size) && (await checksum(real, name)) === undefined)
      return true;
    const wanted = size === undefined ? "" : `, which has ${size} bytes`;
    throw new ModelError(
      `is damaged, or another file's: it has ${about.size} bytes and is not what the hub names so${wanted}; remove it, and load the model again`,
      { file },
    );
  }

  #blob(name: string): string {
    return join(this.folder, "blobs", name);
  }

  /** Makes the folder for locks and answers the file in it that says who is fetching the blob. */
  async lock(name: string): Promise<string> {
    await this.#makeFolder(this.#locks);
    const file = join(this.#locks, `${name}.munjang.lock`);
    if ((await lstat(file).catch(() => undefined))?.isSymbolicLink()) {
      throw new ModelError("is a link, which no lock is; remove it", { file });
    }
    return file;
  }

  /** Makes the folder for blobs and answers the file in it where a download collects what has come. */
  async partial(name: string): Promise<string> {
    await this.#makeFolder(dirname(this.#blob(name)));
    return `${this.#blob(name)}.munjang.incomplete`;
  }

  /** Lets `path` of a snapshot show the blob of this name. `partial` is a finished download of it, if it is new. */
  async publish(commit: string, path: string, name: string, partial?: string): Promise<void> {
    const pointer = this.#pointer(commit, path);
    const blob = this.#blob(name);
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
    const snapshot = this.snapshot(commit);
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

  /** Where links lead from `file`; undefined where nothing is. @throws ModelError where that is out of the cache. */
  async #inside(file: string): Promise<string | undefined> {
    const real = await realpath(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
      throw new ModelError(`cannot be opened (${error.code})`, { file, cause: error });
    });
    if (real !== undefined) await this.#checkInside(real, file);
    return real;
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
