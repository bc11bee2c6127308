import { checkFields, checkOneOf, checkOptional, refuse } from "./base/door.ts";
import type { Keeping } from "./cache-download.ts";
import { openKept, openUnkept } from "./cache-file.ts";
import { deleteStore, isRefusal, type KeptFile, listStore, openStore, whyRefused } from "./cache-store.ts";
import { type ModelFiles, type ModelSource, openedOnce, openModel } from "./source.ts";
import type { Patience } from "./url.ts";

export { ModelError } from "./base/errors.ts";
export type { KeptFile } from "./cache-store.ts";
export type { LoadProgress } from "./url.ts";

/** Options of `cached`. `onProgress` is told of downloads; `signal` ends them, and what has come by then stays for the next call. */
export interface CachedOptions extends Patience {
  /** The cache's name in the browser. Default: `"munjang"`. */
  cache?: string;
  /**
   * Your own name for what lies behind the URLs. Files kept under another are dropped and fetched anew, those of this one are used without a
   * question to the server (`revalidate: "never"`).
   */
  version?: string;
  /**
   * `"always"`, the default without a `version`: a request of one byte a file asks whether it has changed on the server (ETag, Last-Modified,
   * length); a server that does not answer within five seconds is done without. `"never"`: what is kept is used.
   */
  revalidate?: "always" | "never";
  /** SHA-256 of files by their path, 64 hexadecimal digits. Nothing of such a file is used before all of it was compared. */
  integrity?: Readonly<Record<string, string>>;
  /** Takes files for the same whatever follows the `?`: for signed addresses, which change every time. Default: false. */
  ignoreSearch?: boolean;
  /** Told what went another way: nothing could be kept, the server was not reached, a damaged entry was fetched anew. Default: console.warn. */
  onWarning?: (warning: string) => void;
}

const CACHE = "munjang";

/**
 * A model behind a URL (all its files lie below), or with files behind URLs as `munjang-mini-ko` has them, which the browser keeps: the second
 * load reads it from there. Each file is downloaded whole when it is first opened, in parts that are kept as they come, so that the next call
 * goes on where one was cut, aborted or closed. Where nothing can be kept (no secure context, a full quota) files are read from the
 * server, and `onWarning` is told why.
 *
 * Loading rejects with a ModelError: `field: "integrity"` for a file with another hash than expected; those of a URL otherwise.
 */
export function cached(model: string | URL | ModelFiles, options: CachedOptions = {}): ModelSource {
  checkCachedOptions(options);
  const { version, integrity = {}, ignoreSearch = false, onWarning = console.warn } = options;
  const { revalidate = version === undefined ? "always" : "never" } = options;
  const { name, urlOf, others } = addresses(model);
  const told = new Set<string>();
  const warn = (warning: string): void => {
    if (!told.has(warning)) onWarning(warning);
    told.add(warning);
  };
  let ask: Keeping["ask"] = revalidate === "always" ? "all" : "absent";
  const how: Keeping = {
    ...options,
    get ask() {
      return ask;
    },
    unreachable(problem) {
      ask = "none";
      warn(`${name}: the server cannot be asked whether files have changed (${problem}); what is kept is used`);
    },
    warn,
  };
  let opening: ReturnType<typeof openStore> | undefined;
  const left = new Set(Object.keys(integrity));
  const source = openedOnce(name, async (path) => {
    const url = urlOf(path);
    left.delete(path);
    if (url === undefined) return (await others).open(path);
    opening ??= openStore(options.cache ?? CACHE);
    const expected = integrity[path]?.toLowerCase();
    try {
      await opening;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      warn(`${name}: nothing can be kept, so every load fetches it again: ${whyRefused(error)}`);
      return openUnkept(path, url, expected, options);
    }
    const key = url.origin + url.pathname + (ignoreSearch ? "" : url.search);
    return openKept(path, url, key, expected, await opening, how);
  });
  return {
    ...source,
    async close() {
      for (const path of left) warn(`integrity: ${path} was not read, so nothing was compared`);
      left.clear();
      await source.close();
      await (await others).close();
    },
  };
}

function checkCachedOptions(options: CachedOptions): void {
  checkFields(options, {
    cache: "string",
    version: "string",
    ignoreSearch: "boolean",
    integrity: "object",
    onProgress: "function",
    onWarning: "function",
  });
  const { revalidate, integrity, timeout = 1 } = options;
  if (revalidate !== undefined) checkOneOf("revalidate", revalidate, ["always", "never"]);
  if (!(timeout > 0)) refuse("timeout", "must be milliseconds, more than 0", timeout);
  for (const [path, hash] of Object.entries(integrity ?? {})) {
    checkOptional(`integrity[${path}]`, hash, "string");
    if (!/^[0-9a-f]{64}$/i.test(hash)) refuse(`integrity[${path}]`, "must be SHA-256 as 64 hexadecimal digits", hash);
  }
}

interface Addresses {
  readonly name: string;
  /** Where a file lies, or undefined where it is behind no URL of the web. */
  urlOf(path: string): URL | undefined;
  /** The files that are not. */
  readonly others: Promise<ModelSource>;
}

function addresses(model: string | URL | ModelFiles): Addresses {
  const web = (url: unknown): url is URL => url instanceof URL && /^https?:$/.test(url.protocol);
  if (typeof model === "string" || model instanceof URL) {
    if (!URL.canParse(model)) refuse("model", "is not a URL; a page's own: new URL(…, import.meta.url)", model);
    const folder = new URL(model);
    if (!web(folder)) refuse("model", "must be a URL of https: or http:, as nothing else is fetched", `${model}`);
    if (folder.password !== "") refuse("model", "must not hold a password");
    if (!folder.pathname.endsWith("/")) folder.pathname += "/";
    return {
      name: folder.origin + folder.pathname,
      urlOf(path) {
        const url = new URL(folder);
        url.pathname += path.split("/").map(encodeURIComponent).join("/");
        return url;
      },
      others: openModel({ files: {} }),
    };
  }
  if (typeof model !== "object" || model === null || typeof model.files !== "object" || model.files === null) {
    return refuse("model", "must be a URL, or { files: { path: URL } }", model);
  }
  const { name = "files behind URLs", files } = model;
  return {
    name,
    urlOf(path) {
      const file = Object.hasOwn(files, path) ? files[path] : undefined;
      return web(file) ? file : undefined;
    },
    others: openModel(model),
  };
}

/** What the browser keeps. */
export interface CachedSize {
  /** Bytes of all files. */
  readonly bytes: number;
  readonly files: readonly KeptFile[];
  /** Bytes of everything this site has stored, and how much it may; undefined where the browser does not say. */
  readonly usage: number | undefined;
  readonly quota: number | undefined;
  /** False where the browser may clear it when the disk is full; `navigator.storage.persist()` asks it not to. */
  readonly persisted: boolean;
}

/** How much is kept, file by file, in the cache of some name. All zero where nothing can be kept. */
export async function cachedSize(cache: string = CACHE): Promise<CachedSize> {
  const files = (await listStore(cache).catch(none)).filter(({ kept }) => !kept.absent).map(({ file }) => file);
  const storage = globalThis.navigator?.storage;
  const { usage, quota } = (await storage?.estimate?.().catch(() => undefined)) ?? {};
  const persisted = (await storage?.persisted?.().catch(() => false)) ?? false;
  return { bytes: files.reduce((sum, { bytes }) => sum + bytes, 0), files, usage, quota, persisted };
}

/**
 * Lets go of a model's files (a URL: of all that lie below it), or of everything, in the cache of some name. A model that is loaded does not
 * need them; one that is loading does.
 */
export async function clearCached(model?: string | URL | ModelFiles, cache: string = CACHE): Promise<void> {
  if (model === undefined) return deleteStore(cache).catch(() => {});
  const { name, urlOf } = addresses(model);
  const paths = typeof model === "object" && "files" in model ? Object.keys(model.files) : [];
  const wanted = new Set(paths.map((path) => urlOf(path)).map((url) => url && url.origin + url.pathname));
  for (const { file, kept } of await listStore(cache).catch(none)) {
    const address = file.url.replace(/\?.*/, "");
    if (paths.length === 0 ? address.startsWith(name) : wanted.has(address)) {
      await (await openStore(cache)).drop(kept);
    }
  }
}

/** Where nothing can be kept there is nothing. */
function none(error: unknown): never[] {
  if (isRefusal(error)) return [];
  throw error;
}
