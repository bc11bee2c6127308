import type { ByteSource } from "./base/bytes.ts";
import { refuse } from "./base/door.ts";
import { fail, ModelError } from "./base/errors.ts";
import { sourceOf } from "./formats/stored.ts";
import { openUrl, type Patience } from "./url.ts";

/** Where the files of one model come from. */
export interface ModelSource {
  /** For messages: the name or the folder the caller gave. */
  readonly name: string;
  /** The folder on this machine where the files lie, or will lie once they have been opened; undefined where there is none. */
  readonly folder?: string;
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

/** A folder that a page's user has picked (`showDirectoryPicker()`), or one of the page's own file system. */
export interface DirectoryHandle {
  readonly kind: "directory";
  readonly name: string;
  getDirectoryHandle(name: string): Promise<DirectoryHandle>;
  getFileHandle(name: string): Promise<{ getFile(): Promise<Blob> }>;
}

/** Files as `<input type="file" webkitdirectory>` or `multiple` gives them. The folder that was picked is the model. */
export type FileListLike = ArrayLike<Blob & { readonly name: string; readonly webkitRelativePath?: string }>;

/**
 * What `load` takes: a folder, an installed weights package or a model of the hub by name (Node, Deno, Bun); a URL below which the files
 * lie; files in memory or behind URLs, a directory handle, a list of files; or a source of your own.
 */
export type ModelInput = string | URL | ModelFiles | DirectoryHandle | FileListLike | ModelSource;

/** Options for where files come from. All but `signal`, `timeout` and `onProgress` are for models of the hub. */
export interface SourceOptions extends Patience {
  /** Branch, tag or commit. Default: `main`. */
  revision?: string;
  /** Default: `HF_HUB_CACHE`, or `hub` in `HF_HOME`, or `~/.cache/huggingface/hub`: the cache that Python uses. */
  cacheDir?: string;
  /** Use what is in the cache, ask no server. Default: `HF_HUB_OFFLINE`. */
  localFilesOnly?: boolean;
  /** Ask the hub where the branch stands today, instead of taking the commit in the cache. Default: false. */
  refresh?: boolean;
  /** For private and gated models; sent to `endpoint` and nowhere else. Default: `HF_TOKEN`. */
  token?: string;
  /** Default: `HF_ENDPOINT`, or https://huggingface.co. */
  endpoint?: string;
}

/** What only some runtimes can do. `node.ts` provides it where there is a file system. */
export interface Platform {
  openName(name: string, options: SourceOptions): Promise<ModelSource>;
  openFile(url: URL): Promise<ByteSource | undefined>;
}

let platform: Platform | undefined;

export function setPlatform(to: Platform): void {
  platform = to;
}

/**
 * What `load` does first: finds out what a name stands for and how its files are reached. Of a model of the hub the commit is looked up; files
 * are fetched as they are opened. Whoever opens a source closes it, and may go on to use it after that.
 * @throws ModelError where it names no model.
 */
export async function openModel(input: ModelInput, options: SourceOptions = {}): Promise<ModelSource> {
  if (typeof input === "object" && input !== null) {
    if ("open" in input && typeof input.open === "function") return input;
    if ("files" in input && typeof input.files === "object" && input.files !== null) {
      return inMemory(input.name ?? "files in memory", Object.entries(input.files), options);
    }
    if ("getFileHandle" in input) return inDirectory(input);
    if ("length" in input && input.length > 0 && Array.from(input).every((file) => file instanceof Blob)) {
      // Paths begin with the folder that was picked.
      const named = Array.from(input, (f) => [f.webkitRelativePath?.replace(/^[^/]*\//, "") || f.name, f] as const);
      return inMemory("files", named, options);
    }
  }
  // Last, for runtimes that have no URL.
  if (typeof input === "string" || input instanceof URL) {
    const name = String(input);
    if (name.trim() === "") refuse("model", "must name a model", name);
    if (/^https?:/i.test(name)) return behindUrl(name, options);
    const problem = "is a name, and this runtime has no file system; give a URL or { files: { path: bytes } }";
    return platform?.openName(name, options) ?? refuse("model", problem, name);
  }
  return refuse("model", "must be a name, a folder, a URL, a list of files, or { files: { path: bytes } }", input);
}

/** The path of a file in a folder of a model; "" is the model's own. */
export function inFolder(folder: string, file: string): string {
  return folder === "" ? file : `${folder}/${file}`;
}

/** All files below a URL. */
function behindUrl(name: string, options: SourceOptions): ModelSource {
  if (!URL.canParse(name)) refuse("model", "is not a URL", name);
  const folder = new URL(name);
  if (!folder.pathname.endsWith("/")) folder.pathname += "/";
  return openedOnce(folder.origin + folder.pathname, (path) => {
    const file = new URL(folder);
    file.pathname += path.split("/").map(encodeURIComponent).join("/");
    return openUrl(path, file, options);
  });
}

function inMemory(
  name: string,
  entries: readonly (readonly [string, ModelFiles["files"][string]])[],
  options: SourceOptions,
): ModelSource {
  const files = new Map(entries);
  return openedOnce(name, async (path) => {
    const file = files.get(path);
    return file === undefined ? undefined : asBytes(path, file, options);
  });
}

function inDirectory(root: DirectoryHandle): ModelSource {
  return openedOnce(root.name, async (path) => {
    const names = path.split("/");
    const last = names.pop() ?? "";
    try {
      let folder = root;
      for (const name of names) folder = await folder.getDirectoryHandle(name);
      return fromBlob(await (await folder.getFileHandle(last)).getFile());
    } catch (cause) {
      const { name, message } = cause as Error;
      if (name === "NotFoundError") return undefined;
      throw new ModelError(`cannot be opened: ${message}`, { file: path, cause });
    }
  });
}

/** A source that opens each file the first time it is asked for, and closes all of them at the end. Paths that lead out are refused. */
export function openedOnce(
  name: string,
  open: (path: string) => Promise<ByteSource | undefined>,
  folder?: string,
): ModelSource {
  const opened = new Map<string, Promise<ByteSource | undefined>>();
  return {
    name,
    folder,
    open: async (asked) => {
      const path = insideModel(asked);
      if (path === undefined) fail(asked, undefined, OUTSIDE);
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

export const OUTSIDE = "leads out of the model's folder";

/** A path, which may be from a file that is hostile, without empty parts and `.`; undefined where it is not relative, or leads out. */
export function insideModel(path: string): string | undefined {
  const names = path.split("/");
  if (/^\/|^[A-Za-z]:|[\\\0]|\p{Cs}/u.test(path) || names.includes("..")) return undefined;
  return names.filter((name) => name !== "" && name !== ".").join("/");
}

async function asBytes(
  path: string,
  file: ModelFiles["files"][string],
  options: SourceOptions,
): Promise<ByteSource | undefined> {
  if (typeof file === "string") return sourceOf(new TextEncoder().encode(file));
  if (file instanceof ArrayBuffer) return file;
  if (file instanceof Uint8Array) return sourceOf(file);
  if (file instanceof URL) {
    if (file.protocol !== "file:") return openUrl(path, file, options);
    const problem = "is a file, and this runtime has no file system";
    return platform?.openFile(file) ?? fail(path, "url", problem, file.href);
  }
  if (typeof file === "object" && file !== null && typeof file.arrayBuffer === "function") return fromBlob(file);
  return fail(path, undefined, "must be bytes, a Blob, a string or a URL", file);
}

function fromBlob(blob: Blob): ByteSource {
  return { byteLength: blob.size, slice: (start, end) => blob.slice(start, end).arrayBuffer() };
}

/** A file as text, or undefined where there is none. Byte order marks are dropped; bytes that are not UTF-8 are an error. */
export async function readText(source: ModelSource, path: string): Promise<string | undefined> {
  const bytes = await source.open(path);
  if (bytes === undefined) return undefined;
  const content = await bytes.slice(0, bytes.byteLength);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch (cause) {
    throw new ModelError("is not UTF-8; fetch it again", { file: path, cause });
  }
}
