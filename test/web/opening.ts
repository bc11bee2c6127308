import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";
import { afterAll, beforeAll, describe } from "vitest";
import { type Browser, browsers, type Page, type Serving, type Site, serve, titleOf } from "../runtimes/browsers.ts";

/* The page of apps/web, built, served and opened for its tests. */

const app = join(import.meta.dirname, "../../apps/web");
export const dist = join(app, "dist");
const screenshots = process.env.MUNJANG_SCREENSHOTS;

type Work<R> = (page: Page, site: Site) => Promise<R>;

/** One of the browsers, in a test file's tests. */
export interface InBrowser {
  readonly name: string;
  /** Why it cannot be had here. */
  readonly missing: string | undefined;
  readonly version: () => string;
  /** Opens the page at Play, in English, and closes all when the work is done. */
  readonly inPage: <R>(work: Work<R>, what?: Serving) => Promise<R>;
}

/** Tests of the page, once it is built, in each of the browsers. */
export function inBrowsers(tests: (it: InBrowser) => void): void {
  beforeAll(async () => {
    await build({ root: app, logLevel: "error" });
  }, 120_000);
  describe.each(browsers.map((kind) => [titleOf(kind, "the page"), kind] as const))("%s", (_, kind) => {
    const { name, missing } = kind;
    let browser: Browser;
    beforeAll(async () => {
      if (missing === undefined) browser = await kind.launch();
    });
    afterAll(() => browser?.close());
    tests({ name, missing, version: () => browser.version, inPage: (work, what) => onPage(browser, work, what) });
  });
}

/** What tests say inside the page. */
const PREPARE = `
  globalThis.until = async (is, what) => {
    for (let i = 0; i < 600; i++) {
      const value = is();
      if (value) return value;
      await new Promise((go) => setTimeout(go, 50));
    }
    throw new Error("waited in vain for " + what + ": " + document.body.innerText.slice(0, 300));
  };
  globalThis.$ = (selector) => document.querySelector(selector);
  globalThis.button = (text) => [...document.querySelectorAll("section:not([hidden]) button, header button")].find((one) => one.textContent.trim() === text);
  globalThis.fill = (element, value) => {
    const proto = element instanceof HTMLTextAreaElement ? HTMLTextAreaElement : element instanceof HTMLSelectElement ? HTMLSelectElement : HTMLInputElement;
    Object.getOwnPropertyDescriptor(proto.prototype, "value").set.call(element, value);
    element.dispatchEvent(new Event(element instanceof HTMLSelectElement ? "change" : "input", { bubbles: true }));
  };
  globalThis.go = async (section) => {
    location.hash = section;
    await until(() => $("#title-" + section)?.closest("section").hidden === false, section);
  };
  globalThis.ready = () => until(() => /wasm|js/.test($("#model-state")?.textContent ?? ""), "the model");
  
`;

async function onPage<R>(browser: Browser, work: Work<R>, what: Serving = {}): Promise<R> {
  const site = await serve({
    isolated: true,
    folders: { "/": dist },
    routes: { "/": readFileSync(join(dist, "index.html")) },
    ...what,
  });
  const page = await browser.openPage(`${site.origin}/#play`);
  try {
    await page.evaluate(`(() => {${PREPARE}})()`);
    await page.evaluate('button("English").click()');
    return await work(page, site);
  } finally {
    await page.close();
    site.close();
  }
}

/** A picture of the page, where somebody wants to look at it. */
export async function picture(
  page: Page & { screenshot?(options: object): Promise<unknown> },
  name: string,
): Promise<void> {
  if (screenshots === undefined) return;
  mkdirSync(screenshots, { recursive: true });
  await page.screenshot?.({ path: join(screenshots, `${name}.png`), fullPage: true });
}
