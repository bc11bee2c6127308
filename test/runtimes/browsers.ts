import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";

/*
 * Debian's browsers behind one small interface, and a server for what they load. Chromium is driven by playwright-core, Firefox by puppeteer-core
 * (WebDriver BiDi). Where a browser is missing, `missing` says so, for a skip that can be seen.
 */

const root = join(import.meta.dirname, "../..");
const TYPES: Record<string, string> = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

/** Answers a request itself. */
export type Route = (request: IncomingMessage, response: ServerResponse) => void;

/** What is served, and with which headers. */
export interface Serving {
  /** COOP and COEP headers, so that pages can share memory. */
  readonly isolated?: boolean;
  /** The Content-Security-Policy. */
  readonly policy?: string;
  /** Paths, answered by text, bytes (type by their ending), or a function. They go before the files. */
  readonly routes?: Readonly<Record<string, string | Uint8Array | Route>>;
  /** Folders, by the path they are served below. Default: the built package at `/dist/`. */
  readonly folders?: Readonly<Record<string, string>>;
}

export interface Site {
  /** `http://127.0.0.1:…`, without a slash at its end. */
  readonly origin: string;
  close(): void;
}

/** Serves pages of one origin, of its own port. `/` is an empty page unless a route says otherwise. */
export async function serve(what: Serving = {}): Promise<Site> {
  const { isolated = false, policy, routes = {}, folders = {} } = what;
  const all: [string, string][] = Object.entries({ "/dist/": join(root, "dist"), ...folders });
  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? "").split("?")[0]);
    if (isolated) {
      response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
      response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    }
    if (policy !== undefined) response.setHeader("Content-Security-Policy", policy);
    const send = (body: string | Uint8Array, type: string): void => {
      response.setHeader("content-type", TYPES[type] ?? "application/octet-stream");
      response.end(body);
    };
    const route = routes[path];
    if (typeof route === "function") return route(request, response);
    if (route !== undefined) return send(route, path === "/" ? ".html" : extname(path));
    if (path === "/") return send("<!doctype html><title>munjang</title>", ".html");
    for (const [below, folder] of all) {
      if (!path.startsWith(below) || path.includes("..")) continue;
      const file = join(folder, path.slice(below.length));
      if (existsSync(file) && statSync(file).isFile()) return send(readFileSync(file), extname(file));
    }
    response.statusCode = 404;
    response.end();
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

export interface Page {
  /** What becomes of an expression in the page; promises are awaited. The result is plain data. */
  evaluate<R>(expression: string): Promise<R>;
  goto(url: string): Promise<unknown>;
  close(): Promise<void>;
}

export interface Browser {
  readonly version: string;
  /** A tab that has loaded the URL, its module scripts included. All tabs of a browser share their storage. */
  openPage(url: string): Promise<Page>;
  close(): Promise<void>;
}

export interface BrowserKind {
  readonly name: "Chromium" | "Firefox";
  readonly executable: string;
  /** Why it cannot be run here. */
  readonly missing: string | undefined;
  /** `more` arguments are Chromium's. */
  launch(more?: readonly string[]): Promise<Browser>;
}

const chromium = process.env.MUNJANG_CHROMIUM ?? "/usr/bin/chromium";
const firefox = process.env.MUNJANG_FIREFOX ?? "/usr/bin/firefox-esr";
const require = createRequire(import.meta.url);

/** Playwright's and Puppeteer's, as far as they are alike. */
interface Driver {
  newPage(): Promise<Page>;
  close(): Promise<void>;
}

const opening =
  ({ newPage }: Pick<Driver, "newPage">): Browser["openPage"] =>
  async (url) => {
    const page = await newPage();
    await page.goto(url);
    return page;
  };

export const browsers: readonly BrowserKind[] = [
  {
    name: "Chromium",
    executable: chromium,
    missing: existsSync(chromium) ? undefined : `no ${chromium}; MUNJANG_CHROMIUM names another`,
    async launch(more = []) {
      const args = ["--no-sandbox", "--disable-background-networking", ...more];
      const browser = await require("playwright-core").chromium.launch({ executablePath: chromium, args });
      const context: Driver = await browser.newContext();
      return {
        version: browser.version(),
        openPage: opening({ newPage: () => context.newPage() }),
        close: () => browser.close(),
      };
    },
  },
  {
    name: "Firefox",
    executable: firefox,
    missing: existsSync(firefox) ? undefined : `no ${firefox}; MUNJANG_FIREFOX names another`,
    async launch() {
      const { launch } = await import(require.resolve("puppeteer-core"));
      const browser: Driver & { version(): Promise<string> } = await launch({
        browser: "firefox",
        executablePath: firefox,
        headless: true,
      });
      return {
        version: (await browser.version()).replace(/^firefox\//i, ""),
        openPage: opening({ newPage: () => browser.newPage() }),
        close: () => browser.close(),
      };
    },
  },
];

/** The name of a suite; where the browser is missing the name says why it is skipped. */
export const titleOf = ({ name, missing }: BrowserKind, what: string): string =>
  missing === undefined ? `${what} of ${name}` : `${what} of ${name} (skipped: ${missing})`;
