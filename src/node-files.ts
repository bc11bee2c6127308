import { open, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { cwd } from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { ByteSource } from "./base/bytes.ts";
import { ModelError } from "./base/errors.ts";
import { type ModelSource, openedOnce } from "./source.ts";

/** The path that a file: URL means. @throws ModelError where it is no URL, or one of another machine */
export function pathOf(url: string | URL): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new ModelError(`is no file of this machine: ${(cause as Error).message}`, {
      field: "model",
      value: String(url),
      cause,
    });
  }
}

/** An existing folder, else an installed weights package: one whose package.json says `"munjang": { "model": "./folder" }`. */
export async function findFolder(name: string): Promise<string | undefined> {
  const folder = resolve(name.startsWith("file:") ? pathOf(name) : name);
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory()) return folder;
  if (found !== undefined) {
    throw new ModelError("is a file; name the folder that holds config.json and the weights", {
      field: "model",
      value: name,
    });
  }
  // Names of packages have no slash, or begin with @: they cannot be taken for a model of the hub.
  if (!/^(@[^/]+\/)?[^/.@\\][^/\\]*$/.test(name)) return undefined;
  // As seen from where the program runs, then from where the engine is installed.
  for (const from of [pathToFileURL(join(cwd(), "package.json")), import.meta.url]) {
    try {
      const require = createRequire(from);
      const manifest = require.resolve(`${name}/package.json`);
      const model: unknown = require(manifest).munjang?.model;
      if (typeof model !== "string") {
        throw new ModelError('is an installed package, but its package.json has no "munjang": { "model": … }', {
          field: "model",
          value: name,
        });
      }
      return join(dirname(manifest), model);
    } catch (error) {
      if (error instanceof ModelError) throw error;
    }
  }
  return undefined;
}

/** A folder on disk. Files stay open until `close`, so that a file replaced meanwhile cannot mix two models. */
export function openFolder(folder: string, name: string): ModelSource {
  return openedOnce(name, (path) => openFile(join(folder, path)), folder);
}

/** Text up to this size is read when it is opened, so that with `rows: "source"` hardly more than the weights stay open. */
const READ_AT_ONCE = 1 << 20;

/** A file on disk, or undefined where there is none. `named` is what messages call it. */
export async function openFile(path: string, named: string = path): Promise<ByteSource | undefined> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw new ModelError(`cannot be opened (${error.code})`, { file: named, cause: error });
  });
  if (file === undefined) return undefined;
  const about = await file.stat();
  if (!about.isFile()) {
    await file.close();
    throw new ModelError("is not a file", { file: named });
  }
  const bytes: ByteSource = {
    byteLength: about.size,
    slice: async (start, end, into) => {
      const bytes = new Uint8Array(into ?? new ArrayBuffer(end - start));
      let filled = 0;
      while (filled < bytes.length) {
        // A single read is at most 2 GiB on every system Node runs on.
        const length = Math.min(bytes.length - filled, 1 << 30);
        const { bytesRead } = await file.read(bytes, filled, length, start + filled);
        if (bytesRead === 0) break; // the file shrank; the format's reader says so
        filled += bytesRead;
      }
      return filled === bytes.length ? bytes.buffer : bytes.buffer.slice(0, filled);
    },
    close: () => file.close(),
  };
  if (about.size > READ_AT_ONCE || !/\.(json|txt)$/.test(named)) return bytes;
  try {
    return await bytes.slice(0, about.size);
  } finally {
    await file.close();
  }
}
