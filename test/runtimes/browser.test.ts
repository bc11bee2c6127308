import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BackendInfo } from "../../src/node.ts";
import { committed, corpus, corpusFiles } from "../golden/corpus.ts";
import { type Browser, browsers, type Serving, serve, titleOf } from "./browsers.ts";

/*
 * The built package in pages, as a page without a bundler would use it: the committed hashes, with and without cross-origin isolation, and
 * under policies that forbid evaluation, or WebAssembly too.
 */

const model = Object.entries(corpusFiles()).map(([name, content]) => [`/model/${name}`, content] as const);
const routes = {
  ...Object.fromEntries(model),
  "/": '<!doctype html><title>munjang</title><script type="module" src="/runtimes/page.js"></script>',
  "/corpus.json": JSON.stringify(corpus.map(({ ids }) => Array.from(ids))),
};
const folders = { "/runtimes/": join(import.meta.dirname) };

interface Seen {
  readonly isolated: boolean;
  readonly backend: BackendInfo;
  readonly hash: string;
}

const WITHOUT_EVAL = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'";
const WITHOUT_WASM = "default-src 'self'; script-src 'self'; worker-src 'self'; connect-src 'self'";

describe.each(browsers.map((kind) => [titleOf(kind, "a page"), kind] as const))("%s", (_, kind) => {
  const { missing } = kind;
  let browser: Browser;
  beforeAll(async () => {
    if (missing === undefined) browser = await kind.launch();
  });
  afterAll(() => browser?.close());

  /** Loads the model in a page and hashes the corpus there. */
  async function inPage(what: Serving, options: object): Promise<Seen> {
    const site = await serve({ routes, folders, ...what });
    const page = await browser.openPage(`${site.origin}/`);
    try {
      return await page.evaluate<Seen>(`run(${JSON.stringify(options)})`);
    } finally {
      await page.close();
      site.close();
    }
  }

  it.skipIf(missing)("isolated: two workers over one memory", async () => {
    const { isolated, backend, hash } = await inPage({ isolated: true }, { threads: 2 });
    expect(isolated).toBe(true);
    expect(backend).toMatchObject({ name: "wasm", threads: 2, width: 128 });
    expect(hash).toBe(committed.corpus.wasm);
  });

  it.skipIf(missing)("not isolated: one worker with a memory of its own, which says so", async () => {
    const { isolated, backend, hash } = await inPage({ isolated: false }, { threads: 2 });
    expect(isolated).toBe(false);
    expect(backend).toMatchObject({ name: "wasm", threads: 1 });
    expect(backend.reason).toContain("memory cannot be shared here");
    expect(hash).toBe(committed.corpus.wasm);
  });

  it.skipIf(missing)("on the page's own thread", async () => {
    const { backend, hash } = await inPage({ isolated: false }, { threads: 0 });
    expect(backend).toMatchObject({ name: "wasm", threads: 0 });
    expect(hash).toBe(committed.corpus.wasm);
  });

  it.skipIf(missing).each(["int8", "int8-12"] as const)("%s, isolated and not", async (dtype) => {
    for (const isolated of [true, false]) {
      const { hash } = await inPage({ isolated }, { dtype, threads: 2 });
      expect(hash).toBe(committed.corpus[`wasm ${dtype}`]);
    }
  });

  it.skipIf(missing)("under a policy without unsafe-eval", async () => {
    const { backend, hash } = await inPage({ isolated: true, policy: WITHOUT_EVAL }, {});
    expect(backend.name).toBe("wasm");
    expect(backend.threads).toBeGreaterThan(0);
    expect(hash).toBe(committed.corpus.wasm);
  });

  it.skipIf(missing)("under a policy that forbids WebAssembly: plain JavaScript, and the reason", async () => {
    const { backend, hash } = await inPage({ isolated: false, policy: WITHOUT_WASM }, {});
    expect(backend).toMatchObject({ name: "js", threads: 0, width: 0 });
    expect(backend.reason).toMatch(/^auto: plain JavaScript, because WebAssembly does not run here: .*CompileError/);
    expect(hash).toBe(committed.corpus.js);
    const asked = inPage({ isolated: false, policy: WITHOUT_WASM }, { dtype: "int8" });
    await expect(asked).rejects.toThrow(/convert it elsewhere, with `munjang convert`/);
  });
});
