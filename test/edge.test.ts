import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Bucket, type BucketObject, type BucketOptions, type Fetcher, inAssets, inBucket } from "../src/edge.ts";
import { keepRows } from "../src/edge-rows.ts";
import { SentenceTransformer } from "../src/node.ts";
import { convert, inMemory } from "../src/quantize.ts";
import { filesIn } from "./files.ts";

const root = join(import.meta.dirname, "..");

/* Models beside a runtime of little memory: a bucket and assets as Cloudflare's answer, in memory, and what goes wrong with them. */

/** The bundled model, 256 numbers a row, and the same in parts of 400 KB. */
const files = filesIn(join(root, "weights/model"));
const texts = [
  "잠이 옵니다",
  "졸음이 옵니다",
  "기차가 옵니다",
  "The quick brown fox",
  "낡은 사전에서 드문 낱말을 찾는다",
];
let parts: Record<string, Uint8Array>;
let expected: Float32Array[];

beforeAll(async () => {
  const inParts = inMemory();
  await convert(join(root, "test/golden/mini-ko"), { create: inParts.create }, { maxShardSize: 400_000 });
  parts = inParts.files;
  const model = await SentenceTransformer.load({ files });
  expected = await model.encode(texts);
  await model.dispose();
});

/** A bucket; `answer` may change what a request gets. */
function bucketOf(
  objects: Record<string, Uint8Array>,
  answer: (
    get: () => BucketObject | null,
    key: string,
    options: BucketOptions,
  ) => Promise<BucketObject | null> = async (get) => get(),
): Bucket & { readonly asked: string[]; most: number } {
  let running = 0;
  const bucket = {
    asked: [] as string[],
    most: 0,
    async get(key: string, options: BucketOptions) {
      bucket.asked.push(`${key} ${options.range.offset}+${options.range.length}`);
      bucket.most = Math.max(bucket.most, ++running);
      await new Promise((later) => setImmediate(later));
      try {
        return await answer(() => find(key, options), key, options);
      } finally {
        running--;
      }
    },
    async head(key: string) {
      const bytes = objects[key];
      return bytes === undefined ? null : { size: bytes.length, etag: etag(bytes) };
    },
  };
  const etag = (bytes: Uint8Array): string => `${bytes.length}-${bytes.at(-1)}`;
  const find = (key: string, { range: { offset, length }, onlyIf }: BucketOptions): BucketObject | null => {
    const bytes = objects[key];
    if (bytes === undefined) return null;
    if (offset >= bytes.length) throw new Error("get: The requested range is not satisfiable (10039)");
    const object = { size: bytes.length, etag: etag(bytes) };
    if (onlyIf !== undefined && onlyIf.etagMatches !== object.etag) return object;
    return { ...object, arrayBuffer: async () => Uint8Array.from(bytes.subarray(offset, offset + length)).buffer };
  };
  return bucket;
}

const below = (prefix: string, files: Record<string, Uint8Array>): Record<string, Uint8Array> =>
  Object.fromEntries(Object.entries(files).map(([name, bytes]) => [prefix + name, bytes]));

describe("a model in a bucket", () => {
  it("gives the bits of the model in memory, with six requests under way at most", async () => {
    const bucket = bucketOf(below("models/mini/", files));
    const { source, rows } = inBucket(bucket, "models/mini");
    const model = await SentenceTransformer.load(source, { rows, threads: 0 });
    expect(await model.encode(texts)).toEqual(expected);
    expect(bucket.most).toBeGreaterThan(1);
    expect(bucket.most).toBeLessThanOrEqual(6);
    await model.dispose();
  });

  it("counts its requests, and asks for no row twice while it is kept", async () => {
    const bucket = bucketOf(below("mini/", files));
    const edge = inBucket(bucket, "mini/");
    const model = await SentenceTransformer.load(edge.source, { rows: edge.rows, threads: 0 });
    expect(edge.stats.requests).toBe(bucket.asked.length);
    expect(edge.stats.rowBytes).toBe(0);
    await model.encode(texts);
    const { requests, rowBytes } = edge.stats;
    expect(rowBytes).toBeGreaterThan(0);
    expect(await model.encode(texts)).toEqual(expected);
    expect(edge.stats.requests).toBe(requests);
    await model.dispose();
  });

  it.each([0, 300, 1000, 20_000])("keeps at most %i bytes of rows, and gives the same bits", async (rowBytes) => {
    const edge = inBucket(bucketOf(below("mini/", files)), "mini", { rowBytes, pageBytes: 1000, requests: 2 });
    const model = await SentenceTransformer.load(edge.source, { rows: edge.rows, threads: 0 });
    for (const [n, text] of texts.entries()) expect(await model.encode(text)).toEqual(expected[n]);
    expect(edge.stats.rowBytes).toBeLessThanOrEqual(rowBytes);
    await model.dispose();
  });

  it("loads again after dispose, from the files as they are then", async () => {
    const objects = below("mini/", files);
    const { source, rows } = inBucket(bucketOf(objects), "mini");
    for (let round = 0; round < 2; round++) {
      const model = await SentenceTransformer.load(source, { rows, threads: 0 });
      expect(await model.encode(texts)).toEqual(expected);
      await model.dispose();
      const other = Uint8Array.from(files["model.safetensors"]);
      other[other.length - 1] ^= round; // the first time the same bytes anew
      objects["mini/model.safetensors"] = other;
    }
  });

  it.concurrent("tries again where a request fails or comes short, a few times", async () => {
    let calls = 0;
    const flaky = bucketOf(below("mini/", files), async (get) => {
      calls++;
      if (calls % 3 === 0) throw new Error("internal error (10001)");
      const object = get();
      if (calls % 5 !== 0 || object?.arrayBuffer === undefined) return object;
      const bytes = await object.arrayBuffer();
      return { ...object, arrayBuffer: async () => bytes.slice(0, -1) };
    });
    const { source, rows } = inBucket(flaky, "mini");
    const model = await SentenceTransformer.load(source, { rows, threads: 0 });
    expect(await model.encode(texts)).toEqual(expected);
    await model.dispose();
  });

  it.concurrent("a bucket that never answers: an error after its patience, with the file's name", async () => {
    const silent = bucketOf({}, () => new Promise(() => {}));
    const { source } = inBucket(silent, "mini", { timeout: 5 });
    await expect(SentenceTransformer.load(source)).rejects.toThrow(
      /^modules\.json: could not be fetched from https:\/\/bucket\/.*nothing came for 5 ms.*tried 6 times/,
    );
  });

  it("an abort ends it", async () => {
    const cut = new AbortController();
    const { source, rows } = inBucket(bucketOf(below("mini/", files)), "mini", { signal: cut.signal });
    const loading = SentenceTransformer.load(source, { rows });
    cut.abort(new Error("enough"));
    await expect(loading).rejects.toThrow("enough");
  });

  it("an abort after the first text has no one to tell", async () => {
    const cut = new AbortController();
    const { source, rows } = inBucket(bucketOf(below("mini/", files)), "mini", { rowBytes: 0, signal: cut.signal });
    const model = await SentenceTransformer.load(source, { rows, threads: 0 });
    await model.encode(texts);
    cut.abort(new Error("enough"));
    expect(await model.encode(texts)).toEqual(expected);
    await model.dispose();
  });

  it("a file that changes while it is read, or afterwards: an error, not a mixture", async () => {
    const objects = below("mini/", files);
    const edge = inBucket(bucketOf(objects), "mini");
    const model = await SentenceTransformer.load(edge.source, { rows: edge.rows, threads: 0 });
    const other = Uint8Array.from(files["model.safetensors"]);
    other[other.length - 1] ^= 1;
    objects["mini/model.safetensors"] = other;
    await expect(model.encode(texts)).rejects.toThrow(/^model\.safetensors.*changed in the store meanwhile/);
    delete objects["mini/model.safetensors"];
    await expect(model.encode(texts)).rejects.toThrow(/^model\.safetensors.*changed in the store meanwhile/);
    await model.dispose();
  });

  it("a file that is deleted between two reads of one batch has changed", async () => {
    let gone = false;
    let calls = 0;
    const bucket = bucketOf(below("mini/", files), async (get) => (gone && ++calls % 2 === 0 ? null : get()));
    const { source, rows } = inBucket(bucket, "mini", { pageBytes: 256 });
    const model = await SentenceTransformer.load(source, { rows, threads: 0 });
    gone = true;
    await expect(model.encode(texts)).rejects.toThrow(/^model\.safetensors.*changed in the store meanwhile/);
    await model.dispose();
  });

  it("an empty file, one that is missing, and no bucket at all are told", async () => {
    const empty = inBucket(bucketOf({ "mini/config.json": new Uint8Array() }), "mini");
    await expect(SentenceTransformer.load(empty.source)).rejects.toThrow(/^config\.json: is not valid JSON/);
    const missing = inBucket(bucketOf({}), "mini");
    await expect(SentenceTransformer.load(missing.source)).rejects.toThrow(
      /^config\.json: is missing: the bucket's mini\/ is not a model folder/,
    );
    expect(() => inBucket(undefined as unknown as Bucket, "mini")).toThrow(
      /^bucket.*must be the binding of an R2 bucket/,
    );
    expect(() => inAssets({} as unknown as Fetcher, "mini")).toThrow(/^assets.*must be the binding of static assets/);
    expect(() => inBucket(bucketOf({}), 1 as unknown as string)).toThrow(/^prefix.*must be a text/);
    for (const wrong of [{ rowBytes: -1 }, { pageBytes: 0 }, { requests: 0 }, { timeout: -1 }]) {
      expect(() => inBucket(bucketOf({}), "mini", wrong)).toThrow(new RegExp(`^${Object.keys(wrong)[0]} = `));
    }
  });
});

/** Static assets as some server has them. */
interface Serving {
  /** Answers parts where they are asked for. */
  readonly ranges?: boolean;
  /** Says how long files are. */
  readonly lengths?: boolean;
  /** Bytes of a piece of the stream. */
  readonly piece?: number;
  /** Streams that take memory to be filled. */
  readonly byob?: boolean;
  answer?(path: string): Response | undefined;
}

function assetsOf(files: Record<string, Uint8Array>, serving: Serving = {}): Fetcher & { passed: number } {
  const { ranges = false, lengths = false, piece = 4096, byob = true } = serving;
  const assets = {
    passed: 0,
    async fetch(url: string, init?: RequestInit): Promise<Response> {
      const path = decodeURIComponent(new URL(url).pathname.slice(1));
      const special = serving.answer?.(path);
      if (special !== undefined) return special;
      const bytes = files[path];
      if (bytes === undefined) return new Response("", { status: 404 });
      const range = /^bytes=(\d+)-(\d+)$/.exec(new Headers(init?.headers).get("range") ?? "");
      const [from, to] =
        ranges && range !== null ? [Number(range[1]), Math.min(Number(range[2]) + 1, bytes.length)] : [0, bytes.length];
      let at = from;
      const body = new ReadableStream({
        type: byob ? "bytes" : undefined,
        pull(to_: ReadableByteStreamController | ReadableStreamDefaultController) {
          const next = Uint8Array.from(bytes.subarray(at, Math.min(at + piece, to)));
          at += next.length;
          assets.passed += next.length;
          if (next.length > 0) to_.enqueue(next);
          if (at === to) to_.close();
        },
      } as UnderlyingByteSource);
      const headers: Record<string, string> = { etag: `"${bytes.length}-${bytes.at(-1)}"` };
      if (lengths) headers["content-length"] = String(to - from);
      if (ranges) headers["content-range"] = `bytes ${from}-${to - 1}/${bytes.length}`;
      return new Response(body, { status: ranges ? 206 : 200, headers });
    },
  };
  return assets;
}

describe("a model in static assets", () => {
  it.each<[string, Serving]>([
    ["as Cloudflare's are: from the first byte on, of a length nobody says", {}],
    ["with their lengths", { lengths: true }],
    ["in parts", { ranges: true }],
    ["in crumbs", { piece: 777 }],
    ["streams that bring their own memory", { byob: false, piece: 100_000 }],
  ])("%s", async (_, serving) => {
    const { source, rows } = inAssets(assetsOf(below("models/mini/", parts), serving), "models/mini");
    const model = await SentenceTransformer.load(source, { rows, threads: 0 });
    expect(await model.encode(texts)).toEqual(expected);
    await model.dispose();
  });

  it("in one file too long to be taken in whole", async () => {
    const { source, rows } = inAssets(assetsOf(below("mini/", padded(files))), "mini");
    const model = await SentenceTransformer.load(source, { rows, threads: 0 });
    expect(await model.encode(texts)).toEqual(expected);
    await model.dispose();
  });

  it("stops a file's stream behind the last byte it wants", async () => {
    const assets = assetsOf(below("mini/", parts));
    const edge = inAssets(assets, "mini");
    const bytes = await edge.source.open("model-00002-of-00020.safetensors".replace("00020", count(parts)));
    expect(bytes?.byteLength).toBe(parts[`model-00002-of-${count(parts)}.safetensors`].length);
    expect(assets.passed).toBeLessThan(2 * 65_536);
  });

  it.concurrent.each<[string, string, () => Response, RegExp]>([
    [
      "a web page",
      "config.json",
      () => new Response("<html>", { headers: { "content-type": "text/html" } }),
      /web page in place of the file/,
    ],
    ["an error", "vocab.txt", () => new Response("", { status: 403 }), /the server answered 403/],
    [
      "another part than asked for",
      "vocab.txt",
      () => new Response("abc", { status: 206, headers: { "content-range": "bytes 7-9/70" } }),
      /others came.*tried 6 times/,
    ],
    [
      "a cut stream",
      "vocab.txt",
      () => new Response("abc", { headers: { "content-length": "70" } }),
      /3 bytes came of 70.*tried 6 times/,
    ],
  ])(
    "%s in place of a file",
    async (_, file, response, message) => {
      const assets = assetsOf(below("mini/", parts), {
        answer: (path) => (path === `mini/${file}` ? response() : undefined),
      });
      const { source } = inAssets(assets, "mini");
      await expect(SentenceTransformer.load(source, { threads: 0 })).rejects.toThrow(message);
    },
    30_000,
  );
});

const count = (parts: Record<string, Uint8Array>): string =>
  /-of-(\d+)\.safetensors$/.exec(Object.keys(parts).find((name) => name.endsWith(".safetensors")) ?? "")?.[1] ?? "";

/** The same model, its file above 8 MB: a tensor nobody reads stands at its end. */
function padded(files: Record<string, Uint8Array>): Record<string, Uint8Array> {
  const whole = files["model.safetensors"];
  const length = Number(new DataView(whole.buffer, whole.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(whole.subarray(8, 8 + length)));
  const data = whole.subarray(8 + length);
  const MORE = 4_000_000;
  header.padding = { dtype: "U8", shape: [MORE], data_offsets: [data.length, data.length + MORE] };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const spaces = (8 - (text.length % 8)) % 8;
  const all = new Uint8Array(8 + text.length + spaces + data.length + MORE).fill(0x20, 8, 8 + text.length + spaces);
  new DataView(all.buffer).setBigUint64(0, BigInt(text.length + spaces), true);
  all.set(text, 8);
  all.set(data, 8 + text.length + spaces);
  return { ...files, "model.safetensors": all };
}

describe("a caller's own function for rows", () => {
  it.each<[string, unknown, RegExp]>([
    ["no function", () => 5, /^rows = 5: must answer with a function/],
    ["a number", () => async () => 5, /rows 1?\d* to \d+ were asked for, and other bytes came/],
    ["nothing", () => async () => undefined, /were asked for, and other bytes came/],
    [
      "too little",
      (read: (from: number, to: number) => Promise<ArrayBuffer>) => async (from: number, to: number) =>
        (await read(from, to)).slice(0, 8),
      /were asked for, and other bytes came/,
    ],
    [
      "a view",
      (read: (from: number, to: number) => Promise<ArrayBuffer>) => async (from: number, to: number) =>
        new Uint8Array(await read(from, to)),
      /were asked for, and other bytes came/,
    ],
  ])("that answers with %s is an error, not another vector", async (_, rows, message) => {
    const encoded = SentenceTransformer.load({ files }, { rows: rows as () => never, threads: 0 }).then((model) =>
      model.encode(texts),
    );
    await expect(encoded).rejects.toThrow(message);
  });
});

describe("assets that come in two ways", () => {
  it("the same file compressed or not, and once cut short, is no other file", async () => {
    let asked = 0;
    const plain = assetsOf(below("mini/", parts), { lengths: true });
    const odd: Fetcher = {
      async fetch(url, init) {
        const response = await plain.fetch(url, init);
        const headers = new Headers(response.headers);
        if (++asked % 2 === 0) headers.set("etag", `W/${headers.get("etag")}`);
        if (asked % 7 !== 0 || response.status !== 200)
          return new Response(response.body, { status: response.status, headers });
        const bytes = await response.arrayBuffer();
        return new Response(bytes.slice(0, bytes.byteLength >> 1), { headers });
      },
    };
    const { source, rows } = inAssets(odd, "mini");
    const model = await SentenceTransformer.load(source, { rows, threads: 0 });
    expect(await model.encode(texts)).toEqual(expected);
    await model.dispose();
  }, 60_000);

  it("a path is a path, whatever it looks like", async () => {
    const seen: string[] = [];
    const fetcher: Fetcher = {
      async fetch(url) {
        seen.push(url);
        return new Response("", { status: 404 });
      },
    };
    for (const path of ["//", "http://", "https://evil.example/x", "a b?c#d", ""]) {
      await expect(SentenceTransformer.load(inAssets(fetcher, path).source)).rejects.toThrow(
        /^config\.json: is missing/,
      );
    }
    expect(seen.every((url) => url.startsWith("https://assets.local/") && !/[?#]/.test(url))).toBe(true);
  });
});

describe("rows that are kept", () => {
  const ROWS = 100;
  const WIDTH = 8;
  const table = Uint8Array.from({ length: ROWS * WIDTH }, (_, i) => Math.floor(i / WIDTH) + i);

  /** Rows through what is kept, each checked. */
  async function readRows(kept: ReturnType<typeof keepRows>, asked: readonly number[]): Promise<void> {
    const read = kept.through(async (from, to) => table.slice(from, to).buffer, table.length, WIDTH);
    for (const row of asked) {
      const bytes = new Uint8Array(await read(row * WIDTH, (row + 1) * WIDTH));
      expect(bytes).toEqual(table.slice(row * WIDTH, (row + 1) * WIDTH));
    }
  }

  it("are the table's, whatever was read before", async () => {
    for (const most of [0, 7, 8, 80, 333, 10_000]) {
      for (const page of [1, 8, 24, 1000]) {
        const kept = keepRows(most, page);
        await readRows(
          kept,
          Array.from({ length: 500 }, (_, n) => (n * n * 7 + n * 3) % ROWS),
        );
        expect(kept.bytes()).toBeLessThanOrEqual(most);
      }
    }
  });

  it("those asked for stay, their neighbours go first, and the one asked for longest ago before the others", async () => {
    const read: number[] = [];
    const kept = keepRows(6 * WIDTH, 3 * WIDTH); // room for six rows, pages of three
    const rows = kept.through(
      async (from, to) => {
        read.push(from / WIDTH);
        return table.slice(from, to).buffer;
      },
      table.length,
      WIDTH,
    );
    const ask = async (row: number): Promise<void> => {
      expect(new Uint8Array(await rows(row * WIDTH, (row + 1) * WIDTH))).toEqual(
        table.slice(row * WIDTH, (row + 1) * WIDTH),
      );
    };
    await ask(0); // with 1 and 2
    await ask(3); // with 4 and 5: six rows
    expect(read).toEqual([0, 3]);
    await ask(1); // is there
    await ask(5);
    expect(read).toEqual([0, 3]);
    await ask(30); // in the place of 2, which nobody asked for; there is no room for 31 and 32
    await ask(0);
    await ask(3);
    await ask(1);
    await ask(5);
    expect(read).toEqual([0, 3, 30]); // all that were asked for are still there
    for (const row of [40, 50]) await ask(row); // the room is full of rows that were asked for: 30 is the oldest
    await ask(30);
    expect(read).toEqual([0, 3, 30, 39, 48, 30]);
  });

  it("tables are told apart, and one of another width is read as it stands", async () => {
    const kept = keepRows(1000, 16);
    const one = kept.through(async (from, to) => table.slice(from, to).buffer, table.length, WIDTH);
    const other = kept.through(
      async (from, to) => table.slice(from, to).map((x) => x ^ 255).buffer,
      table.length,
      WIDTH,
    );
    const wide = kept.through(async (from, to) => table.slice(from, to).buffer, table.length, 2 * WIDTH);
    for (const row of [1, 1, 2]) {
      const [from, to] = [row * WIDTH, (row + 1) * WIDTH];
      expect(new Uint8Array(await one(from, to))).toEqual(table.slice(from, to));
      expect(new Uint8Array(await other(from, to))).toEqual(table.slice(from, to).map((x) => x ^ 255));
      expect(new Uint8Array(await wide(2 * from, 2 * to))).toEqual(table.slice(2 * from, 2 * to));
    }
  });
});
