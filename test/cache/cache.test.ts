import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type CachedOptions, cached, cachedSize, clearCached } from "../../src/cache.ts";
import { SentenceTransformer } from "../../src/node.ts";
import { randomNumbers } from "../random.ts";
import { fails } from "../sources/fails.ts";
import { send, serveFiles, sha256, type TestServer } from "../sources/server.ts";
import { tinyFiles } from "../tiny.ts";
import { type FakeCaches, fakeCaches } from "./fake-caches.ts";

const PART = 2 ** 21;
const random = (seed: number, bytes: number): Uint8Array => new Uint8Array(randomNumbers(seed)(bytes / 4).buffer);
const big = random(7, 5_000_000); // two parts and a half
const files: Record<string, Uint8Array> = {};
/** A file as a server without ranges sends it. */
const whole: TestServer["trick"] = ({ path }, response) =>
  Boolean(response.writeHead(200, { "content-length": big.length, etag: '"x"' }).end(files[path.slice(7)]));

let server: TestServer;
let store: FakeCaches;
let warnings: string[];
beforeEach(async () => {
  for (const name of Object.keys(files)) delete files[name];
  Object.assign(files, tinyFiles(), { "big.bin": big, "two.bin": big.subarray(0, 2 * PART), empty: new Uint8Array(0) });
  server = await serveFiles(files);
  store = fakeCaches();
  warnings = [];
});
afterEach(async () => {
  vi.unstubAllGlobals();
  await server.close();
});

const source = (options: CachedOptions = {}) =>
  cached(`${server.url}/model`, { onWarning: (warning) => warnings.push(warning), ...options });

/** A file through a source of its own. */
async function read(path: string, options: CachedOptions = {}): Promise<Uint8Array | undefined> {
  const bytes = await source(options).open(path);
  return bytes && new Uint8Array(await bytes.slice(0, bytes.byteLength));
}
/** `toEqual` takes seconds for these. */
const same = (a: Uint8Array | undefined, b: Uint8Array): void => expect(a && Buffer.compare(Buffer.from(a), b)).toBe(0);
/** Ranges that were asked for since the last call. */
const asked = (): (string | undefined)[] => server.asked.splice(0).map(({ range }) => range);

describe("a model that is kept", () => {
  it("is downloaded once, gives the vectors of the model in memory, and is asked about with a byte a file", async () => {
    const expected = await (await SentenceTransformer.load({ files: tinyFiles() })).encode("문장");
    for (const time of [1, 2]) {
      const model = await SentenceTransformer.load(source());
      expect(await model.encode("문장")).toEqual(expected);
      await model.dispose();
      const ranges = asked();
      expect(ranges.length).toBeGreaterThan(5);
      if (time === 2) expect(new Set(ranges)).toEqual(new Set(["bytes=0-0"]));
    }
    expect(warnings).toEqual([]);
  });

  it("needs no server with revalidate: never, nor are files missed that never were there", async () => {
    await SentenceTransformer.load(source({ revalidate: "never" }));
    const first = asked().length;
    await SentenceTransformer.load(source({ revalidate: "never" }));
    const again = server.asked.splice(0);
    expect(again.length).toBeLessThan(first);
    for (const { path } of again) expect(files[path.slice(7)], path).toBeUndefined(); // what is missing is asked again
    await server.close();
    await SentenceTransformer.load(source({ revalidate: "never" }));
    expect(warnings).toEqual([expect.stringContaining("what is kept is used")]);
  });

  it("is used when the server cannot be asked, which is told once", async () => {
    await SentenceTransformer.load(source());
    server.trick = (_, response) => Boolean(response.writeHead(503).end());
    await SentenceTransformer.load(source());
    expect(warnings).toEqual([
      expect.stringMatching(/cannot be asked whether files have changed \(503\); what is kept/),
    ]);
  });

  it("is used when the server says nothing for long", async () => {
    await read("big.bin");
    server.trick = () => true;
    same(await read("big.bin", { timeout: 100 }), big);
    expect(warnings).toEqual([expect.stringContaining("nothing came for 100 ms")]);
  });

  it("reads any part of a file, into the memory it is given", async () => {
    const bytes = await source().open("big.bin");
    expect(bytes?.byteLength).toBe(big.length);
    for (const [start, end] of [
      [0, 10],
      [PART - 5, PART + 5],
      [PART, 2 * PART],
      [10, big.length - 1],
      [7, 7],
    ]) {
      const into = new ArrayBuffer(end - start);
      expect(await bytes?.slice(start, end, into)).toBe(into);
      same(new Uint8Array(into), big.subarray(start, end));
    }
    // Ends of what was read, and in between.
    for (const [start, end] of [
      [10, 500],
      [big.length - 100, big.length - 1],
      [3_000_000, 3_000_100],
    ]) {
      same(new Uint8Array((await bytes?.slice(start, end)) ?? []), big.subarray(start, end));
    }
  });

  it("tells how far a download is, and of none that is not needed", async () => {
    const seen: number[] = [];
    const onProgress: CachedOptions["onProgress"] = ({ file, loaded, total, phase }) => {
      expect([file, total, phase]).toEqual(["big.bin", big.length, "download"]);
      seen.push(loaded);
    };
    await read("big.bin", { onProgress });
    expect(seen.at(-1)).toBe(big.length);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    seen.length = 0;
    await read("big.bin", { onProgress });
    expect(seen).toEqual([]);
  });

  it.each(["two.bin", "empty", "config.json"])("%s: whole parts, none, a small one", async (path) => {
    for (const _ of [1, 2]) same(await read(path), files[path]);
    expect(store.parts().length).toBe(Math.ceil(files[path].length / PART));
  });

  it("lets go of a file of a length that nothing has, and of its parts alone", async () => {
    await read("two.bin");
    const before = store.parts();
    server.trick = (_, response) => {
      response.writeHead(206, { "content-range": `bytes 0-99/${Number.MAX_SAFE_INTEGER}`, etag: '"x"' });
      return Boolean(response.end(big.subarray(0, 100)));
    };
    store.told = 1e9;
    await read("big.bin").catch(() => {}); // a server that lies: what matters is that it comes to an end
    expect(store.parts()).toEqual(before);
  });

  it("asks again for a file that was missing", async () => {
    expect(await read("later", { revalidate: "never" })).toBeUndefined();
    files.later = random(1, 100);
    same(await read("later", { revalidate: "never" }), files.later);
  });

  it("passes on what lies behind no URL of the web", async () => {
    const text = new TextEncoder().encode("text");
    const model = cached({ files: { a: text, b: new URL(`${server.url}/model/config.json`) } });
    same(new Uint8Array((await (await model.open("a"))?.slice(0, 4)) ?? []), text);
    expect((await model.open("b"))?.byteLength).toBe(files["config.json"].length);
    expect(await model.open("c")).toBeUndefined();
    expect(store.notes().length).toBe(1);
  });
});

describe("a download that does not come to its end", () => {
  /** Stops at the first news of more than `bytes`. */
  async function abortAt(bytes: number, options: CachedOptions = {}): Promise<void> {
    const stop = new AbortController();
    const reason = new Error("no longer wanted");
    const onProgress: CachedOptions["onProgress"] = ({ loaded }) => loaded > bytes && stop.abort(reason);
    await expect(read("big.bin", { signal: stop.signal, onProgress, ...options })).rejects.toBe(reason);
  }

  it("goes on after an abort from the last whole part", async () => {
    await abortAt(2 * PART + 1000);
    expect(store.parts().length).toBe(2);
    expect(await cachedSize()).toMatchObject({ bytes: 2 * PART, files: [{ bytes: 2 * PART, total: big.length }] });
    asked();
    same(await read("big.bin"), big);
    expect(asked()).toEqual([`bytes=${2 * PART}-`]);
  });

  it("goes on after an abort where the server has no ranges, and keeps nothing twice", async () => {
    server.trick = whole;
    await abortAt(PART + 1000);
    same(await read("big.bin"), big);
    same(await read("big.bin"), big);
    expect(store.parts().length).toBe(3);
  });

  it("starts over where the file is another by then", async () => {
    await abortAt(2 * PART + 1000);
    files["big.bin"] = random(8, 5_000_000);
    same(await read("big.bin"), files["big.bin"]);
    expect(store.parts().length).toBe(3);
  });

  it("starts over where the file has become shorter", async () => {
    await abortAt(2 * PART + 1000);
    files["big.bin"] = big.subarray(0, 1000);
    same(await read("big.bin"), files["big.bin"]);
    expect(store.parts().length).toBe(1);
  });

  it("starts over where nothing tells one state of a file from another", async () => {
    server.trick = (request, response) => Boolean(send(request, response, files[request.path.slice(7)])) || true;
    await abortAt(2 * PART + 1000);
    asked();
    same(await read("big.bin"), big);
    expect(asked()).toEqual(["bytes=0-"]);
    same(await read("big.bin"), big);
    expect(warnings).toEqual([expect.stringMatching(/^big.bin: .*neither an ETag nor a Last-Modified/)]);
    await clearCached();
    await abortAt(2 * PART + 1000, { version: "1" }); // the caller knows
    asked();
    same(await read("big.bin", { version: "1" }), big);
    expect(asked()).toEqual([`bytes=${2 * PART}-`]);
  });

  it("is cut, again and again: goes on from the byte where it was", async () => {
    const etag = `"${sha256(big)}"`;
    server.trick = ({ range }, response) => {
      const from = Number(/=(\d+)-/.exec(range ?? "")?.[1]);
      if (from > 3_000_000) return false;
      const headers = { "content-length": big.length - from, "content-range": `bytes ${from}-4999999/5000000`, etag };
      response.writeHead(206, headers).write(big.subarray(from, from + 500_000), () => response.destroy());
      return true;
    };
    same(await read("big.bin"), big);
    const starts = asked().map((range) => Number(/=(\d+)-/.exec(range ?? "")?.[1]));
    expect(starts.length).toBeGreaterThan(6);
    expect(starts).toEqual([...new Set(starts)].sort((a, b) => a - b)); // never back
  });

  it("is cut for good: an error that names the file, and what came stays", async () => {
    let first = true;
    server.trick = (_, response) => {
      if (!first) return Boolean(response.writeHead(503, { "retry-after": "0" }).end());
      first = false;
      const headers = { "content-range": `bytes 0-4999999/5000000`, etag: `"${sha256(big)}"` };
      response.writeHead(206, headers).write(big.subarray(0, 3_000_000), () => response.destroy());
      return true;
    };
    await fails(read("big.bin"), /^big.bin: could not be fetched from http.*503/);
    server.trick = undefined;
    asked();
    same(await read("big.bin"), big);
    expect(asked()).toEqual([`bytes=${PART}-`]);
  });

  it.each([
    ["a page in place of the file", 200, "web page in place of the file"],
    ["a 403", 403, "must be public"],
  ])("%s: an error, and nothing is kept", async (_, status, problem) => {
    server.trick = (_, response) => Boolean(response.writeHead(status, { "content-type": "text/html" }).end("<html>"));
    await fails(read("big.bin"), problem);
    expect(store.used()).toBe(0);
  });
});

describe("a file that has changed on the server", () => {
  it("is fetched anew, and the old parts are gone", async () => {
    await read("big.bin");
    files["big.bin"] = random(9, 3_000_000);
    same(await read("big.bin"), files["big.bin"]);
    expect(store.parts().length).toBe(2);
    delete files["big.bin"];
    expect(await read("big.bin")).toBeUndefined();
    expect(store.parts().length).toBe(0);
  });

  it("is another length alone, where the server names no version", async () => {
    server.trick = (request, response) => Boolean(send(request, response, files[request.path.slice(7)])) || true;
    await read("big.bin");
    files["big.bin"] = random(9, 3_000_000);
    same(await read("big.bin"), files["big.bin"]);
  });

  it("stays as it was kept under a version, until that is another", async () => {
    await read("big.bin", { version: "1" });
    files["big.bin"] = random(9, 3_000_000);
    asked();
    same(await read("big.bin", { version: "1" }), big);
    expect(asked()).toEqual([]);
    same(await read("big.bin", { version: "2" }), files["big.bin"]);
    expect(store.parts().length).toBe(2);
  });

  it("meanwhile: parts of two states are never mixed", async () => {
    const bytes = await source().open("big.bin");
    files["big.bin"] = random(9, 5_000_000);
    for (const key of store.parts()) store.stores.get("munjang")?.delete(key);
    await fails(Promise.resolve(bytes?.slice(0, 100)), /^big.bin: changed on the server/);
    same(await read("big.bin"), files["big.bin"]);
  });
});

describe("entries that cannot be believed", () => {
  const damage = (part: number): void => {
    const entries = store.stores.get("munjang");
    const key = store.parts().find((key) => key.endsWith(`part=${part}`)) ?? "";
    const { body, headers } = entries?.get(key) ?? { body: new Uint8Array(1), headers: [] };
    entries?.set(key, { body: body.map((byte, i) => (i === 77 ? byte ^ 1 : byte)), headers });
  };

  it("a damaged part is fetched anew, alone, and told", async () => {
    await read("big.bin");
    damage(1);
    asked();
    same(await read("big.bin"), big);
    expect(asked()).toEqual(["bytes=0-0", `bytes=${PART}-${2 * PART - 1}`]);
    expect(warnings).toEqual(["big.bin: part 2 of 3 in the browser's cache is damaged; it is fetched anew"]);
    same(await read("big.bin"), big);
    expect(warnings.length).toBe(1);
  });

  it("the same where the server has no ranges", async () => {
    server.trick = whole;
    await read("big.bin");
    damage(0);
    same(await read("big.bin"), big);
    expect(warnings.length).toBe(1);
  });

  it("a damaged part and no server: an error that names the file", async () => {
    await read("big.bin", { version: "1" });
    damage(1);
    server.trick = (_, response) => Boolean(response.writeHead(500, { "retry-after": "0" }).end());
    await fails(read("big.bin", { version: "1" }), /^big.bin: could not be fetched/);
  });

  it("a part that is missing, and one that was damaged before the download was resumed", async () => {
    await read("big.bin");
    const key = store.parts()[2];
    store.stores.get("munjang")?.delete(key);
    same(await read("big.bin"), big);
    expect(warnings).toEqual([expect.stringContaining("part 3 of 3 in the browser's cache is missing")]);

    await clearCached();
    const stop = new AbortController();
    const onProgress: CachedOptions["onProgress"] = ({ loaded }) =>
      loaded > 2 * PART + 1000 && stop.abort(new Error("enough"));
    await expect(read("big.bin", { signal: stop.signal, onProgress })).rejects.toThrow("enough");
    expect(store.parts().length).toBe(2);
    damage(0);
    warnings.length = 0;
    same(await read("big.bin"), big);
    expect(warnings).toEqual([expect.stringContaining("part 1 of 3 in the browser's cache is damaged")]);
  });

  it.each(["", "{", "[]", '{"url": 3}'])("a note that reads %j is none", async (text) => {
    await read("big.bin");
    const entries = store.stores.get("munjang");
    for (const key of store.notes()) entries?.set(key, { body: new TextEncoder().encode(text), headers: [] });
    same(await read("big.bin"), big);
    expect(store.parts().length).toBe(3);
  });
});

describe("integrity", () => {
  const right = sha256(big);
  const wrong = "0".repeat(64);

  it("is compared before anything is used, once", async () => {
    for (const _ of [1, 2]) same(await read("big.bin", { integrity: { "big.bin": right.toUpperCase() } }), big);
  });

  it("a mismatch names the file and both hashes, and nothing is kept", async () => {
    const error = await fails(
      read("big.bin", { integrity: { "big.bin": wrong } }),
      right,
      wrong,
      /^big.bin: integrity/,
    );
    expect([error.file, error.field]).toEqual(["big.bin", "integrity"]);
    expect(store.parts()).toEqual([]);
    expect(store.notes()).toEqual([]);
  });

  it("kept without it: compared when it is asked for; what is stale is fetched anew, once", async () => {
    await read("big.bin", { revalidate: "never" });
    files["big.bin"] = random(9, 5_000_000);
    const integrity = { "big.bin": sha256(files["big.bin"]) };
    same(await read("big.bin", { revalidate: "never", integrity }), files["big.bin"]);
    asked();
    await fails(read("big.bin", { revalidate: "never", integrity: { "big.bin": wrong } }), "is expected");
    expect(asked()).toEqual(["bytes=0-"]);
  });

  it("holds where nothing is kept, too", async () => {
    vi.stubGlobal("caches", undefined);
    same(await read("big.bin", { integrity: { "big.bin": right } }), big);
    await fails(read("big.bin", { integrity: { "big.bin": wrong } }), right, wrong);
  });

  it("of a file that nobody reads is told", async () => {
    const model = source({ integrity: { "other.bin": right } });
    await model.open("big.bin");
    await model.close();
    expect(warnings).toEqual(["integrity: other.bin was not read, so nothing was compared"]);
  });
});

describe("where nothing can be kept", () => {
  it("a full quota found out while writing: the model loads, a warning says what is missing, and no part stays", async () => {
    store.quota = 3_000_000;
    same(await read("big.bin"), big);
    expect(warnings).toEqual([
      "big.bin is not kept, so every load fetches it again: there is no room (5.0 MB are needed, it refused: QuotaExceededError: Quota exceeded.); make some with clearCached(), or on the disk",
    ]);
    expect([store.parts(), store.notes()]).toEqual([[], []]);
    same(await read("config.json"), files["config.json"]); // a small one has room
    expect(store.notes().length).toBe(1);
  });

  it("a quota that is known beforehand: no byte is fetched in vain", async () => {
    store.told = 4_000_000;
    const bytes = await source().open("big.bin");
    expect(asked().at(-1)).toBe("bytes=0-65535");
    expect(bytes?.byteLength).toBe(big.length);
    expect(warnings).toEqual([expect.stringContaining("5.0 MB are needed, the browser reports 4.0 MB of 4.0 MB free")]);
    expect(store.used()).toBe(0);
  });

  it("no room at all, not even for notes: the model loads", async () => {
    store.quota = 0;
    const model = await SentenceTransformer.load(source());
    expect((await model.encode("문장")).length).toBe(model.dimension);
    expect(warnings.length).toBeGreaterThan(0);
  });

  it("no Cache API, and a page that is not served securely", async () => {
    vi.stubGlobal("caches", undefined);
    same(await read("big.bin"), big);
    vi.stubGlobal("isSecureContext", false);
    const model = await SentenceTransformer.load(source());
    expect((await model.encode("문장")).length).toBe(model.dimension);
    expect(warnings).toEqual([
      expect.stringMatching(/\/model\/: nothing can be kept, so every load fetches it again: no Cache API here$/),
      expect.stringContaining("the page is not served securely (https, or localhost)"), // once for all files
    ]);
    expect(await cachedSize()).toMatchObject({ bytes: 0, files: [] });
    await clearCached();
    await clearCached(server.url);
  });

  it("a browser that refuses: by throwing when it is asked for caches, or when one is opened", async () => {
    const denied = () => {
      throw new DOMException("The operation is insecure.", "SecurityError");
    };
    Object.defineProperty(globalThis, "caches", { get: denied, configurable: true });
    same(await read("big.bin"), big);
    vi.stubGlobal("caches", { open: async () => denied(), has: async () => denied() });
    same(await read("big.bin"), big);
    expect(warnings).toEqual(Array(2).fill(expect.stringContaining("SecurityError: The operation is insecure.")));
    expect((await cachedSize()).bytes).toBe(0);
  });

  it("a cache that fails while it is read: the server has it", async () => {
    await read("big.bin");
    const cache = await caches.open("munjang");
    vi.stubGlobal("caches", {
      open: async () => ({ ...cache, match: () => Promise.reject(new DOMException("disk", "UnknownError")) }),
    });
    same(await read("big.bin"), big);
    expect(warnings).toEqual([expect.stringContaining("UnknownError: disk")]);
  });
});

describe("two tabs at once", () => {
  it("download once where there are locks", async () => {
    fakeCaches({ locks: true });
    const both = await Promise.all([read("big.bin", { version: "1" }), read("big.bin", { version: "1" })]);
    for (const bytes of both) same(bytes, big);
    expect(asked()).toEqual(["bytes=0-"]);
  });

  it("the second goes on when the first is aborted, and may itself be", async () => {
    fakeCaches({ locks: true });
    const first = new AbortController();
    const third = new AbortController();
    const stop: CachedOptions["onProgress"] = ({ loaded }) => {
      if (loaded < PART + 1) return;
      third.abort(new Error("the third"));
      first.abort(new Error("the first"));
    };
    const results = await Promise.allSettled([
      read("big.bin", { signal: first.signal, onProgress: stop }),
      read("big.bin"),
      read("big.bin", { signal: third.signal }),
    ]);
    const [one, two, three] = results.map((result) => (result.status === "fulfilled" ? result.value : result.reason));
    expect([one.message, three.message]).toEqual(["the first", "the third"]);
    same(two, big);
    expect(asked()).toEqual(["bytes=0-", `bytes=${PART}-`]);
  });

  it("both work where there are none, or they are refused, and leave a file that is whole", async () => {
    vi.stubGlobal("navigator", {
      locks: { request: async () => Promise.reject(new DOMException("no", "SecurityError")) },
    });
    for (const bytes of await Promise.all([read("big.bin"), read("big.bin")])) same(bytes, big);
    expect(store.parts().length).toBe(3);
    asked();
    same(await read("big.bin"), big);
    expect(asked()).toEqual(["bytes=0-0"]);
    expect(warnings).toEqual([]);
  });
});

describe("what is kept", () => {
  it("is told by file, and cleared by file, by model, or all at once", async () => {
    store.told = 1e9;
    await read("big.bin");
    await read("config.json");
    expect(await read("missing.json")).toBeUndefined();
    await read("two.bin", { cache: "other" });
    const { bytes, files: kept, ...rest } = await cachedSize();
    expect(bytes).toBe(big.length + files["config.json"].length);
    expect(kept).toEqual([
      { url: `${server.url}/model/big.bin`, bytes: big.length, total: big.length },
      {
        url: `${server.url}/model/config.json`,
        bytes: files["config.json"].length,
        total: files["config.json"].length,
      },
    ]);
    expect(rest).toEqual({ usage: store.used(), quota: 1e9, persisted: true });
    await clearCached({ files: { any: new URL(`${server.url}/model/big.bin`) } });
    expect((await cachedSize()).files.length).toBe(1);
    await clearCached(`${server.url}/mod`);
    expect((await cachedSize()).files.length).toBe(1);
    await clearCached(`${server.url}/model`);
    expect((await cachedSize()).bytes).toBe(0);
    expect(await (await caches.open("munjang")).keys()).toEqual([]);
    expect((await cachedSize("other")).bytes).toBe(2 * PART);
    await clearCached(undefined, "other");
    expect(store.used()).toBe(0);
  });

  it("ignores what follows the ? where that is a signature", async () => {
    const url = (key: string): URL => new URL(`${server.url}/model/?key=${key}`);
    const open = async (key: string, ignoreSearch: boolean) =>
      expect((await cached(url(key), { ignoreSearch }).open("big.bin"))?.byteLength).toBe(big.length);
    await open("1", true);
    await open("2", true);
    expect(asked()).toEqual(["bytes=0-", "bytes=0-0"]);
    expect(store.notes().join()).not.toContain("key");
    await open("3", false);
    expect(asked()).toEqual(["bytes=0-"]);
  });
});

it.each([
  ["model", () => cached("my-model"), "is not a URL"],
  ["model", () => cached("ftp://example.org/"), "must be a URL of https: or http:"],
  ["model", () => cached("https://me:secret@example.org/"), "must not hold a password"],
  ["model", () => cached(3 as never), "must be a URL, or"],
  ["revalidate", () => cached("https://example.org/", { revalidate: "daily" as never }), "one of always, never"],
  ["integrity[a]", () => cached("https://example.org/", { integrity: { a: "sha256-abc" } }), "64 hexadecimal digits"],
  ["timeout", () => cached("https://example.org/", { timeout: 0 }), "more than 0"],
  ["version", () => cached("https://example.org/", { version: 3 as never }), "must be a string"],
])("refuses at the door: %s", (field, make, problem) => {
  expect(make).toThrow(
    expect.objectContaining({ name: "ModelError", field, message: expect.stringContaining(problem) }),
  );
});
