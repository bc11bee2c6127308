import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BackendInfo } from "../../src/node.ts";
import { committed, corpus, corpusFiles } from "../golden/corpus.ts";
import { type Browser, browsers, type Route, type Serving, serve, titleOf } from "./browsers.ts";

/*
 * Pages where something is forbidden, missing or broken: each ends in the next honest choice, with a reason that can be read and the committed
 * hash, or in a ModelError that names the file.
 */

const model = corpusFiles();
const weights = model["model.safetensors"] as Uint8Array;
const FILE = "/model/model.safetensors";
const routes = {
  ...Object.fromEntries(Object.entries(model).map(([name, content]) => [`/model/${name}`, content])),
  "/": '<!doctype html><title>munjang</title><script src="/before.js"></script><script type="module" src="/runtimes/page.js"></script>',
  "/corpus.json": JSON.stringify(corpus.map(({ ids }) => Array.from(ids))),
};
const folders = { "/runtimes/": import.meta.dirname };

interface Seen {
  readonly backend: BackendInfo;
  readonly hash: string;
  readonly error?: { readonly name: string; readonly message: string; readonly file?: string };
}

interface Place extends Serving {
  /** A script that the page runs before the engine comes. */
  readonly before?: string;
  readonly options?: object;
}

/** Answers with the weights, or with the part that is asked for, up to a byte where the connection is cut. */
function cutAt(byte: (request: number) => number | undefined, ranges = true): { route: Route; requests: () => number } {
  let count = 0;
  const route: Route = (request, response) => {
    const asked = ranges ? /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") : null;
    const [from, to] = asked
      ? [Number(asked[1]), Math.min(Number(asked[2]), weights.length - 1)]
      : [0, weights.length - 1];
    if (asked) response.setHeader("content-range", `bytes ${from}-${to}/${weights.length}`);
    response.writeHead(asked ? 206 : 200, {
      "content-length": to - from + 1,
      "content-type": "application/octet-stream",
    });
    const cut = byte(count++);
    if (cut === undefined) return void response.end(weights.subarray(from, to + 1));
    const some = weights.subarray(from, Math.min(from + cut, to));
    response.write(some, () => response.destroy());
  };
  return { route, requests: () => count };
}

describe.each(browsers.map((kind) => [titleOf(kind, "bad places"), kind] as const))("%s", (_, kind) => {
  const { missing } = kind;
  let browser: Browser;
  beforeAll(async () => {
    if (missing === undefined) browser = await kind.launch();
  });
  afterAll(() => browser?.close());

  async function at({ before = "", options = {}, ...serving }: Place): Promise<Seen> {
    const all = { ...routes, "/before.js": before, ...serving.routes };
    const site = await serve({ folders, ...serving, routes: all });
    const page = await browser.openPage(`${site.origin}/`);
    try {
      const caught = "({ name, message, file }) => ({ error: { name, message, file } })";
      return await page.evaluate<Seen>(`run(${JSON.stringify(options)}).catch(${caught})`);
    } finally {
      await page.close();
      site.close();
    }
  }
  const weightsBy = (route: Route, options: object = { threads: 0 }): Promise<Seen> =>
    at({ routes: { [FILE]: route }, options });

  /** A ModelError about the file of weights. */
  const refused = (seen: Seen, message: RegExp): void => {
    expect(seen.error).toMatchObject({ name: "ModelError", file: "model.safetensors" });
    expect(seen.error?.message).toMatch(message);
  };

  it.skipIf(missing)("no WebAssembly: plain JavaScript", async () => {
    const { backend, hash } = await at({ isolated: true, before: "delete globalThis.WebAssembly" });
    expect(backend).toMatchObject({ name: "js", threads: 0, width: 0 });
    expect(backend.reason).toMatch(/because WebAssembly does not run here: ReferenceError.*WebAssembly/);
    expect(hash).toBe(committed.corpus.js);
  });

  it.skipIf(missing)("no SharedArrayBuffer: one worker with a memory of its own", async () => {
    const before = "delete globalThis.SharedArrayBuffer";
    const { backend, hash } = await at({ isolated: true, before, options: { threads: 2 } });
    expect(backend).toMatchObject({ name: "wasm", threads: 1 });
    expect(backend.reason).toContain("memory cannot be shared here");
    expect(hash).toBe(committed.corpus.wasm);
  });

  it.skipIf(missing)("no memory at all: plain JavaScript", async () => {
    const before = 'WebAssembly.Memory = function () { throw new RangeError("no memory for you") }';
    const { backend, hash } = await at({ isolated: true, before });
    expect(backend).toMatchObject({ name: "js", threads: 0 });
    expect(backend.reason).toContain("RangeError: no memory for you");
    expect(hash).toBe(committed.corpus.js);
  });

  it.skipIf(missing)("no shared memory of that size: on the page's own thread", async () => {
    const before = `const Real = WebAssembly.Memory;
      WebAssembly.Memory = function (size) { if (size.shared) throw new RangeError("too large"); return new Real(size) }`;
    const { backend, hash } = await at({ isolated: true, before });
    expect(backend).toMatchObject({ name: "wasm", threads: 0 });
    expect(backend.reason).toContain("on the calling thread: RangeError: too large");
    expect(hash).toBe(committed.corpus.wasm);
  });

  it.skipIf(missing)("memory that does not grow at all: plain JavaScript", async () => {
    const before = 'WebAssembly.Memory.prototype.grow = () => { throw new RangeError("no more") }';
    const { backend, hash } = await at({ before, options: { threads: 0 } });
    expect(backend.name).toBe("js");
    expect(backend.reason).toContain("RangeError: no more");
    expect(hash).toBe(committed.corpus.js);
  });

  it.skipIf(missing).each([0, 2])("memory that ends before the weights do: an error, %i threads", async (threads) => {
    const before = `const { grow } = WebAssembly.Memory.prototype;
      WebAssembly.Memory.prototype.grow = function (pages) {
        if (this.buffer.byteLength + 65536 * pages > 600_000) throw new RangeError("no more");
        return grow.call(this, pages);
      }`;
    const { error } = await at({ isolated: true, before, options: { threads } });
    expect(error).toMatchObject({ name: "ModelError" });
    expect(error?.message).toContain("there is no memory for the model's weights");
  });

  it.skipIf(missing)("no workers: on the page's own thread, or refused where they were asked for", async () => {
    const before = 'globalThis.Worker = function () { throw new Error("no workers for you") }';
    const { backend, hash } = await at({ isolated: true, before });
    expect(backend).toMatchObject({ name: "wasm", threads: 0 });
    expect(backend.reason).toContain("on the calling thread: Error: no workers for you");
    expect(hash).toBe(committed.corpus.wasm);
    const { error } = await at({ isolated: true, before, options: { threads: 2 } });
    expect(error?.message).toMatch(/threads = 2: cannot be had here \(Error: no workers for you\); use 0 or "auto"/);
  });

  it.skipIf(missing)("the worker's code is not there: on the page's own thread", async () => {
    const gone: Route = (_, response) => response.writeHead(404).end();
    const { backend, hash } = await at({ isolated: true, routes: { "/dist/web-worker.js": gone } });
    expect(backend).toMatchObject({ name: "wasm", threads: 0 });
    expect(backend.reason).toMatch(
      /on the calling thread: .*no worker came .*web-worker\.js was not found, .*import munjang\/inline-worker/,
    );
    expect(hash).toBe(committed.corpus.wasm);
  });

  it.skipIf(missing)("404 in place of weights", async () => {
    refused(await weightsBy((_, response) => response.writeHead(404).end("no")), /is missing/);
  });

  it.skipIf(missing)("a web page in place of weights, said to be one or not", async () => {
    const page = `<!doctype html><title>Sign in</title>${" ".repeat(5000)}`;
    const html = await weightsBy((_, r) => r.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(page));
    refused(html, /the server sent a web page in place of the file/);
    refused(await weightsBy((_, r) => r.writeHead(200, { "content-type": "application/octet-stream" }).end(page)), /./);
  });

  it.skipIf(missing)("503 for good: the status, and how often it was tried", async () => {
    refused(await weightsBy((_, response) => response.writeHead(503).end()), /503.*tried 6 times/);
  });

  it.skipIf(missing).each([true, false])("a connection cut in the middle, once (ranges: %s)", async (ranges) => {
    // Of the parts: the second, which is beyond the first 64 KB.
    const { route, requests } = cutAt((n) => (n === (ranges ? 1 : 0) ? 30_000 : undefined), ranges);
    const { hash } = await weightsBy(route);
    expect(hash).toBe(committed.corpus.wasm);
    expect(requests()).toBeGreaterThan(1);
  });

  it.skipIf(missing)("a connection cut in the middle, always: an end, and a count", async () => {
    const { route, requests } = cutAt(() => 1000, false);
    refused(await weightsBy(route), /could not be fetched from http.*model\.safetensors.*tried \d+ times/);
    expect(requests()).toBeGreaterThanOrEqual(6);
  });

  it.skipIf(missing)("a server that falls silent: given up after six times the timeout", async () => {
    const silent: Route = (_, response) => {
      response.writeHead(200, { "content-length": weights.length });
      response.write(weights.subarray(0, 1000));
    };
    refused(await weightsBy(silent, { threads: 0, timeout: 200 }), /nothing came for 200 ms.*tried 6 times/);
  });
});
