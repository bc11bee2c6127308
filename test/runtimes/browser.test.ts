import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BackendInfo } from "../../src/node.ts";
import { committed, corpus, corpusFiles } from "../golden/corpus.ts";

/*
 * The built package in a page of Chromium, as a page without a bundler would use it: the committed hashes, with and without cross-origin
 * isolation, and under policies that forbid evaluation, or WebAssembly too. Debian's Chromium; skipped where there is none.
 */

const CHROMIUM = process.env.MUNJANG_CHROMIUM ?? "/usr/bin/chromium";
const missing = !existsSync(CHROMIUM);
const root = join(import.meta.dirname, "../..");

/** What the page is served with. */
interface Serving {
  readonly isolated: boolean;
  readonly policy?: string;
}

/** The part of playwright-core that is used here. */
interface Page {
  goto(url: string): Promise<unknown>;
  /** What becomes of an expression in the page. */
  evaluate<R>(expression: string): Promise<R>;
  close(): Promise<void>;
}
interface Browser {
  newPage(): Promise<Page>;
  version(): string;
  close(): Promise<void>;
}

const TYPES: Record<string, string> = { ".js": "text/javascript", ".json": "application/json" };
let serving: Serving = { isolated: false };
let server: Server;
let browser: Browser;
let origin = "";

beforeAll(async () => {
  if (missing) return;
  const model = corpusFiles();
  const texts = JSON.stringify(corpus.map(({ ids }) => Array.from(ids)));
  server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? "").split("?")[0]);
    if (serving.isolated) {
      response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
      response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    }
    if (serving.policy !== undefined) response.setHeader("Content-Security-Policy", serving.policy);
    const send = (body: string | Uint8Array, type = "application/octet-stream"): void => {
      response.setHeader("content-type", type);
      response.end(body);
    };
    if (path === "/") return send("<!doctype html><title>munjang</title>", "text/html");
    if (path === "/corpus.json") return send(texts, "application/json");
    const inModel = model[path.replace(/^\/model\//, "")];
    if (path.startsWith("/model/") && inModel !== undefined) return send(inModel);
    const file = path === "/page.js" ? join(import.meta.dirname, "page.js") : join(root, path);
    if (/^\/(dist\/|page\.js$)/.test(path) && existsSync(file) && statSync(file).isFile()) {
      return send(readFileSync(file), TYPES[extname(file)]);
    }
    response.statusCode = 404;
    response.end();
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { chromium } = createRequire(import.meta.url)("playwright-core");
  const args = ["--no-sandbox", "--disable-background-networking"];
  browser = await chromium.launch({ executablePath: CHROMIUM, args });
});
afterAll(async () => {
  await browser?.close();
  server?.close();
});

interface Seen {
  readonly isolated: boolean;
  readonly backend: BackendInfo;
  readonly hash: string;
}

/** Loads the model in a page and hashes the corpus there. */
async function inPage(what: Serving, options: object): Promise<Seen> {
  serving = what;
  const page = await browser.newPage();
  try {
    await page.goto(`${origin}/`);
    return await page.evaluate<Seen>(`import("/page.js").then(({ run }) => run(${JSON.stringify(options)}))`);
  } finally {
    await page.close();
  }
}

const WITHOUT_EVAL = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'";
const WITHOUT_WASM = "default-src 'self'; script-src 'self'; worker-src 'self'; connect-src 'self'";

describe.skipIf(missing)("a page of Chromium", () => {
  it("isolated: two workers over one memory", async () => {
    const { isolated, backend, hash } = await inPage({ isolated: true }, { threads: 2 });
    expect(isolated).toBe(true);
    expect(backend).toMatchObject({ name: "wasm", threads: 2, width: 128 });
    expect(hash).toBe(committed.corpus.wasm);
  });

  it("not isolated: one worker with a memory of its own, which says so", async () => {
    const { isolated, backend, hash } = await inPage({ isolated: false }, { threads: 2 });
    expect(isolated).toBe(false);
    expect(backend).toMatchObject({ name: "wasm", threads: 1 });
    expect(backend.reason).toContain("memory cannot be shared here");
    expect(hash).toBe(committed.corpus.wasm);
  });

  it("on the page's own thread", async () => {
    const { backend, hash } = await inPage({ isolated: false }, { threads: 0 });
    expect(backend).toMatchObject({ name: "wasm", threads: 0 });
    expect(hash).toBe(committed.corpus.wasm);
  });

  it.each(["int8", "int8-12"] as const)("%s, isolated and not", async (dtype) => {
    for (const isolated of [true, false]) {
      const { hash } = await inPage({ isolated }, { dtype, threads: 2 });
      expect(hash).toBe(committed.corpus[`wasm ${dtype}`]);
    }
  });

  it("under a policy without unsafe-eval", async () => {
    const { backend, hash } = await inPage({ isolated: true, policy: WITHOUT_EVAL }, {});
    expect(backend.name).toBe("wasm");
    expect(backend.threads).toBeGreaterThan(0);
    expect(hash).toBe(committed.corpus.wasm);
  });

  it("under a policy that forbids WebAssembly: plain JavaScript, and the reason", async () => {
    const { backend, hash } = await inPage({ isolated: false, policy: WITHOUT_WASM }, {});
    expect(backend).toMatchObject({ name: "js", threads: 0, width: 0 });
    expect(backend.reason).toMatch(/^auto: plain JavaScript, because WebAssembly does not run here: .*CompileError/);
    expect(hash).toBe(committed.corpus.js);
    const asked = inPage({ isolated: false, policy: WITHOUT_WASM }, { dtype: "int8" });
    await expect(asked).rejects.toThrow(/convert it elsewhere, with `munjang convert`/);
  });
});
