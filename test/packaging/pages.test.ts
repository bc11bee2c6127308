import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bundle, esbuild, rollup, vite, webpack } from "./bundlers.ts";
import { copyModel, type Project, project, tool } from "./packed.ts";
import { type Browser, chromium, ISOLATED, noChromium, type Site, type SiteOptions, serve } from "./pages.ts";
import { type Answer, inPage, onNode, program } from "./program.ts";

/*
 * A small program, bundled as people do it from the packed packages and run in Chromium: who computes, on how many threads, why, and the very bits
 * of Node. Each way in which a page may come by its workers stands here in the bundle that needs it.
 */

let installed: Project;
let browser: Browser;
let expected: Answer["bits"];

beforeAll(async () => {
  installed = project();
  expected = onNode(installed).bits;
  if (!noChromium) browser = await chromium();
});
afterAll(async () => {
  await browser?.close();
  installed?.remove();
});

let bundles = 0;

/** Bundles a program; the folder it lies in, and how a page takes it in. */
async function bundled(
  bundle: Bundle,
  program: string,
): Promise<Required<Pick<SiteOptions, "page">> & { out: string }> {
  const name = `bundle${++bundles}`;
  const entry = installed.write(`${name}.js`, program);
  const out = join(installed.folder, "out", name);
  return { out, page: await bundle(installed.folder, entry, out) };
}

interface Seen extends Answer {
  /** Blobs that were given an address, and those whose address was taken back. */
  readonly blobs: { readonly made: number; readonly revoked: number };
  readonly missing: readonly string[];
}

const COUNT_BLOBS = `globalThis.blobs = { made: 0, revoked: 0 };
for (const [name, key] of [["createObjectURL", "made"], ["revokeObjectURL", "revoked"]]) {
  const own = URL[name].bind(URL);
  const open = (globalThis.open_ ??= new Set());
  URL[name] = (value) => {
    const answer = own(value);
    if (key === "made") open.add(answer);
    if (key === "made" || open.delete(value)) blobs[key]++;
    return answer;
  };
}`;

/** What the program answers in a page. */
async function run(site: Site, options: object): Promise<Seen> {
  const tab = await browser.newPage();
  try {
    await tab.addInitScript({ content: COUNT_BLOBS });
    await tab.goto(`${site.origin}/`);
    const answer = await tab.evaluate<Answer>(`embed(${JSON.stringify(options)})`);
    const blobs = await tab.evaluate<Seen["blobs"]>("blobs");
    return { ...answer, blobs, missing: site.missing };
  } finally {
    await tab.close();
    site.close();
  }
}

async function runBundle(bundle: Bundle, program: string, options: object, more: SiteOptions = {}): Promise<Seen> {
  const { out, page } = await bundled(bundle, program);
  return run(await serve(out, { isolated: true, page, ...more }), options);
}

const NO_BLOBS =
  "default-src 'self' data:; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' data:";

describe.skipIf(noChromium)("a bundle in a page of Chromium", () => {
  it.each([
    ["Vite", vite],
    ["webpack", webpack],
    ["Rollup", rollup],
    ["esbuild", esbuild()],
  ] as const)(
    "%s: munjang/webgpu without its optional package, and what fastest says of a page without a GPU",
    async (_, bundle) => {
      const imports = `import { mini } from "munjang-mini-ko";
      import { webgpu } from "munjang/webgpu";
      import "munjang/fastest";`;
      const options =
        '{ backend: "fastest", candidates: [webgpu(), "wasm"], onWarning: (told) => (globalThis.told = told) }';
      const text = `${program(imports, "mini", options)}
      const plain = globalThis.embed;
      globalThis.embed = async (asked) => ({ ...(await plain(asked)), told });`;
      const { backend, bits, told } = (await runBundle(bundle, text, { threads: 0 })) as Seen & { told: string };
      expect(told).toMatch(/^backend: fastest leaves webgpu out: webgpu(: the runtime found no GPU| needs WebGPU)/);
      expect(backend).toMatchObject({ name: "wasm", threads: 0 });
      expect(backend.reason).toMatch(/^fastest here is wasm/);
      expect(bits).toBe(expected);
    },
  );

  it.each([
    ["Vite", vite],
    ["webpack", webpack],
    ["Rollup, with its plugin for assets", rollup],
  ] as const)("%s: the worker by its address, and nothing else to write", async (_, bundle) => {
    const { backend, bits, isolated, blobs, missing } = await runBundle(bundle, inPage(), { threads: 2 });
    expect(isolated).toBe(true);
    expect(backend).toMatchObject({ name: "wasm", threads: 2, width: 128 });
    expect(bits).toEqual(expected);
    expect(missing).toEqual([]);
    expect(blobs.made).toBe(0);
  });

  it("Vite while developing, which serves packages in a form of its own", async () => {
    interface Server {
      readonly resolvedUrls: { readonly local: readonly string[] } | null;
      listen(): Promise<unknown>;
      close(): Promise<void>;
    }
    const { createServer } = await tool<{ createServer(config: object): Promise<Server> }>("vite");
    const name = `bundle${++bundles}`;
    const entry = installed.write(`${name}/app.js`, inPage());
    const script = '<script type="module" src="/app.js"></script>';
    installed.write(`${name}/index.html`, `<!doctype html><meta charset="utf-8">${script}`);
    const server = await createServer({
      root: join(entry, ".."),
      cacheDir: join(installed.folder, "cache", name),
      configFile: false,
      logLevel: "error",
      server: { port: 0, host: "127.0.0.1", headers: ISOLATED, fs: { allow: [installed.folder] } },
    });
    await server.listen();
    const origin = new URL(server.resolvedUrls?.local[0] ?? "").origin;
    const { backend, bits } = await run({ origin, missing: [], close: () => void server.close() }, { threads: 2 });
    expect(backend).toMatchObject({ name: "wasm", threads: 2 });
    expect(backend.reason).not.toContain("because");
    expect(bits).toEqual(expected);
  });

  it("esbuild, which knows no workers: munjang/inline-worker", async () => {
    const program = inPage('import "munjang/inline-worker";');
    const { backend, bits, blobs, missing } = await runBundle(esbuild(), program, { threads: 2 });
    expect(backend).toMatchObject({ name: "wasm", threads: 2 });
    expect(backend.reason).toContain("munjang/inline-worker, because");
    expect(bits).toEqual(expected);
    expect(missing).toContain("/web-worker.js");
    expect(blobs).toEqual({ made: 2, revoked: 2 });
  });

  it("esbuild, with munjang/web-worker as an entry of its own, which is found beside the program", async () => {
    const bundle = esbuild({ "web-worker": "munjang/web-worker" });
    const { backend, bits, missing } = await runBundle(bundle, inPage(), { threads: 2 });
    expect(backend).toMatchObject({ name: "wasm", threads: 2 });
    expect(bits).toEqual(expected);
    expect(missing).toEqual([]);
  });

  it("esbuild, with munjang/web-worker elsewhere, and workerUrl", async () => {
    const bundle = esbuild({ "workers/mine": "munjang/web-worker" });
    for (const workerUrl of ["/workers/mine.js", "workers/mine.js"]) {
      const { backend, bits, missing } = await runBundle(bundle, inPage(), { threads: 2, workerUrl });
      expect(backend).toMatchObject({ name: "wasm", threads: 2 });
      expect(bits).toEqual(expected);
      expect(missing).toEqual([]);
    }
  });

  it("esbuild, with none of it: the page's own thread, and a reason that says what to do", async () => {
    const { backend, bits } = await runBundle(esbuild(), inPage(), {});
    expect(backend).toMatchObject({ name: "wasm", threads: 0 });
    expect(backend.reason).toMatch(
      /on the calling thread: .*web-worker\.js was not found.*munjang\/inline-worker.*workerUrl/,
    );
    expect(bits).toEqual(expected);
    await expect(runBundle(esbuild(), inPage(), { threads: 2 })).rejects.toThrow(
      /threads = 2: cannot be had here .*munjang\/inline-worker, or give workerUrl/,
    );
    const wrong = runBundle(esbuild(), inPage(), { threads: 2, workerUrl: "/nowhere.js" });
    await expect(wrong).rejects.toThrow(/\/nowhere\.js was not found/);
  });

  it("without isolation munjang/inline-worker is one worker with a memory of its own", async () => {
    const program = inPage('import "munjang/inline-worker";');
    const { backend, bits, isolated, blobs } = await runBundle(esbuild(), program, {}, { isolated: false });
    expect(isolated).toBe(false);
    expect(backend).toMatchObject({ name: "wasm", threads: 1 });
    expect(bits).toEqual(expected);
    expect(blobs).toEqual({ made: 1, revoked: 1 });
  });

  it("under a policy that forbids workers from Blobs: munjang/inline-worker ends in the page's own thread, with a reason", async () => {
    const program = inPage('import "munjang/inline-worker";');
    const { backend, bits, blobs } = await runBundle(esbuild(), program, {}, { policy: NO_BLOBS });
    expect(backend).toMatchObject({ name: "wasm", threads: 0 });
    expect(backend.reason).toMatch(/on the calling thread: .*was not found, or may not run/);
    expect(bits).toEqual(expected);
    expect(blobs.made).toBeGreaterThan(0);
    expect(blobs.revoked).toBe(blobs.made);
  });

  it("under the same policy a worker by its address runs", async () => {
    const { backend, bits } = await runBundle(vite, inPage(), { threads: 2 }, { policy: NO_BLOBS });
    expect(backend).toMatchObject({ name: "wasm", threads: 2 });
    expect(bits).toEqual(expected);
  });
});

describe.skipIf(noChromium)("a page that takes the engine from another origin", () => {
  /** A page without a bundler that imports everything from `cdn`. */
  const pageOf = (cdn: Site): string =>
    inPage()
      .replace('"munjang"', `"${cdn.origin}/node_modules/munjang/dist/index.js"`)
      .replace(
        'import { mini } from "munjang-mini-ko";',
        `import "${cdn.origin}/node_modules/munjang/dist/int8.js";\nconst mini = location.origin + "/model/";`,
      );

  async function across(options: object, policy?: (cdn: Site) => string): Promise<Seen> {
    const cdn = await serve(installed.folder, { forOthers: true });
    try {
      const file = installed.write(`across${++bundles}/app.js`, pageOf(cdn));
      copyModel(join(file, ".."));
      const page = { script: "/app.js", type: "module" } as const;
      return await run(await serve(join(file, ".."), { isolated: true, page, policy: policy?.(cdn) }), options);
    } finally {
      cdn.close();
    }
  }

  it("gets its worker through a Blob that imports it", async () => {
    const { backend, bits, blobs } = await across({ threads: 2 });
    expect(backend).toMatchObject({ name: "wasm", threads: 2 });
    expect(bits).toEqual(expected);
    expect(blobs).toEqual({ made: 2, revoked: 2 });
  });

  it("computes on its own thread where the policy forbids that, and says why", async () => {
    const policy = (cdn: Site): string =>
      `script-src 'self' 'wasm-unsafe-eval' ${cdn.origin}; worker-src 'self' ${cdn.origin}; connect-src 'self'`;
    const { backend, bits, blobs } = await across({}, policy);
    expect(backend).toMatchObject({ name: "wasm", threads: 0 });
    expect(backend.reason).toMatch(/web-worker\.js was not found, or may not run/);
    expect(bits).toEqual(expected);
    expect(blobs.revoked).toBe(blobs.made);
  });
});

it("the worker is one file that imports nothing, alone and as a string", () => {
  const dist = join(installed.folder, "node_modules/munjang/dist");
  expect(readdirSync(dist)).toContain("web-worker.js");
  const alone = readFileSync(join(dist, "web-worker.js"), "utf8");
  expect(alone).toContain("onmessage");
  const imports = /^\s*(import|export)\b|\bimport\(|\bimport\.meta\b|\brequire\(/m;
  expect(alone).not.toMatch(imports);
  const inline = /"(?:[^"\\]|\\.){1000,}"/.exec(readFileSync(join(dist, "inline-worker.js"), "utf8"))?.[0];
  const text: string = JSON.parse(inline ?? '""');
  expect(text).toContain("onmessage");
  expect(text).not.toMatch(imports);
  expect(text.length).toBeLessThan(alone.length);
  expect(existsSync(join(dist, "web-worker.d.ts"))).toBe(true);
});
