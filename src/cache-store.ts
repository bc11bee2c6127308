import { ModelError } from "./base/errors.ts";
import { sha256 } from "./base/sha256.ts";

/*
 * What is kept of files, in the Cache API: parts of 2 MB, each an entry of its own, which is there whole or not at all, and a note a file
 * that says which parts belong together. Parts are written first and the note that calls a file whole last, so whatever ends a download in
 * the middle (an abort, a full disk, a tab that is closed) leaves parts to go on from and no file that is taken for whole.
 */

/** Bytes of a part: what an abort loses at most, and what is hashed and held in memory at a time. */
export const PART: number = 2 ** 21;

/** The note of a file. */
export interface Kept {
  readonly url: string;
  /** The caller's `version`. */
  readonly pin?: string;
  /** What the server calls this state of the file: its ETag, or Last-Modified. */
  readonly version?: string;
  /** Stands in the keys of its parts, so that parts of two states never mix. */
  readonly id: string;
  /** Bytes of the file, where the server has said so, or it is whole. */
  readonly total?: number;
  /** SHA-256 of every part, once all are there. */
  readonly parts?: readonly string[];
  /** SHA-256 of the file, once it was compared with what the caller expects. */
  readonly sha256?: string;
  /** The server had no such file. */
  readonly absent?: boolean;
}

/** All of these but `part` throw a ModelError of the field `cache` where the browser refuses. */
export interface Store {
  readonly name: string;
  find(url: string): Promise<Kept | undefined>;
  note(kept: Kept): Promise<void>;
  /** Keeps a part, and answers its SHA-256. */
  put(kept: Kept, part: number, bytes: Uint8Array<ArrayBuffer>): Promise<string>;
  /** A part and what its SHA-256 is, or undefined where it is missing or cannot be read. */
  part(kept: Kept, part: number): Promise<{ bytes: Uint8Array<ArrayBuffer>; sha256: string } | undefined>;
  /** What the parts at the beginning of a file that is not whole had as SHA-256 when they came. */
  held(kept: Kept): Promise<string[]>;
  drop(kept: Kept): Promise<void>;
}

/** Begins every key, which is no address of anything. The number is that of this layout: files kept in another are not found. */
const KEYS = "https://munjang.invalid/1/";
const HASH = "x-sha256";

/** @throws ModelError of the field `cache` where nothing can be kept. */
export async function openStore(name: string): Promise<Store> {
  const cache = await (await reachable()).open(name).catch(refused);
  const put = (key: string, body: BodyInit, headers: Record<string, string>): Promise<void> =>
    cache.put(key, new Response(body, { headers })).catch(refused);
  return {
    name,
    find: async (url) => noteIn(await cache.match(keyOf(url)).catch(refused)),
    note: (kept) => put(keyOf(kept.url), JSON.stringify(kept), { "content-type": "application/json" }),
    async put(kept, part, bytes) {
      const hash = await digest(bytes);
      await put(keyOf(kept.url, kept.id, part), bytes, { "content-length": `${bytes.length}`, [HASH]: hash });
      return hash;
    },
    async part(kept, part) {
      try {
        const response = await cache.match(keyOf(kept.url, kept.id, part));
        if (response === undefined) return undefined;
        const bytes = new Uint8Array(await response.arrayBuffer());
        return { bytes, sha256: await digest(bytes) };
      } catch {
        return undefined;
      }
    },
    async held(kept) {
      const hashes: string[] = [];
      for (;;) {
        const response = await cache.match(keyOf(kept.url, kept.id, hashes.length)).catch(refused);
        const hash = response?.headers.get(HASH);
        // The last part of a file may be a short one.
        if (!hash || Number(response?.headers.get("content-length")) !== PART) return hashes;
        hashes.push(hash);
      }
    },
    async drop(kept) {
      // What is there, and not what the file is said to have: a server may claim any length.
      const parts = new URL(keyOf(kept.url, kept.id, 0).slice(0, -1)).href;
      for (const { url } of await cache.keys().catch(refused)) {
        if (url.startsWith(parts)) await cache.delete(url).catch(refused);
      }
      await cache.delete(keyOf(kept.url)).catch(refused);
    },
  };
}

/** A file of a store as `cachedSize` tells of it. */
export interface KeptFile {
  readonly url: string;
  /** Bytes kept; fewer than `total` where a download was not finished. */
  readonly bytes: number;
  /** Bytes of the file, or undefined where the server has not said. */
  readonly total: number | undefined;
}

/** What stands in a store, which need not exist; notes of files that the server has not are `kept.absent`. */
export async function listStore(name: string): Promise<{ file: KeptFile; kept: Kept }[]> {
  const all = await reachable();
  if (!(await all.has(name).catch(refused))) return [];
  const cache = await all.open(name).catch(refused);
  const keys = (await cache.keys().catch(refused)).map(({ url }) => url).filter((url) => url.startsWith(KEYS));
  const counts = new Map<string, number>();
  for (const key of keys.filter((key) => key.includes("?"))) {
    const file = key.slice(0, key.indexOf("?"));
    counts.set(file, (counts.get(file) ?? 0) + 1);
  }
  const files = [];
  for (const key of keys.filter((key) => !key.includes("?"))) {
    const kept = await noteIn(await cache.match(key).catch(refused));
    if (kept === undefined) continue;
    const { url, total } = kept;
    const bytes = Math.min(PART * (counts.get(key) ?? 0), total ?? Number.POSITIVE_INFINITY);
    files.push({ file: { url, bytes, total }, kept });
  }
  return files;
}

export async function deleteStore(name: string): Promise<void> {
  await (await reachable()).delete(name).catch(refused);
}

/** The runtime's caches: asking for them throws where a page is sandboxed or its cookies are blocked. */
async function reachable(): Promise<CacheStorage> {
  try {
    if (globalThis.caches !== undefined) return globalThis.caches;
  } catch (cause) {
    refused(cause);
  }
  const insecure = globalThis.isSecureContext === false;
  return refused(new Error(insecure ? "the page is not served securely (https, or localhost)" : "no Cache API here"));
}

function refused(cause: unknown): never {
  const { name, message } = cause as Error;
  throw new ModelError(name === "Error" ? message : `${name}: ${message}`, { field: "cache", cause });
}

/** Whether the browser would not keep something, as opposed to all else that can go wrong. */
export function isRefusal(error: unknown): error is ModelError {
  return error instanceof ModelError && error.field === "cache";
}

/** What the browser said, without the field's name. */
export function whyRefused({ message }: ModelError): string {
  return message.replace(/^cache: /, "");
}

function keyOf(url: string, id?: string, part?: number): string {
  return KEYS + encodeURIComponent(url) + (id === undefined ? "" : `?id=${id}&part=${part}`);
}

/** A note that cannot be read is none. */
async function noteIn(response: Response | undefined): Promise<Kept | undefined> {
  const kept = (await response?.json().catch(() => undefined)) as Kept | undefined;
  return typeof kept?.url === "string" && typeof kept.id === "string" ? kept : undefined;
}

/** SHA-256, 64 hexadecimal digits. The browser's own does not keep the page waiting; there is none where pages are not served securely. */
export async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const subtle = globalThis.crypto?.subtle;
  if (subtle === undefined) return sha256().update(bytes).hex();
  const hash = new Uint8Array(await subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
