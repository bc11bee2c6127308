import { fail, ModelError } from "./base/errors.ts";
import { sha256 } from "./base/sha256.ts";
import { isRefusal, type Kept, PART, type Store, whyRefused } from "./cache-store.ts";
import { checkAnswer, type Patience, persist } from "./url.ts";

/*
 * One stream a file, from the first byte that is missing: a request a part would take a round trip each. Servers without ranges send all of
 * it, of which what is there already is skipped. Bytes are not left in the browser's HTTP cache, where they would lie a second time.
 */

/** How files are kept. */
export interface Keeping extends Patience {
  /** The caller's name of what should lie behind the URL. */
  readonly version?: string;
  /** Which files the server is asked about when they are kept: all of them, those that it did not have, or none as it does not answer. */
  readonly ask: "all" | "absent" | "none";
  /** The server does not answer. */
  readonly unreachable: (problem: string) => void;
  readonly warn: (warning: string) => void;
}

const DENIED = ": it must be public, or a signed address";

/** What the server says of a file. */
interface Head {
  readonly version: string | undefined;
  readonly total: number | undefined;
}

async function request(url: URL, range: string | undefined, signal: AbortSignal): Promise<Response> {
  return fetch(url, { headers: range === undefined ? {} : { Range: `bytes=${range}` }, cache: "no-store", signal });
}

/** `from` is where the part begins that was asked for. */
function headOf(file: string, { status, headers }: Response, from: number): Head {
  // Weak where it was compressed on the way.
  const version = headers.get("etag")?.replace(/^W\//, "") ?? headers.get("last-modified") ?? undefined;
  const range = headers.get("content-range");
  const length = Number(headers.get("content-length") ?? Number.NaN);
  if (status !== 206) {
    const known = !Number.isNaN(length) && !headers.has("content-encoding");
    return { version, total: known ? length : undefined };
  }
  // Pages of other origins see it only where the server allows that. Parts are not compressed, so the length says it too.
  if (range === null) return { version, total: Number.isNaN(length) ? undefined : from + length };
  const [, first, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(range)?.map(Number) ?? [];
  if (first !== from) fail(file, "Content-Range", `bytes from ${from} on were asked for, others came`, range);
  return { version, total };
}

function same(kept: Kept, { version, total }: Head): boolean {
  return kept.version === version && (kept.total === undefined || total === undefined || kept.total === total);
}

/** Whether what is kept (or known to be missing) is still what the server has; so it is taken for where the server cannot be asked. */
export async function isThere(file: string, url: URL, kept: Kept, how: Keeping): Promise<boolean> {
  /** Milliseconds the question may take: it is there to save time. */
  const PATIENCE = 5000;
  const timeout = Math.min(how.timeout ?? PATIENCE, PATIENCE);
  const answer = await persist(file, url, { signal: how.signal, timeout }, async (signal) => {
    try {
      const response = await request(url, "0-0", signal);
      await response.body?.cancel();
      return response;
    } catch (error) {
      return error as Error;
    }
  });
  how.signal?.throwIfAborted();
  const silent = answer instanceof Error || answer.status >= 500 || [408, 429].includes(answer.status);
  if (silent) {
    how.unreachable(answer instanceof Error ? answer.message : `${answer.status}`);
    return true;
  }
  const { status, headers } = answer;
  if (status === 404) return kept.absent === true;
  if (kept.absent) return false;
  if (status === 416) return kept.total === 0;
  checkAnswer(file, url, answer, DENIED);
  const head = headOf(file, answer, 0);
  const part = status === 206 && !headers.has("content-range");
  if (head.version === undefined && kept.version === undefined) {
    how.warn(
      `${file}: the server gives it neither an ETag nor a Last-Modified, so only another length tells that it has changed; give \`version\``,
    );
  }
  return same(kept, part ? { ...head, total: undefined } : head);
}

/** Fetches what is missing of a file, and notes it as whole, or as absent. */
export async function download(file: string, url: URL, key: string, store: Store, how: Keeping): Promise<Kept> {
  const buffer = new Uint8Array(PART); // the part that is on its way
  let filled = 0;
  let before = 0; // bytes there were when the last try began
  let ranges = true;
  let kept = await store.find(key);
  let hashes: string[] = [];
  const there = (): number => hashes.length * PART + filled;
  const forget = async (): Promise<void> => {
    if (kept !== undefined) await store.drop(kept);
    kept = undefined;
    hashes = [];
    filled = 0;
  };
  const keep = async (bytes: Uint8Array<ArrayBuffer>): Promise<void> => {
    if (kept !== undefined) hashes.push(await store.put(kept, hashes.length, bytes));
    filled = 0;
  };
  // What cannot be told from another state of the file is no use.
  if (kept === undefined || kept.absent || (kept.version ?? kept.pin) === undefined) await forget();
  else hashes = await store.held(kept);
  if (kept?.total !== undefined && there() >= kept.total) hashes.pop(); // so that there is something to ask for

  const attempt = async (signal: AbortSignal, alive: () => void): Promise<Kept> => {
    for (;;) {
      const from = there();
      before = from;
      const response = await request(url, ranges ? `${from}-` : undefined, signal);
      const { status } = response;
      if (status === 404) {
        await forget();
        const absent = { url: key, pin: how.version, id: "", absent: true };
        await store.note(absent);
        return absent;
      }
      if (status === 416 && ranges) {
        // An empty file has no first byte; another has become shorter.
        if (from === 0) ranges = false;
        await forget();
        continue;
      }
      checkAnswer(file, url, response, DENIED);
      const head = headOf(file, response, from);
      if (kept !== undefined && !same(kept, head)) {
        await forget();
        if (status === 206 && from > 0) {
          await response.body?.cancel();
          continue;
        }
      }
      const { version, total } = head;
      if (kept === undefined) {
        kept = { url: key, pin: how.version, version, id: idOf(how.version, head), total };
        await checkRoom(total);
        await store.note(kept);
      }
      const end = await receive(response, there(), status === 206 ? from : 0, alive, async (piece, loaded) => {
        for (let at = 0; at < piece.length; ) {
          const some = piece.subarray(at, at + PART - filled);
          buffer.set(some, filled);
          filled += some.length;
          at += some.length;
          if (filled === PART) await keep(buffer);
        }
        how.onProgress?.({ file, loaded, total: Math.max(total ?? 0, loaded), phase: "download" });
      });
      if (end < there() || (status === 206 && end !== (total ?? end))) throw new Error(`${end} bytes came of ${total}`);
      if (filled > 0) await keep(buffer.slice(0, filled));
      kept = { ...kept, total: end, parts: hashes };
      await store.note(kept);
      return kept;
    }
  };
  try {
    return await persist(file, url, how, attempt, () => there() > before);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const full = (error.cause as Error | undefined)?.name === "QuotaExceededError";
    const problem = full ? await noRoom(kept?.total, whyRefused(error)) : whyRefused(error);
    await forget().catch(() => {}); // the room is for others
    throw new ModelError(problem, { field: "cache", cause: error });
  }
}

/** Bytes `from` to `to` of a file that is known to have them. */
export async function fetched(
  file: string,
  url: URL,
  from: number,
  to: number,
  patience: Patience,
): Promise<Uint8Array<ArrayBuffer>> {
  return persist(file, url, patience, async (signal, alive) => {
    const response = await request(url, `${from}-${to - 1}`, signal);
    checkAnswer(file, url, response, DENIED);
    headOf(file, response, from);
    const bytes = new Uint8Array(to - from);
    let filled = 0;
    const end = await receive(
      response,
      from,
      response.status === 206 ? from : 0,
      alive,
      async (piece) => {
        const some = piece.subarray(0, bytes.length - filled);
        bytes.set(some, filled);
        filled += some.length;
      },
      to,
    );
    if (end < to) throw new Error(`${filled} bytes came of ${to - from}`);
    return bytes;
  });
}

/**
 * Reads an answer that begins at byte `at` of the file, to its end or `to`; `take` gets what is behind byte `from`, and how far that reaches.
 * Answers where it has ended.
 */
async function receive(
  { body }: Response,
  from: number,
  at: number,
  alive: () => void,
  take: (piece: Uint8Array, loaded: number) => Promise<void>,
  to = Number.POSITIVE_INFINITY,
): Promise<number> {
  const reader = body?.getReader();
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true };
    if (done || value === undefined) return at;
    alive();
    const skipped = Math.max(0, from - at);
    at += value.length;
    if (skipped < value.length) await take(value.subarray(skipped), at);
    alive(); // writing may have taken long
    if (at >= to) {
      await reader?.cancel();
      return at;
    }
  }
}

/** The same for the same state of a file, so that tabs which do not know of each other write the same parts. */
function idOf(pin: string | undefined, { version, total }: Head): string {
  const state = version ?? (pin === undefined ? `${Date.now()} ${Math.random()}` : "");
  return sha256()
    .update(new TextEncoder().encode(JSON.stringify([pin, state, total])))
    .hex()
    .slice(0, 16);
}

/** Refuses what will not fit before any of it is fetched, where the browser says how much will. */
async function checkRoom(needed: number | undefined): Promise<void> {
  const free = await freeRoom();
  if (needed === undefined || free === undefined || needed <= free.bytes) return;
  throw new ModelError(await noRoom(needed), { field: "cache" });
}

async function noRoom(needed: number | undefined, refusal?: string): Promise<string> {
  const free = await freeRoom();
  // Chromium reports 10 GB free whatever is so, lest sites are told what else is on the disk.
  const why = [
    needed === undefined ? [] : `${megabytes(needed)} are needed`,
    free === undefined ? [] : `the browser reports ${megabytes(free.bytes)} of ${megabytes(free.quota)} free`,
    refusal === undefined ? [] : `it refused: ${refusal}`,
  ];
  return `there is no room (${why.flat().join(", ")}); make some with clearCached(), or on the disk`;
}

async function freeRoom(): Promise<{ bytes: number; quota: number } | undefined> {
  const { quota, usage = 0 } = (await globalThis.navigator?.storage?.estimate?.().catch(() => undefined)) ?? {};
  return quota === undefined ? undefined : { bytes: Math.max(0, quota - usage), quota };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
