import { readdirSync, readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { CachedOptions, CachedSize } from "../../src/cache.ts";
import { SentenceTransformer } from "../../src/node.ts";
import { type Browser, browsers, type Page, type Route, type Site, serve, titleOf } from "../runtimes/browsers.ts";
import { sha256 } from "../sources/server.ts";
import { sendRange } from "./ranges.ts";

/*
 * munjang/cache in real browsers: the bundled model behind a server of ranges and ETags that counts what it sends.
 */

const PART = 2 ** 21;
const WEIGHTS = "model.safetensors";
const folder = join(import.meta.dirname, "../../weights/model");
const files = Object.fromEntries(
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(folder.length + 1).replaceAll("\\", "/"), readFileSync(path)];
    }),
);
const weights = files[WEIGHTS];

/** What the server does. */
interface Serving {
  /** Bytes of the weights that it sent. */
  sent: number;
  /** Ranges of the weights that it was asked for. */
  ranges: (string | undefined)[];
  /** Requests for any file of the model. */
  requests: number;
  /** Stops sending the weights there, until `release` is called. */
  holdAt: number;
  release: () => void;
  weights: Uint8Array;
  etag: string;
}
let serving: Serving;

function sendFile(path: string, request: IncomingMessage, response: ServerResponse): void {
  serving.requests++;
  const isWeights = path === WEIGHTS;
  const bytes = isWeights ? serving.weights : files[path];
  const etag = isWeights ? serving.etag : `"${sha256(bytes)}"`;
  const { start, end } = sendRange(request, response, bytes, etag);
  if (!isWeights) return void response.end(bytes.subarray(start, end));
  serving.ranges.push(request.headers.range);
  const until = Math.min(end, Math.max(start, serving.holdAt));
  serving.sent += until - start;
  response.write(bytes.subarray(start, until));
  if (until === end) return void response.end();
  const held = serving;
  held.release = () => {
    held.sent += response.destroyed ? 0 : end - until;
    response.end(bytes.subarray(until, end));
  };
}

const page = '<!doctype html><meta charset="utf-8"><title>munjang</title><body>';
const script = '<script type="module" src="/browser/cache.js"></script>';
/** Scripts of a frame without origin are fetched as those of another site. */
const shared =
  (file: string): Route =>
  (_, response) => {
    response.writeHead(200, { "content-type": "text/javascript", "access-control-allow-origin": "*" });
    response.end(readFileSync(file));
  };
const dist = join(import.meta.dirname, "../../dist");
const routes: Record<string, string | Route> = {
  "/": page + script,
  "/frame.html": `${page}<script type="module">import "/browser/cache.js"; parent.postMessage(await load({ paths: ${JSON.stringify(Object.keys(files))} }), "*")</script>`,
  ...Object.fromEntries(
    Object.keys(files).map(
      (path) => [`/model/${path}`, (request, response) => sendFile(path, request, response)] as const,
    ),
  ),
  "/browser/cache.js": shared(join(import.meta.dirname, "cache.js")),
  ...Object.fromEntries(
    readdirSync(dist, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".js"))
      .map((file) => [`/dist/${file.replaceAll("\\", "/")}`, shared(join(dist, file))]),
  ),
};

interface Result {
  readonly vector?: number[];
  readonly error?: string;
  readonly field?: string;
  readonly warnings: string[];
}
type LoadOptions = CachedOptions & { abortAt?: number };

/** The part of Playwright's page that is Chromium's alone. */
interface ChromiumPage {
  context(): { newCDPSession(page: unknown): Promise<{ send(method: string, parameters: object): Promise<unknown> }> };
}

describe.each(browsers.map((kind) => [titleOf(kind, "munjang/cache in a page"), kind] as const))("%s", (_, kind) => {
  const { missing } = kind;
  let expected: number[];
  let browser: Browser;
  let site: Site;
  beforeAll(async () => {
    if (missing !== undefined) return;
    browser = await kind.launch();
    const model = await SentenceTransformer.load(folder);
    expected = Array.from(await model.encode("잠이 옵니다"));
    await model.dispose();
  });
  afterAll(() => browser?.close());
  // A site of its own port is an origin of its own, with an empty cache.
  beforeEach(async () => {
    if (missing === undefined) site = await serve({ routes });
    serving = {
      sent: 0,
      ranges: [],
      requests: 0,
      holdAt: Number.POSITIVE_INFINITY,
      release() {},
      weights,
      etag: '"first"',
    };
  });
  const opened: Page[] = [];
  afterEach(async () => {
    serving.release();
    for (const page of opened.splice(0)) await page.close();
    site?.close();
  });
  const open = async (): Promise<Page> => {
    const page = await browser.openPage(`${site.origin}/`);
    opened.push(page);
    return page;
  };
  const load = (page: Page, options: LoadOptions = {}): Promise<Result> =>
    page.evaluate<Result>(`load(${JSON.stringify(options)})`);
  const size = (page: Page): Promise<CachedSize> => page.evaluate<CachedSize>("cachedSize()");
  const worked = (warnings: unknown[] = []): unknown => ({ vector: expected, warnings });

  it.skipIf(missing)("the first load downloads, the second asks for a byte a file, or for nothing", async () => {
    const page = await open();
    expect(await load(page)).toEqual(worked());
    expect(serving.sent).toBe(weights.length);
    const requests = serving.requests;
    const again = await open();
    expect(await load(again)).toEqual(worked());
    expect(serving.ranges).toEqual(["bytes=0-", "bytes=0-0"]);
    expect(serving.requests).toBe(2 * requests);
    expect(await load(again, { revalidate: "never" })).toEqual(worked());
    expect(serving.requests).toBe(2 * requests);
    const { bytes, usage = 0, quota = 0, files: kept } = await size(again);
    expect(bytes).toBe(kept.reduce((sum, { url }) => sum + files[url.replace(/.*\/model\//, "")].length, 0));
    expect(usage).toBeGreaterThan(bytes * 0.9);
    expect(quota).toBeGreaterThan(usage);
    await again.evaluate("clearCached()");
    expect((await size(again)).bytes).toBe(0);
  });

  it.skipIf(missing)("works without a server after the first load", async () => {
    const page = await open();
    await load(page);
    site.close();
    const told = [expect.stringContaining("the server cannot be asked whether files have changed")];
    expect(await load(page, { revalidate: "never" })).toEqual(worked(told)); // it is asked for what it did not have
    expect(await load(page)).toEqual(worked(told));
  });

  it.skipIf(missing)("goes on after an abort", async () => {
    const page = await open();
    serving.holdAt = 2 * PART + 100_000;
    const { error } = await load(page, { abortAt: 2 * PART + 1 });
    expect(error).toBe("no longer wanted");
    serving.holdAt = Number.POSITIVE_INFINITY;
    expect(await load(page)).toEqual(worked());
    expect(serving.ranges).toEqual(["bytes=0-", `bytes=${2 * PART}-`]);
    expect(serving.sent).toBe(weights.length + 100_000);
  });

  it.skipIf(missing)("goes on after the page was closed in the middle, and a tab that waits takes over", async () => {
    const [first, second] = [await open(), await open()];
    serving.holdAt = PART + 100_000;
    const far = first.evaluate(`(load().catch(() => {}), progress(${PART + 1}))`);
    await far;
    const waiting = load(second);
    serving.holdAt = Number.POSITIVE_INFINITY;
    opened.splice(opened.indexOf(first), 1);
    await first.close();
    expect(await waiting).toEqual(worked());
    expect(serving.ranges).toEqual(["bytes=0-", `bytes=${PART}-`]);
  });

  it.skipIf(missing)("two tabs at once download once", async () => {
    const pages = [await open(), await open()];
    for (const result of await Promise.all(pages.map((page) => load(page)))) expect(result).toEqual(worked());
    expect(serving.sent).toBe(weights.length + 1); // and the question of the second
  });

  it.skipIf(missing)("fetches a file anew that has changed on the server, alone", async () => {
    const page = await open();
    await load(page);
    serving.etag = '"second"';
    serving.weights = weights.slice();
    expect(await load(page)).toEqual(worked());
    expect(serving.ranges).toEqual(["bytes=0-", "bytes=0-0", "bytes=0-"]);
    expect((await size(page)).files.length).toBe(Object.keys(files).length);
  });

  it.skipIf(missing)("fetches damaged parts anew, alone, and says so", async () => {
    const page = await open();
    await load(page, { version: "1" });
    await page.evaluate("damage()");
    const parts = Math.ceil(weights.length / PART);
    const told = Array(parts - 1).fill(expect.stringMatching(/^model.safetensors: part \d of \d .* is damaged/));
    const result = await load(page, { version: "1" });
    expect(result.vector).toEqual(expected);
    expect(new Set(result.warnings).size).toBe(parts - 1);
    expect([...result.warnings].sort()).toEqual(told);
    expect(serving.sent).toBe(2 * weights.length - PART);
    expect(await load(page, { version: "1" })).toEqual(worked());
  });

  it.skipIf(missing)("compares with the hash that is expected", async () => {
    const page = await open();
    const right = sha256(weights);
    expect(await load(page, { integrity: { [WEIGHTS]: right } })).toEqual(worked());
    const wrong = "0".repeat(64);
    const { error, field } = await load(page, { integrity: { [WEIGHTS]: wrong } });
    expect(error).toMatch(`${WEIGHTS}: integrity: its SHA-256 is ${right}, but ${wrong} is expected`);
    expect(field).toBe("integrity");
    expect((await size(page)).files.map(({ url }) => url).join()).not.toContain(WEIGHTS);
  });

  it.skipIf(missing)("in a worker", async () => {
    const page = await open();
    expect(await page.evaluate("loadInWorker({})")).toEqual(worked());
    expect(await page.evaluate(`loadInWorker({ revalidate: "never" })`)).toEqual(worked());
    expect(serving.sent).toBe(weights.length);
  });

  it.skipIf(missing)("in a frame without an origin nothing can be kept: it loads, and says why", async () => {
    const page = await open();
    const told = [
      expect.stringMatching(/^files behind URLs: nothing can be kept, so every load fetches it again: SecurityError: /),
    ];
    for (const _ of [1, 2]) expect(await page.evaluate("loadInFrame()")).toEqual(worked(told));
  });

  const name = "a full quota: it loads, says what was missing, and keeps no half of a file";
  if (kind.name === "Chromium") {
    it.skipIf(missing)(name, async () => {
      const page = await open();
      const devtools = await (page as Page & ChromiumPage).context().newCDPSession(page);
      await devtools.send("Storage.overrideQuotaForOrigin", { origin: site.origin, quotaSize: 3_000_000 });
      // Chromium does not tell pages about this quota, so it is found out in the middle of the file.
      const told = expect.stringMatching(
        new RegExp(
          `^model.safetensors is not kept, .* no room \\(${(weights.length / 1e6).toFixed(1)} MB are needed, .* it refused: QuotaExceededError`,
        ),
      );
      expect(await load(page)).toEqual(worked([told]));
      expect((await size(page)).files.map(({ url }) => url).join()).not.toContain(WEIGHTS);
      await devtools.send("Storage.overrideQuotaForOrigin", { origin: site.origin });
      expect(await load(page)).toEqual(worked());
      expect((await size(page)).files.map(({ url }) => url).join()).toContain(WEIGHTS);
    });
  } else it.skip(`${name} (only Chromium's quota can be set from outside)`, () => {});
});
