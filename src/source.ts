import type { ByteSource } from "./base/bytes.ts";
import { ModelError } from "./base/errors.ts";

/** Where the files of one model come from. */
export interface ModelSource {
  /** For messages: the name or the folder the caller gave. */
  readonly name: string;
  /** The file at `path` (relative, `/` between folders), or undefined where there is none. */
  open(path: string): Promise<ByteSource | undefined>;
  /** Lets go of whatever `open` holds. */
  close(): Promise<void>;
}

/** The files of a model by their path inside it: bytes, a `Blob`, text, or a URL to fetch them from. `munjang-mini-ko` exports one. */
export interface ModelFiles {
  readonly name?: string;
  readonly files: Readonly<Record<string, ArrayBuffer | Uint8Array | Blob | string | URL>>;
}

/** What `load` takes: a folder or an installed weights package by name (Node, Deno, Bun), files in memory or behind URLs, or a source of your own. */
export type ModelInput = string | ModelFiles | ModelSource;

/** What only some runtimes can do. `node.ts` provides it where there is a file system. */
export interface Platform {
  openName(name: string): Promise<ModelSource>;
  openFile(url: URL): Promise<ByteSource | undefined>;
}

let platform: Platform | undefined;

export function setPlatform(to: Platform): void {
  platform = to;
}

export async function openModel(input: ModelInput): Promise<ModelSource> {
  if (typeof input === "string") {
    if (input.trim() === "") throw new ModelError("must name a model", { field: "model", value: input });
    if (platform !== undefined) return platform.openName(input);
    throw new ModelError(
      "cannot be opened by name here: this runtime has no file system. Pass { files: { … } } instead",
      {
        field: "model",
        value: input,
      },
    );
  }
  if (typeof input === "object" && input !== null) {
    if ("open" in input && typeof input.open === "function") return input;
    if ("files" in input && typeof input.files === "object" && input.files !== null) return inMemory(input);
  }
  throw new ModelError("must be a name, a folder, or { files: { path: bytes } }", { field: "model", value: input });
}

function inMemory(model: ModelFiles): ModelSource {
  const files = new Map(Object.entries(model.files));
  return openedOnce(model.name ?? "files in memory", async (path) => {
    const file = files.get(path);
    return file === undefined ? undefined : asBytes(path, file);
  });
}

/** A source that opens each file the first time it is asked for, and closes all of them at the end. */
export function openedOnce(name: string, open: (path: string) => Promise<ByteSource | undefined>): ModelSource {
  const opened = new Map<string, Promise<ByteSource | undefined>>();
  return {
    name,
    open: (path) => {
      const file = opened.get(path) ?? open(path);
      opened.set(path, file);
      return file;
    },
    close: async () => {
      const files = [...opened.values()];
      opened.clear();
      for (const file of files) await (await file.catch(() => undefined))?.close?.();
    },
  };
}

async function asBytes(path: string, file: ModelFiles["files"][string]): Promise<ByteSource | undefined> {
  if (typeof file === "string") return whole(new TextEncoder().encode(file));
  if (file instanceof ArrayBuffer) return file;
  if (file instanceof Uint8Array) return whole(file);
  if (file instanceof URL) return fetchBytes(path, file);
  if (typeof file === "object" && file !== null && typeof file.arrayBuffer === "function") {
    return { byteLength: file.size, slice: (start, end) => file.slice(start, end).arrayBuffer() };
  }
  throw new ModelError("must be an ArrayBuffer, a Uint8Array, a Blob, a string or a URL", { file: path, value: file });
}

/** A view of bytes that may be a part of a larger buffer; its slices are copies. */
function whole(bytes: Uint8Array): ByteSource {
  return {
    byteLength: bytes.byteLength,
    // Not bytes.slice: that of a Node Buffer is a view of a larger pool.
    slice: (start, end) => Uint8Array.prototype.slice.call(bytes, start, end).buffer,
  };
}

async function fetchBytes(path: string, url: URL): Promise<ByteSource | undefined> {
  if (url.protocol === "file:") {
    if (platform !== undefined) return platform.openFile(url);
    throw new ModelError("is on a disk, and this runtime has no file system", {
      file: path,
      field: "url",
      value: url.href,
    });
  }
  const response = await fetch(url);
  if (response.status === 404) return undefined;
  if (!response.ok) {
    throw new ModelError(`the server answered ${response.status} ${response.statusText}`, {
      file: path,
      field: "url",
      value: url.href,
    });
  }
  return response.arrayBuffer();
}

/** A file as text, or undefined where there is none. Byte order marks are dropped; bytes that are not UTF-8 are an error. */
export async function readText(source: ModelSource, path: string): Promise<string | undefined> {
  const bytes = await source.open(path);
  if (bytes === undefined) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await bytes.slice(0, bytes.byteLength));
  } catch (cause) {
    if (cause instanceof TypeError)
      throw new ModelError("is not UTF-8 text; fetch the file again", { file: path, cause });
    throw cause;
  }
}
