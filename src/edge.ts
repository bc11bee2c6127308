import { orAborted } from "./base/abort.ts";
import { letGo } from "./base/bytes.ts";
import { checkFields, checkWhole, refuse } from "./base/door.ts";
import type { RowsPlace } from "./base/tensor.ts";
import { edgeFiles, type Part, type Store } from "./edge-files.ts";
import { keepRows } from "./edge-rows.ts";
import { pieces, rest, sizeByHeader, take } from "./edge-streams.ts";
import type { ModelSource } from "./source.ts";
import { checkAnswer, type Patience, persist } from "./url.ts";

/*
 * Models in a store beside a runtime of little memory, such as a Worker of Cloudflare's with 128 MB: the encoder is loaded in some sixty
 * requests, the word table stays where it is, and its rows come as they are needed (docs/edge.md).
 */

/** What `load` takes: `SentenceTransformer.load(model.source, { rows: model.rows, … })`. */
export interface EdgeModel {
  readonly source: ModelSource;
  /** The option `rows`. */
  readonly rows: RowsPlace;
  /** What it has cost so far. */
  readonly stats: EdgeStats;
}

/** What has been asked of the store so far. */
export interface EdgeStats {
  /** Requests to the store. */
  readonly requests: number;
  /** Bytes that came. */
  readonly bytes: number;
  /** Bytes of the word table that are in memory. */
  readonly rowBytes: number;
}

/** Options of `inBucket` and `inAssets`. */
export interface EdgeOptions extends Pick<Patience, "timeout"> {
  /** Ends loading, which rejects with its reason. Texts encoded afterwards do not know it. */
  signal?: AbortSignal;
  /** Bytes of the word table kept in memory, those used last. Default: 8,000,000, a quarter of KR-SBERT's; with assets half of that. */
  rowBytes?: number;
  /** Bytes of it fetched together. Default: 65536, which are 85 rows of KR-SBERT in int8. */
  pageBytes?: number;
  /** Requests under way at once for one batch, at most; other requests to the Worker have their own. Default: 6, all that Cloudflare allows. */
  requests?: number;
}

/** The part of an R2 bucket that is used here. */
export interface Bucket {
  get(key: string, options: BucketOptions): Promise<BucketObject | null>;
  head(key: string): Promise<BucketObject | null>;
}

/** Bytes of an object, and which version of it; `offset` and `length` in bytes. */
export interface BucketOptions {
  range: { offset: number; length: number };
  onlyIf?: { etagMatches: string };
}

/** An object of a bucket, or a part of one. */
export interface BucketObject {
  readonly size: number;
  readonly etag: string;
  /** Missing where a condition does not hold. */
  arrayBuffer?(): Promise<ArrayBuffer>;
}

/** A binding to static assets, or whatever fetches as one. */
export interface Fetcher {
  fetch(url: string, init?: RequestInit): Promise<Response>;
}

/**
 * A model in an R2 bucket, its files below `prefix`. Nothing is read before it is loaded.
 * @throws ModelError where that is no bucket.
 */
export function inBucket(bucket: Bucket, prefix: string, options: EdgeOptions = {}): EdgeModel {
  const problem = "must be the binding of an R2 bucket: does wrangler's configuration have it?";
  if (typeof bucket?.get !== "function") refuse("bucket", problem, bucket);
  const folder = asFolder(prefix);
  const part = async (key: string, [from, to]: Part, version?: string): Promise<BucketObject | null> => {
    const range = { offset: from, length: to - from };
    try {
      return await bucket.get(key, version === undefined ? { range } : { range, onlyIf: { etagMatches: version } });
    } catch (error) {
      const object = await bucket.head?.(key).catch(() => null); // what went wrong first is what is told
      if (object?.size !== 0) throw error;
      return { ...object, arrayBuffer: async () => new ArrayBuffer(0) }; // of an empty object no part can be had
    }
  };
  return edgeModel(`the bucket's ${folder}`, options, "https://bucket", (metered) => async (path, parts, known) => {
    const version = known?.version;
    const meter = metered();
    const key = folder + path;
    const all = await Promise.all(
      parts.map(([from, to]) =>
        meter(path, async () => {
          const object = await part(key, [from, to], version);
          // A file that has changed is one without a body: whoever asked compares the versions.
          const bytes = (await object?.arrayBuffer?.()) ?? new ArrayBuffer(0);
          return {
            object,
            bytes,
            expected: object?.arrayBuffer && Math.min(to, object.size) - Math.min(from, object.size),
          };
        }),
      ),
    );
    if (all.some(({ object }) => object === null)) return undefined;
    const object = (all.find(({ object }) => object?.etag !== version) ?? all[0]).object as BucketObject;
    return { parts: all.map(({ bytes }) => bytes), size: object.size, version: object.etag, ranges: true };
  });
}

/**
 * A model in static assets, its files below `path`; each may have 25 MiB (`munjang convert --max-shard-size 3000000`, and
 * `import "munjang/shards"`). Cloudflare's assets are only served from their first byte on: what is wanted of a file is taken out of it as
 * it passes.
 * @throws ModelError where that is no binding.
 */
export function inAssets(assets: Fetcher, path: string, options: EdgeOptions = {}): EdgeModel {
  const problem = "must be the binding of static assets: does wrangler's configuration have it?";
  if (typeof assets?.fetch !== "function") refuse("assets", problem, assets);
  const encoded = (names: string): string => names.split("/").map(encodeURIComponent).join("/");
  const root = new URL(`https://assets.local/${encoded(asFolder(path, "path"))}`);
  return edgeModel(
    `the assets' ${root.pathname}`,
    { ...options, rowBytes: options.rowBytes ?? 4e6 },
    root.href,
    (metered) => async (path, parts, known) => {
      const meter = metered();
      const url = new URL(root.href + encoded(path));
      const [first, last] = [parts[0][0], parts[parts.length - 1][1]];
      const { answer } = await meter(path, async (signal) => {
        const response = await assets.fetch(url.href, { headers: { Range: `bytes=${first}-${last - 1}` }, signal });
        if (response.status === 404) return { answer: undefined, bytes: NOTHING };
        checkAnswer(path, url, response, "");
        const { body, status, headers } = response;
        const [, from, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get("content-range") ?? "")?.map(Number) ?? [];
        const ranges = status === 206 && from === first;
        if (status === 206 && !ranges) throw new Error(`bytes ${first} on were asked for, others came`);
        // Weak where it was compressed on its way, which makes no other file of it.
        const version = (headers.get("etag") ?? headers.get("last-modified") ?? "").replace(/^W\//, "");
        if (!ranges && known !== undefined && known.size <= WHOLE) {
          const all = await response.arrayBuffer();
          const parted = parts.map(([from, to]) => (to - from === all.byteLength ? all : all.slice(from, to)));
          const bytes = { byteLength: all.byteLength };
          if (!parted.includes(all)) letGo(all);
          // Of the same file as many bytes must come as before; if it is another one, whoever asked says so.
          const expected = version === known.version ? known.size : undefined;
          return { answer: { parts: parted, size: bytes.byteLength, version, ranges }, bytes, expected };
        }
        const begin = ranges ? first : 0;
        const stream = pieces(body);
        // Cloudflare does not say how long an asset is; of a compressed one its length says nothing.
        const said = headers.has("content-encoding") ? null : headers.get("content-length");
        const expected = ranges ? total : said === null ? known?.size : Number(said);
        const taken = await take(stream, begin, parts, expected);
        const end = begin + taken.passed;
        const size = expected ?? (taken.ended ? end : (sizeByHeader(taken.parts[0]) ?? end + (await rest(stream))));
        await stream.cancel();
        return { answer: { parts: taken.parts, size, version, ranges }, bytes: { byteLength: taken.passed } };
      });
      return answer;
    },
  );
}

/** Bytes of a file that is taken in whole where no part of it can be had: a longer one passes by, piece by piece, which leaves more garbage. */
const WHOLE = 8 << 20;

const NOTHING = { byteLength: 0 };

/** One request: waits for its turn, tries again, counts. What came must have as many bytes as `expected`. */
type Meter = <R extends { bytes: { byteLength: number }; expected?: number }>(
  path: string,
  ask: (signal: AbortSignal) => Promise<R>,
) => Promise<R>;

function edgeModel(
  name: string,
  options: EdgeOptions,
  address: string,
  store: (metered: () => Meter) => Store["read"],
): EdgeModel {
  checkFields(options, {});
  const { timeout } = options;
  let { signal } = options;
  if (timeout !== undefined && !(timeout > 0)) refuse("timeout", "must be milliseconds, more than 0", timeout);
  const { rowBytes = 8e6, pageBytes = 65_536, requests = 6 } = options;
  checkWhole("rowBytes", rowBytes, 0);
  checkWhole("pageBytes", pageBytes, 1);
  checkWhole("requests", requests, 1);
  const stats = { requests: 0, bytes: 0 };
  // A gate for each read, not one for all: on Cloudflare a request that is cut off would keep its places for ever.
  const metered =
    (inTurn = gate(requests)): Meter =>
    (path, ask) =>
      inTurn(() =>
        persist(path, new URL(path, address), { timeout, signal }, async (signal, alive) => {
          stats.requests++;
          const answer = await orAborted(ask(signal), signal);
          alive();
          const { bytes, expected = bytes.byteLength } = answer;
          stats.bytes += bytes.byteLength;
          if (bytes.byteLength !== expected) throw new Error(`${bytes.byteLength} bytes came of ${expected}`);
          return answer;
        }),
      );
  const files = edgeFiles({ name, read: store(metered) } satisfies Store);
  const kept = keepRows(rowBytes, pageBytes);
  return {
    source: files.source,
    rows(read, byteLength, rowBytes) {
      const through = kept.through(read, byteLength, rowBytes);
      return (from, to) => {
        files.loaded();
        signal = undefined;
        return through(from, to);
      };
    },
    get stats() {
      return { ...stats, rowBytes: kept.bytes() };
    },
  };
}

/** Lets so many pieces of work run at a time. */
function gate(most: number): <R>(work: () => Promise<R>) => Promise<R> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= most) await new Promise<void>((go) => waiting.push(go));
    else running++;
    try {
      return await work();
    } finally {
      // Its place goes to the next in the row.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}

function asFolder(path: string, field = "prefix"): string {
  if (typeof path !== "string") refuse(field, "must be a text", path);
  return path === "" || path.endsWith("/") ? path : `${path}/`;
}
