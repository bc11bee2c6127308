import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { browsers, type Page, serve, titleOf } from "../runtimes/browsers.ts";

/*
 * What is left of models that were loaded, used and let go of, ten times in one page: the memory of the page's process, its JavaScript heap, workers
 * and addresses of Blobs. Chromium alone tells them.
 */

interface Devtools {
  send<R>(method: string, parameters?: object): Promise<R>;
}
/** The part of Playwright's page that is Chromium's alone. */
interface ChromiumPage extends Page {
  workers(): unknown[];
  context(): {
    newCDPSession(page: unknown): Promise<Devtools>;
    browser(): { newBrowserCDPSession(): Promise<Devtools> };
  };
}

const MB = 2 ** 20;
const routes = {
  "/": '<!doctype html><title>munjang</title><script type="module" src="/browser/memory.js"></script>',
};
const folders = {
  "/browser/": import.meta.dirname,
  "/model/": join(import.meta.dirname, "../../weights/model"),
};
/** What one model holds at least: its weights. */
const MODEL = readFileSync(join(folders["/model/"], "model.safetensors")).length;

const [chromium] = browsers.filter(({ name }) => name === "Chromium");

describe(titleOf(chromium, "the memory of a page"), () => {
  const { missing } = chromium;

  async function inPage<R>(isolated: boolean, run: (page: ChromiumPage, used: Used) => Promise<R>): Promise<R> {
    const browser = await chromium.launch(); // a process of its own
    const site = await serve({ routes, folders, isolated });
    try {
      const page = (await browser.openPage(`${site.origin}/`)) as ChromiumPage;
      const devtools = await page.context().newCDPSession(page);
      const all = await page.context().browser().newBrowserCDPSession();
      return await run(page, async () => {
        await devtools.send("HeapProfiler.collectGarbage");
        const { usedSize } = await devtools.send<{ usedSize: number }>("Runtime.getHeapUsage");
        const { processInfo } = await all.send<{ processInfo: { type: string; id: number }[] }>(
          "SystemInfo.getProcessInfo",
        );
        const pages = processInfo.filter(({ type }) => type === "renderer"); // and a spare one, which is small
        return { heap: usedSize, resident: Math.max(...pages.map(({ id }) => residentOf(id))) };
      });
    } finally {
      await browser.close();
      site.close();
    }
  }
  type Used = () => Promise<{ heap: number; resident: number }>;

  it.skipIf(missing).each([
    ["on its own thread", false, { threads: 0 }, 0],
    ["with one worker", false, { threads: 2 }, 1],
    ["isolated, with two workers", true, { threads: 2 }, 2],
  ])("%s: comes back", async (name, isolated, options, threads) => {
    await inPage(isolated, async (page, used) => {
      const round = (): Promise<unknown> => page.evaluate(`round(${JSON.stringify(options)})`);
      // The first rounds leave compiled code and the allocators' reserves.
      for (let n = 0; n < 3; n++) expect(await round()).toEqual({ threads, blobs: 0 });
      const before = await used();
      for (let n = 0; n < 7; n++) await round();
      await expect.poll(() => page.workers().length).toBe(0);
      const after = await used();
      const grown = { heap: after.heap - before.heap, resident: after.resident - before.resident };
      console.log(
        `${name}: after ${(MB * Math.round(before.resident / MB)) / MB} MB, seven more models leave ${(grown.resident / MB).toFixed(1)} MB, ${(grown.heap / MB).toFixed(2)} of them in the JavaScript heap`,
      );
      expect(grown.heap).toBeLessThan(MB); // a vocabulary alone takes more
      expect(grown.resident).toBeLessThan(2 * MODEL); // of seven
    });
  });

  it.skipIf(missing)("of models that are not let go of does not: the test would notice", async () => {
    await inPage(false, async (page, used) => {
      for (let n = 0; n < 3; n++) await page.evaluate("round({ threads: 0 })");
      const before = await used();
      for (let n = 0; n < 7; n++) await page.evaluate("keep({ threads: 0 })");
      const after = await used();
      expect(after.heap - before.heap).toBeGreaterThan(MB);
      expect(after.resident - before.resident).toBeGreaterThan(2 * MODEL);
    });
  });
});

/** Bytes of a process in memory. */
function residentOf(id: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${id}/status`, "utf8"))?.[1];
  return Number(kilobytes) * 1024;
}
