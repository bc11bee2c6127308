import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BackendInfo } from "../../src/node.ts";
import { corpus, corpusFiles } from "../golden/corpus.ts";
import { type Browser, browsers, type Serving, serve, titleOf } from "./browsers.ts";
import { type Run, sameHash } from "./record.ts";

/*
 * The built package in pages and in workers of pages, as a page without a bundler would use it: the committed hashes, with and without
 * cross-origin isolation, and under policies that forbid evaluation, or WebAssembly too.
 */

const model = Object.entries(corpusFiles()).map(([name, content]) => [`/model/${name}`, content] as const);
const routes = {
  ...Object.fromEntries(model),
  "/": '<!doctype html><title>munjang</title><script type="module" src="/runtimes/page.js"></script>',
  "/corpus.json": JSON.stringify(corpus.map(({ ids }) => Array.from(ids))),
};
const folders = { "/runtimes/": import.meta.dirname, "/mini/": join(import.meta.dirname, "../../weights/model") };

interface Seen {
  readonly isolated: boolean;
  readonly backend: BackendInfo;
  readonly hash: string;
  readonly speed: number | null;
}

/** A policy for scripts; everything else comes from the page's own server, `worker-src` falls back to it. */
const policy = (scripts: string): string => `default-src 'self'; script-src 'self' ${scripts}`;
/** Strict, but for WebAssembly. */
const ONLY_WASM = policy("'wasm-unsafe-eval'");
/** Strict: nothing may be compiled. */
const STRICT = policy("");

describe.each(browsers.map((kind) => [titleOf(kind, "pages"), kind] as const))("%s", (_, kind) => {
  const { missing } = kind;
  let browser: Browser;
  beforeAll(async () => {
    if (missing === undefined) browser = await kind.launch();
  });
  afterAll(() => browser?.close());

  /** Loads the model in a page, or in a worker of one, and hashes the corpus there. */
  async function runIn(where: "page" | "worker", what: Serving, options: object): Promise<Seen> {
    const site = await serve({ routes, folders, ...what });
    const page = await browser.openPage(`${site.origin}/`);
    try {
      const run = where === "page" ? "run" : "runInWorker";
      return await page.evaluate<Seen>(`${run}(${JSON.stringify(options)})`);
    } finally {
      await page.close();
      site.close();
    }
  }

  const PLACES = { page: "page", worker: "worker of a page" };

  /** The same, written down and compared with the committed hash. `under` names a policy for the table. */
  async function answers(
    where: "page" | "worker",
    { under = "", ...what }: Serving & { under?: string },
    options: { dtype?: Run["dtype"]; threads?: number; speed?: boolean },
  ): Promise<BackendInfo> {
    const seen = await runIn(where, what, options);
    const place = PLACES[where] + under;
    const { dtype = "float32" } = options;
    const { isolated = false } = what;
    expect(seen.isolated).toBe(isolated);
    sameHash({ runtime: kind.name, version: browser.version, place, dtype, ...seen });
    return seen.backend;
  }

  describe.each(["page", "worker"] as const)("%s", (where) => {
    // Workers of workers now and then deadlock Firefox 153 inside `new Worker`: they are not run there.
    const alone = kind.name === "Firefox" && where === "worker";
    const threads = alone ? 0 : 2;

    const why = alone ? " (skipped: Firefox may deadlock)" : "";
    it.skipIf(missing ?? alone)(`isolated: workers over one memory${why}`, async () => {
      const backend = await answers(where, { isolated: true }, { threads: 2, speed: true });
      expect(backend).toMatchObject({ name: "wasm", threads: 2, width: 128 });
      expect(backend.reason).toBe("auto: WebAssembly, the same bits everywhere");
      expect((await answers(where, { isolated: true }, {})).threads).toBeGreaterThan(0);
    });

    it.skipIf(missing)("isolated, on its own thread", async () => {
      const backend = await answers(where, { isolated: true }, { threads: 0, speed: alone });
      expect(backend).toMatchObject({ name: "wasm", threads: 0, width: 128 });
    });

    it.skipIf(missing ?? alone)(`not isolated: one worker with a memory of its own, which says so${why}`, async () => {
      const backend = await answers(where, {}, { threads: 2, speed: true });
      expect(backend).toMatchObject({ name: "wasm", threads: 1, width: 128 });
      expect(backend.reason).toContain("memory cannot be shared here");
    });

    if (alone) {
      it.skipIf(missing)("starts no workers unless it is told how many, and says why", async () => {
        const backend = await answers(where, { isolated: true }, {});
        expect(backend).toMatchObject({ name: "wasm", threads: 0, width: 128 });
        expect(backend.reason).toContain("on the calling thread: in Firefox a worker that starts workers can hang");
      });
    }

    it.skipIf(missing)("on its own thread", async () => {
      const backend = await answers(where, {}, { threads: 0 });
      expect(backend).toMatchObject({ name: "wasm", threads: 0, width: 128 });
    });

    it.skipIf(missing).each(["int8", "int8-12"] as const)("%s, isolated and not", async (dtype) => {
      for (const isolated of [true, false]) {
        const backend = await answers(where, { isolated }, { dtype, threads });
        expect(backend).toMatchObject({ name: "wasm", threads: isolated ? threads : Math.min(threads, 1) });
      }
    });

    it.skipIf(missing)("under a policy with wasm-unsafe-eval, which is all that is needed", async () => {
      for (const isolated of [true, false]) {
        const under = ", only wasm-unsafe-eval";
        const backend = await answers(where, { isolated, policy: ONLY_WASM, under }, { threads });
        expect(backend).toMatchObject({ name: "wasm", threads: isolated ? threads : Math.min(threads, 1) });
      }
    });

    it.skipIf(missing)("under a strict policy: plain JavaScript, and the reason", async () => {
      const under = ", strict policy";
      const backend = await answers(where, { policy: STRICT, under }, { speed: true });
      expect(backend).toMatchObject({ name: "js", threads: 0, width: 0 });
      expect(backend.reason).toMatch(/^auto: plain JavaScript, because WebAssembly does not run here: .*CompileError/);
      const asked = runIn(where, { policy: STRICT }, { dtype: "int8" });
      await expect(asked).rejects.toThrow(/convert it elsewhere, with `munjang convert`/);
    });
  });
});
