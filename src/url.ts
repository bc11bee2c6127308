import type { ByteSource } from "./base/bytes.ts";
import { fail, ModelError } from "./base/errors.ts";

/*
 * Files behind URLs: parts of them where the server answers range requests, the whole otherwise. Only headers that every page may send
 * and read are relied on: no If-Range (a preflight), and where Content-Range is hidden the file is fetched whole.
 */

/** How long a request may go on, and who is told how far it is. */
export interface Patience {
  /** Ends everything under way; promises reject with its reason. */
  signal?: AbortSignal;
  /** Milliseconds without a byte after which a connection counts as lost. Default 30000. */
  timeout?: number;
  onProgress?: (progress: LoadProgress) => void;
}

/** How far a file is. */
export interface LoadProgress {
  /** Its path inside the model. */
  readonly file: string;
  /** Bytes of the file so far; a file that is read in parts may never be read whole. */
  readonly loaded: number;
  readonly total: number;
  /** `"download"` on the way here, or into the cache; `"read"` into the model. A file may go through both. */
  readonly phase: "download" | "read";
}

/** One try of `persist`. `alive` says that something came, `signal` ends it; what it throws but for a `ModelError` may pass. */
export type Attempt<T> = (signal: AbortSignal, alive: () => void) => Promise<T>;

/** Tries until it works, or clearly never will, or six tries in a row have failed; `gained()` says that a failed one got further. */
export async function persist<T>(
  file: string,
  url: URL,
  { signal, timeout = 30_000 }: Patience,
  attempt: Attempt<T>,
  gained?: () => boolean,
): Promise<T> {
  /** Tries after the first. */
  const RETRIES = 5;
  /** Milliseconds before the first of them; each further one waits twice as long. */
  const FIRST_WAIT = 200;
  /** A server that asks for a longer wait is not waited for. */
  const LONGEST_WAIT = 60_000;
  /** What timers can be told; more would be taken for nothing. */
  const LONGEST_TIMER = 2e9;

  let end: (reason?: unknown) => void = () => {};
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = (): void => end(signal?.reason);
  signal?.addEventListener("abort", stop);
  try {
    for (let failures = 0; ; failures++) {
      signal?.throwIfAborted();
      const control = new AbortController();
      end = (reason) => control.abort(reason);
      const alive = (): void => {
        clearTimeout(timer);
        timer = setTimeout(end, Math.min(timeout, LONGEST_TIMER), new Error(`nothing came for ${timeout} ms`));
      };
      alive();
      try {
        return await attempt(control.signal, alive);
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof ModelError) throw error;
        if (gained?.()) failures = 0;
        // Browsers say of an abort in the middle only that something was aborted.
        const why = control.signal.reason ?? error;
        const { message, cause = "", wait = FIRST_WAIT * 2 ** failures } = why as Error & { wait?: number };
        if (failures >= RETRIES || wait > LONGEST_WAIT) {
          const problem = `could not be fetched from ${shown(url)} (${message} ${cause}); tried ${failures + 1} times`;
          throw new ModelError(problem, { file, cause: error });
        }
        end(); // a connection that nobody reads from any more
        clearTimeout(timer);
        await new Promise<unknown>((resolve) => {
          end = resolve;
          timer = setTimeout(end, wait);
        });
      }
    }
  } finally {
    end();
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

/** An address as it may stand in a message: what follows `?` may be a key. */
export function shown(url: URL): string {
  return url.origin + url.pathname;
}

/** Refuses answers that are no file. `denied` is added where the status says that it is not for everybody. */
export function checkAnswer(file: string, url: URL, { status, ok, headers }: Response, denied: string): void {
  let problem = `the server answered ${status}`;
  if (status === 408 || status === 429 || status >= 500) {
    // Seconds, or a date.
    const after = headers.get("retry-after");
    const wait = after === null ? undefined : Number(after) * 1000 || Math.max(0, Date.parse(after) - Date.now()) || 0;
    throw Object.assign(new Error(after === null ? problem : `${problem}, Retry-After: ${after}`), { wait });
  }
  if (status === 401 || status === 403) problem += denied;
  else if (ok) {
    if (!headers.get("content-type")?.includes("text/html")) return;
    problem = "the server sent a web page in place of the file: a login, or one that should be a 404";
  }
  fail(file, "url", problem, shown(url));
}

/** The part asked for, or everything; the length of the whole file; and what changes when the file does. */
interface Answer {
  readonly bytes: ArrayBuffer;
  readonly total: number;
  readonly version: string | null;
}

/** The file at `url`, or undefined where the server says that there is none. Nothing is kept open. */
export async function openUrl(file: string, url: URL, patience: Patience): Promise<ByteSource | undefined> {
  /** Bytes fetched first; a file no longer than that is fetched whole. */
  const FIRST_BYTES = 65536;
  /** Bytes kept of each end of a part, and parts they are kept of: a model's identity is made of its tensors' ends. */
  const ENDS = 4096;
  const PARTS = 1000;

  if (url.password !== "") fail(file, "url", "must not hold a password");
  // An extension's own files: Chromium sends the part that is asked for, and calls it the whole.
  const first = await ask(file, url, patience, 0, /^https?:/i.test(url.protocol) ? FIRST_BYTES : 0);
  if (first === undefined || first.bytes.byteLength === first.total) return first?.bytes;
  const { total, version } = first;
  const held = [{ at: 0, bytes: first.bytes }];
  return {
    byteLength: total,
    async slice(start: number, end: number): Promise<ArrayBuffer> {
      for (const { at, bytes } of held) {
        if (at <= start && end <= at + bytes.byteLength) return bytes.slice(start - at, end - at);
      }
      const answer = await ask(file, url, patience, start, end);
      if (answer?.total !== total || answer.version !== version) {
        fail(file, undefined, "changed on the server; load it again");
      }
      const { bytes } = answer;
      if (bytes.byteLength === total) return bytes.slice(start, end);
      if (end - start > 2 * ENDS && held.length < PARTS) {
        held.push({ at: start, bytes: bytes.slice(0, ENDS) }, { at: end - ENDS, bytes: bytes.slice(-ENDS) });
      }
      return bytes;
    },
  };
}

/** One request for bytes `start` to `end`, or for all where `end` is 0; undefined for a file that is not there. */
async function ask(
  file: string,
  url: URL,
  patience: Patience,
  start: number,
  end: number,
): Promise<Answer | undefined> {
  return persist(file, url, patience, async (signal, alive) => {
    const response = await fetch(url, { headers: end ? { Range: `bytes=${start}-${end - 1}` } : {}, signal });
    const { status, headers } = response;
    if (status === 404) return undefined;
    const part = status === 206;
    const range = headers.get("content-range") ?? "";
    // An empty file has no first byte; where the range is hidden from pages of other origins only the whole file is sure.
    if (start === 0 && end && (status === 416 || (part && range === ""))) return ask(file, url, patience, 0, 0);
    checkAnswer(file, url, response, ": it must be public, or a signed address");
    const [, from, last, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(range)?.map(Number) ?? [];
    if (part && (from !== start || last !== Math.min(end, total) - 1)) {
      const problem = `bytes ${start} to ${end} were asked for, others came`;
      fail(file, "Content-Range", problem, range);
    }
    let loaded = 0;
    const watch = new TransformStream<Uint8Array, Uint8Array>({
      transform(piece, on) {
        alive();
        loaded += piece.length;
        // Content-Length may be that of the compressed form.
        const total = Math.max(Number(headers.get("content-length")), loaded);
        if (!part) patience.onProgress?.({ file, loaded, total, phase: "download" });
        on.enqueue(piece);
      },
    });
    const bytes = await new Response(response.body?.pipeThrough(watch)).arrayBuffer();
    if (part && loaded !== last - from + 1) throw new Error(`${loaded} bytes came of ${last - from + 1}`);
    return { bytes, total: part ? total : loaded, version: headers.get("etag") ?? headers.get("last-modified") };
  });
}
