import type { ByteSource } from "./base/bytes.ts";
import { fail, ModelError } from "./base/errors.ts";
import { sha256 } from "./base/sha256.ts";
import { download, fetched, isThere, type Keeping } from "./cache-download.ts";
import { digest, isRefusal, type Kept, PART, type Store, whyRefused } from "./cache-store.ts";
import { openUrl, type Patience } from "./url.ts";

/** Opens a file that is kept, after it was fetched if need be; from the server where the browser refuses to keep it. */
export async function openKept(
  file: string,
  url: URL,
  key: string,
  expected: string | undefined,
  store: Store,
  how: Keeping,
): Promise<ByteSource | undefined> {
  if (url.password !== "") fail(file, "url", "must not hold a password");
  try {
    const kept = await alone(`${store.name} ${key}`, how.signal, async () => {
      const found = await usable(file, url, key, store, how);
      const whole = found ?? (await download(file, url, key, store, how));
      if (whole.absent || expected === undefined || whole.sha256 === expected) return whole;
      try {
        return await verified(file, url, whole, expected, store, how);
      } catch (error) {
        if (found === undefined || !(error instanceof ModelError) || error.field !== "integrity") throw error;
        return verified(file, url, await download(file, url, key, store, how), expected, store, how);
      }
    });
    return kept.absent ? undefined : reader(file, url, kept, store, how);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    how.warn(`${file} is not kept, so every load fetches it again: ${whyRefused(error)}`);
    return openUnkept(file, url, expected, how);
  }
}

/** Opens a file on its server. One whose hash is expected is held in memory, as nothing of it may be used before all of it is known. */
export async function openUnkept(
  file: string,
  url: URL,
  expected: string | undefined,
  patience: Patience,
): Promise<ByteSource | undefined> {
  const bytes = await openUrl(file, url, patience);
  if (bytes === undefined || expected === undefined) return bytes;
  const content = await bytes.slice(0, bytes.byteLength);
  check(file, await digest(new Uint8Array(content)), expected);
  return content;
}

function check(file: string, found: string, expected: string): void {
  if (found === expected) return;
  const problem = `its SHA-256 is ${found}, but ${expected} is expected: it is another file, or a damaged one`;
  fail(file, "integrity", problem);
}

/** What is kept of a file, if it is whole and to be used. */
async function usable(file: string, url: URL, key: string, store: Store, how: Keeping): Promise<Kept | undefined> {
  const kept = await store.find(key);
  if (kept === undefined) return undefined;
  if (kept.pin !== how.version) {
    await store.drop(kept);
    return undefined;
  }
  // That a file is missing is asked again, always: else a mistake on the server would last for ever.
  if (!kept.absent && kept.parts === undefined) return undefined;
  if (how.ask === "none" || (how.ask === "absent" && !kept.absent)) return kept;
  if (await isThere(file, url, kept, how)) return kept;
  await store.drop(kept);
  return undefined;
}

/** Compares all of a file with the hash that is expected, and notes it. What is wrong is not kept. */
async function verified(
  file: string,
  url: URL,
  kept: Kept,
  expected: string,
  store: Store,
  how: Keeping,
): Promise<Kept> {
  const hash = sha256();
  const part = partsOf(file, url, kept, store, how);
  for (let n = 0; n < (kept.parts?.length ?? 0); n++) hash.update(await part(n));
  const found = hash.hex();
  if (found !== expected) await store.drop(kept);
  check(file, found, expected);
  const noted = { ...kept, sha256: found };
  await store.note(noted);
  return noted;
}

/** Parts of a file, each compared with its hash; those that are missing or damaged are fetched. */
function partsOf(
  file: string,
  url: URL,
  kept: Kept,
  store: Store,
  how: Keeping,
): (n: number) => Promise<Uint8Array<ArrayBuffer>> {
  const { parts = [], total = 0 } = kept;
  return async (n) => {
    const found = await store.part(kept, n);
    if (found?.sha256 === parts[n]) return found.bytes;
    const state = found === undefined ? "missing" : "damaged";
    how.warn(`${file}: part ${n + 1} of ${parts.length} in the browser's cache is ${state}; it is fetched anew`);
    const bytes = await fetched(file, url, n * PART, Math.min((n + 1) * PART, total), how);
    if ((await digest(bytes)) !== parts[n]) {
      await store.drop(kept).catch(() => {});
      fail(file, undefined, "changed on the server since it was kept; load the model again");
    }
    await store.put(kept, n, bytes).catch(() => {}); // then it is fetched again the next time
    return bytes;
  };
}

function reader(file: string, url: URL, kept: Kept, store: Store, how: Keeping): ByteSource {
  /** Bytes kept of each end of a read: a model's identity is made of its tensors' ends. */
  const ENDS = 4096;
  /** How many are kept: those of a model with a thousand tensors. Rows that are read later are no ends of tensors. */
  const MOST_ENDS = 2000;
  /** Parts at hand: tensors are read in the order of the file, the words beside them. */
  const PARTS_AT_HAND = 2;
  const { total = 0 } = kept;
  const part = partsOf(file, url, kept, store, how);
  const atHand = new Map<number, Promise<Uint8Array>>();
  const ends: { readonly at: number; readonly bytes: ArrayBuffer }[] = [];

  const partAt = (n: number): Promise<Uint8Array> => {
    const bytes = atHand.get(n) ?? part(n);
    atHand.delete(n);
    atHand.set(n, bytes);
    bytes.catch(() => atHand.delete(n));
    for (const oldest of atHand.keys()) {
      if (atHand.size <= PARTS_AT_HAND) break;
      atHand.delete(oldest);
    }
    return bytes;
  };
  return {
    byteLength: total,
    async slice(start, end, into) {
      for (const { at, bytes } of ends) {
        if (at <= start && end <= at + bytes.byteLength) return bytes.slice(start - at, end - at);
      }
      const result = into ?? new ArrayBuffer(end - start);
      const bytes = new Uint8Array(result);
      for (let at = start; at < end; ) {
        const n = Math.floor(at / PART);
        const to = Math.min(end, (n + 1) * PART);
        bytes.set((await partAt(n)).subarray(at - n * PART, to - n * PART), at - start);
        at = to;
      }
      if (end - start > 2 * ENDS && ends.length < MOST_ENDS) {
        ends.push({ at: start, bytes: result.slice(0, ENDS) }, { at: end - ENDS, bytes: result.slice(-ENDS) });
      }
      return result;
    },
    async close() {
      atHand.clear();
      ends.length = 0;
    },
  };
}

/** One tab at a time, where the browser has locks: a file is downloaded once. A tab that is closed lets go of what it holds. */
async function alone<T>(name: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  const locks = globalThis.navigator?.locks;
  if (locks === undefined) return work();
  let begun = false;
  try {
    return (await locks.request(`munjang ${name}`, signal === undefined ? {} : { signal }, () => {
      begun = true;
      return work();
    })) as T;
  } catch (error) {
    signal?.throwIfAborted();
    if (begun) throw error;
    return work(); // locks are refused where origins are opaque; then there is nobody to wait for
  }
}
