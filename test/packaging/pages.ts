import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import type { Page as Taken } from "./bundlers.ts";
import { tool } from "./packed.ts";

/* Folders as web sites, and Chromium to look at them. Debian's Chromium; whoever has none skips, visibly. */

export const CHROMIUM = process.env.MUNJANG_CHROMIUM ?? "/usr/bin/chromium";
export const noChromium = !existsSync(CHROMIUM);

const TYPES: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".txt": "text/plain",
};

/** Memory can be shared with the workers of a page that came with these. */
export const ISOLATED = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
} as const;

export interface Site {
  readonly origin: string;
  /** Paths that were asked for and are not there. */
  readonly missing: string[];
  close(): void;
}

export interface SiteOptions {
  readonly isolated?: boolean;
  readonly policy?: string;
  /** For pages of other origins to import from. */
  readonly forOthers?: boolean;
  /** What stands in the page at `/`. */
  readonly page?: Taken;
}

export async function serve(folder: string, { isolated, policy, forOthers, page }: SiteOptions): Promise<Site> {
  const missing: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? "").split("?")[0]);
    const header = (name: string, value: string): void => void response.setHeader(name, value);
    if (isolated) for (const [name, value] of Object.entries(ISOLATED)) header(name, value);
    if (policy !== undefined) header("Content-Security-Policy", policy);
    if (forOthers) header("Access-Control-Allow-Origin", "*");
    const file = join(folder, path);
    if (path === "/" && page !== undefined) {
      header("content-type", "text/html");
      const how = page.type === "module" ? 'type="module"' : "defer";
      response.end(
        `<!doctype html><meta charset="utf-8"><title>munjang</title><link rel="icon" href="data:,"><script ${how} src="${page.script}"></script>`,
      );
    } else if (existsSync(file) && statSync(file).isFile()) {
      header("content-type", TYPES[extname(file)] ?? "application/octet-stream");
      response.end(readFileSync(file));
    } else {
      missing.push(path);
      response.statusCode = 404;
      response.end();
    }
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    missing,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** The part of playwright-core that is used here. */
export interface Tab {
  goto(url: string): Promise<unknown>;
  addInitScript(script: { content: string }): Promise<void>;
  /** What becomes of an expression in the page. */
  evaluate<R>(expression: string): Promise<R>;
  on(event: "pageerror", listener: (error: Error) => void): void;
  close(): Promise<void>;
}
export interface Browser {
  newPage(): Promise<Tab>;
  close(): Promise<void>;
}

export async function chromium(): Promise<Browser> {
  const playwright = await tool<{ chromium: { launch(options: object): Promise<Browser> } }>("playwright-core");
  const args = ["--no-sandbox", "--disable-background-networking"];
  return playwright.chromium.launch({ executablePath: CHROMIUM, args });
}
