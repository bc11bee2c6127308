import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BackendInfo } from "../../src/node.ts";
import { goldenFolder, goldenModels, readGolden } from "../golden/read.ts";
import { type Browser, browsers, serve } from "../runtimes/browsers.ts";
import { missing as noDawn } from "./dawn.ts";
import { nearness } from "./near.ts";

/* The built munjang/webgpu where WebGPU is at home: a page of Chromium on SwiftShader, Deno on Mesa's llvmpipe, or on a GPU where there is one. */

const root = join(import.meta.dirname, "../..");

interface Seen {
  readonly backend: BackendInfo;
  /** [models][texts][D] */
  readonly rows: readonly (readonly (readonly number[])[])[];
}

/** What is asked for, of models behind this address. */
const order = (names: readonly string[], at: (name: string) => string) =>
  names.map((name) => ({
    model: at(name),
    texts: readGolden(name).texts.map(({ text, prompt, promptName }) => ({ text, prompt, promptName })),
  }));

/** Compares every number with float64's, and cosines where they are asked for. */
function compare(names: readonly string[], { rows }: Seen, bound: number, least = 0): void {
  expect(rows.length).toBe(names.length);
  for (const [m, name] of names.entries()) {
    const { worst, cosine } = nearness(readGolden(name), rows[m]);
    expect(worst, name).toBeLessThanOrEqual(bound);
    expect(cosine, name).toBeGreaterThanOrEqual(least);
  }
}

const HALF = ["plain", "roberta"];

const chromium = browsers[0];
describe.skipIf(chromium.missing)(
  `in a page of Chromium${chromium.missing ? ` (skipped: ${chromium.missing})` : ""}`,
  () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await chromium.launch(["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"]);
    });
    afterAll(() => browser?.close());

    async function inPage(names: readonly string[], how: object): Promise<Seen> {
      const folders = { "/models/": join(root, "test/golden/models"), "/gpu/": import.meta.dirname };
      const page = '<!doctype html><title>munjang</title><script type="module" src="/gpu/vectors.js"></script>';
      const site = await serve({ folders, routes: { "/": page } });
      const tab = await browser.openPage(`${site.origin}/`);
      try {
        const models = order(names, (name) => `${site.origin}/models/${name}/`);
        const asked = { index: "/dist/index.js", webgpu: "/dist/webgpu.js", models, ...how };
        return await tab.evaluate<Seen>(`vectors(${JSON.stringify(asked)})`);
      } finally {
        await tab.close();
        site.close();
      }
    }

    it("the goldens, float32", async () => {
      const names = goldenModels();
      const seen = await inPage(names, {});
      expect(seen.backend).toMatchObject({ name: "webgpu", threads: 0 });
      console.log(`Chromium ${browser.version}: ${seen.backend.reason}`);
      compare(names, seen, 1e-4);
    });

    it("the goldens, float16", async () => {
      const seen = await inPage(HALF, { float16: true });
      expect(seen.backend.name).toBe("webgpu-float16");
      compare(HALF, seen, 5e-3, 0.9999);
    });
  },
);

describe("a page without WebGPU", () => {
  it.skipIf(chromium.missing)("is told so", async () => {
    const browser = await chromium.launch();
    const site = await serve({
      folders: { "/models/": join(root, "test/golden/models"), "/gpu/": import.meta.dirname },
      routes: { "/": '<!doctype html><script type="module" src="/gpu/vectors.js"></script>' },
    });
    try {
      const page = await browser.openPage(`${site.origin}/`);
      const models = order(["plain"], (name) => `${site.origin}/models/${name}/`);
      const asked = { index: "/dist/index.js", webgpu: "/dist/webgpu.js", models };
      await expect(page.evaluate(`vectors(${JSON.stringify(asked)})`)).rejects.toThrow(
        /webgpu: the runtime found no GPU|needs WebGPU/,
      );
    } finally {
      site.close();
      await browser.close();
    }
  });
});

/** Deno's WebGPU is wgpu, which takes Mesa's software driver. */
const deno = join(import.meta.dirname, "../runtimes/node_modules/deno/deno");
const LLVMPIPE = "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json";
const noDeno = existsSync(deno) ? undefined : `no ${deno}: npm ci --prefix test/runtimes`;
const noDriver = existsSync(LLVMPIPE) ? undefined : `no ${LLVMPIPE}`;
const missing = noDeno ?? noDriver;

describe.skipIf(missing)(`in Deno${missing ? ` (skipped: ${missing})` : ""}`, () => {
  async function inDeno(names: readonly string[], how: object): Promise<Seen> {
    const asked = {
      index: `file://${join(root, "dist/node/node.js")}`,
      webgpu: `file://${join(root, "dist/node/webgpu.js")}`,
      models: order(names, goldenFolder),
      ...how,
    };
    const args = ["run", "--allow-all", "--no-remote", "--quiet", "--unstable-webgpu"];
    const program = join(import.meta.dirname, "vectors.js");
    const env = { ...process.env, VK_ICD_FILENAMES: LLVMPIPE };
    const { stdout } = await promisify(execFile)(deno, [...args, program, JSON.stringify(asked)], {
      env,
      maxBuffer: 1 << 28,
    });
    return JSON.parse(stdout.slice(stdout.indexOf("{")));
  }

  it("the goldens, float32", async () => {
    const names = goldenModels();
    const seen = await inDeno(names, {});
    expect(seen.backend).toMatchObject({ name: "webgpu", threads: 0 });
    console.log(`Deno: ${seen.backend.reason}`);
    compare(names, seen, 1e-4);
  });

  it("the goldens, float16", async () => {
    const seen = await inDeno(HALF, { float16: true });
    expect(seen.backend.name).toBe("webgpu-float16");
    compare(HALF, seen, 5e-3, 0.9999);
  });
});

/* Node, as people have it: munjang and webgpu beside each other in node_modules. */

describe.skipIf(noDawn)(`in Node, with the package webgpu${noDawn ? ` (skipped: ${noDawn})` : ""}`, () => {
  it("the goldens, float32; and the process ends by itself", async () => {
    const folder = mkdtempSync(join(tmpdir(), "munjang-gpu-"));
    try {
      const installed = join(folder, "node_modules/munjang");
      cpSync(join(root, "dist/node"), join(installed, "dist/node"), { recursive: true });
      cpSync(join(root, "package.json"), join(installed, "package.json"));
      symlinkSync(join(import.meta.dirname, "node_modules/webgpu"), join(folder, "node_modules/webgpu"));
      cpSync(join(import.meta.dirname, "vectors.js"), join(folder, "vectors.mjs"));
      const names = ["plain", "roberta"];
      const asked = { index: "munjang", webgpu: "munjang/webgpu", models: order(names, goldenFolder), shared: false };
      const env = { ...process.env };
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [join(folder, "vectors.mjs"), JSON.stringify(asked)],
        // A process that does not end is killed, which is an error here.
        { env, maxBuffer: 1 << 28, timeout: 100_000 },
      );
      const seen: Seen = JSON.parse(stdout);
      expect(seen.backend).toMatchObject({ name: "webgpu", threads: 0 });
      console.log(`Node ${process.version}: ${seen.backend.reason}`);
      compare(names, seen, 1e-4);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
