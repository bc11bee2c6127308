import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { BackendInfo } from "../../src/node.ts";
import { corpus, corpusFiles } from "../golden/corpus.ts";
import { browsers, titleOf } from "./browsers.ts";
import { sameHash } from "./record.ts";

/*
 * The built package in the service worker of an extension of Chromium, manifest 3, from the extension's own files. There are no workers; whether
 * WebAssembly runs is up to the policy that the manifest declares.
 */

const [chromium] = browsers;
const { missing } = chromium;
const here = import.meta.dirname;
const temporary = mkdtempSync(join(tmpdir(), "munjang-extension-"));
afterAll(() => rmSync(temporary, { recursive: true, force: true, maxRetries: 5 }));

/** The part of playwright-core that is used here. */
interface ServiceWorker {
  evaluate<R>(expression: string): Promise<R>;
}
interface Context {
  serviceWorkers(): ServiceWorker[];
  waitForEvent(event: "serviceworker"): Promise<ServiceWorker>;
  browser(): { version(): string } | null;
  close(): Promise<void>;
}

/** Writes an extension with the built package and the model. */
function extension(name: string, policy?: string): string {
  const folder = join(temporary, name);
  const write = (path: string, content: string | Uint8Array): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  };
  cpSync(join(here, "../../dist"), join(folder, "dist"), { recursive: true });
  for (const file of ["page.js", "speed.js", "worker.js"]) cpSync(join(here, file), join(folder, "runtimes", file));
  cpSync(join(here, "extension.js"), join(folder, "extension.js"));
  for (const [path, content] of Object.entries(corpusFiles())) write(`model/${path}`, content);
  write("corpus.json", JSON.stringify(corpus.map(({ ids }) => Array.from(ids))));
  const manifest = {
    manifest_version: 3,
    name: "munjang test",
    version: "1",
    background: { service_worker: "extension.js", type: "module" },
    ...(policy !== undefined && { content_security_policy: { extension_pages: policy } }),
  };
  write("manifest.json", JSON.stringify(manifest));
  return folder;
}

interface Seen {
  readonly isolated: boolean;
  readonly backend: BackendInfo;
  readonly hash: string;
  readonly version: string;
}

async function inExtension(folder: string, options: object): Promise<Seen> {
  const driver = createRequire(import.meta.url)("playwright-core").chromium;
  const context: Context = await driver.launchPersistentContext(`${folder}-profile`, {
    executablePath: chromium.executable,
    headless: false, // the new headless mode, the one that has extensions, is asked for below
    args: ["--headless=new", "--no-sandbox", `--disable-extensions-except=${folder}`, `--load-extension=${folder}`],
  });
  try {
    const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent("serviceworker"));
    const seen = await worker.evaluate<Seen>(`runHere(${JSON.stringify(options)})`);
    return { ...seen, version: context.browser()?.version() ?? "" };
  } finally {
    await context.close();
  }
}

describe(titleOf(chromium, "a service worker of an extension"), () => {
  const run = { runtime: chromium.name, isolated: null } as const;

  it.skipIf(missing).each(["float32", "int8", "int8-12"] as const)(
    "with wasm-unsafe-eval in the manifest: WebAssembly on its own thread, %s",
    async (dtype) => {
      const folder = extension(`wasm-${dtype}`, "script-src 'self' 'wasm-unsafe-eval'; object-src 'self'");
      const seen = await inExtension(folder, { dtype });
      expect(seen.backend).toMatchObject({ name: "wasm", threads: 0, width: 128 });
      expect(seen.backend.reason).toContain("this runtime has no workers");
      sameHash({ ...run, place: "service worker of an extension", dtype, ...seen, isolated: null });
    },
  );

  it.skipIf(missing)("with the policy extensions have by default: plain JavaScript, and the reason", async () => {
    const seen = await inExtension(extension("default"), {});
    expect(seen.backend).toMatchObject({ name: "js", threads: 0, width: 0 });
    expect(seen.backend.reason).toMatch(/because WebAssembly does not run here: .*CompileError/);
    const place = "service worker of an extension, default policy";
    sameHash({ ...run, place, dtype: "float32", ...seen, isolated: null });
  });
});
