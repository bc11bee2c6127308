import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GpuJsMode } from "../../src/gpujs.ts";
import type { BackendInfo } from "../../src/node.ts";
import { barsOf, type Line, Tally, table } from "../golden/bars.ts";
import { compare } from "../golden/compare.ts";
import { readGolden } from "../golden/read.ts";
import type { Site } from "../runtimes/browsers.ts";
import { type Browser, goldenTexts, launch, missingChromium, missingInNode, site, vulkan } from "./where.ts";

/* The backend on the real gpu.js, in every mode this machine has. */

/** Of every number of the sentence vectors. */
const BOUND = 1e-4;

interface Vectors {
  readonly backend: BackendInfo;
  readonly vectors: Readonly<Record<string, readonly (readonly number[])[]>>;
}

interface Product {
  readonly mode: string;
  readonly worst: readonly number[];
  readonly uploads: number;
}

type Task = "vectors" | "product" | "refusal" | "faults" | "lost" | "left";
/** Runs a task where the mode is. */
type Run = <R>(task: Task, mode: GpuJsMode | "chosen", input?: unknown) => Promise<R>;

const lines: Line[] = [];
afterAll(() => console.log(table("Worst error of sentence vectors against float64, on gpu.js", lines)));

/** Milliseconds a process may take; it is ended then. */
const LIMIT = 280_000;

const inNode: Run = async (task, mode, input) => {
  const env = { ...process.env, ...(mode === "webgpu" && { VK_ICD_FILENAMES: vulkan }) };
  const child = promisify(execFile)(process.execPath, [join(import.meta.dirname, "node.js"), task, mode], {
    env,
    timeout: LIMIT,
    maxBuffer: 1 << 28,
  });
  child.child.stdin?.end(JSON.stringify(input ?? null));
  return JSON.parse((await child).stdout);
};

let browser: Browser | undefined;
let pages: Site | undefined;
const inPage: Run = async (task, mode, input) => {
  browser ??= await launch();
  pages ??= await site();
  const page = await browser.newPage();
  try {
    await page.goto(`${pages.origin}/`);
    const asked = mode === "chosen" ? "undefined" : JSON.stringify(mode);
    return await page.evaluate(`tasks.${task}(${asked}, ${JSON.stringify(input ?? null)})`);
  } finally {
    await page.close();
  }
};
afterAll(async () => {
  await browser?.close();
  pages?.close();
});

const places: [title: string, mode: GpuJsMode, run: Run, missing: string | undefined][] = [
  ...(["webasm", "cpu", "headlessgl", "webgpu"] as const).map(
    (mode) => [`${mode} in Node`, mode, inNode, missingInNode[mode]] as (typeof places)[number],
  ),
  ...(["webgl2", "webgl", "webgpu", "webasm"] as const).map(
    (mode) => [`${mode} in Chromium`, mode, inPage, missingChromium] as (typeof places)[number],
  ),
];
const titled = places.map(
  ([title, ...rest]) => [rest[2] === undefined ? title : `${title} (skipped: ${rest[2]})`, ...rest] as const,
);

describe.each(titled)("gpu.js, %s", (title, mode, run, missing) => {
  it.skipIf(missing)("golden vectors, every number", async () => {
    const { backend, vectors } = await run<Vectors>("vectors", mode, goldenTexts());
    expect(backend).toMatchObject({ name: "gpujs", threads: 0, reason: `given by the caller: gpu.js, ${mode}` });
    for (const [name, rows] of Object.entries(vectors)) {
      const golden = readGolden(name);
      const tally = new Tally();
      for (const [n, { text, vector }] of golden.texts.entries()) {
        const what = `${title}, ${name}, ${JSON.stringify(text)}`;
        tally.add(compare(rows[n], vector.exact, BOUND, { shape: vector.shape, what }), vector.exact.length);
      }
      const { vectors: library, times } = barsOf(golden);
      lines.push({
        model: name,
        backend: title,
        what: "vectors",
        numbers: tally.numbers,
        ours: tally.worst.error,
        library,
        times,
      });
    }
    expect(Object.keys(vectors).length).toBeGreaterThan(20);
  });

  it.skipIf(missing)(
    "sums of 3072 products for any number of tokens, in the order of the calls, the weights uploaded once",
    async () => {
      const seen = await run<Product>("product", mode);
      expect(seen.mode).toBe(mode);
      // Sums of 3072 products of numbers up to 1, one after the other in float32: 1.7e-4 was seen. One product too few is off by 0.25.
      for (const worst of seen.worst) expect(worst).toBeLessThan(5e-4);
      // cpu reads the array where it lies.
      expect(seen.uploads).toBe(mode === "cpu" ? 0 : 1);
    },
  );

  it.skipIf(missing)("the self-test refuses a gpu.js that is broken", async () => {
    const told = await run<Record<string, string>>("faults", mode);
    expect(Object.keys(told).length).toBe(2);
    for (const [name, message] of Object.entries(told)) {
      expect(message, name).toMatch(
        new RegExp(
          `^ModelError: backend: gpu\\.js in mode ${mode} computes wrongly here: of a small model layer 0 .* differs from plain JavaScript by [\\d.e-]+, and 0\\.0001 is allowed`,
        ),
      );
    }
  });
});

describe("refusals", () => {
  it.each([
    ["webgl2", /does not run here with this mode .*it needs a page with WebGL 2/],
    ["webgl", /does not run here with this mode .*it needs a page with WebGL/],
  ] as const)("%s in Node", async (mode, message) => {
    expect(await inNode("refusal", mode)).toMatch(message);
  });

  it("left to it in Node, gpu.js takes headlessgl or webasm, and the reason says so", async () => {
    const expected = missingInNode.headlessgl === undefined ? "headlessgl" : "webasm";
    expect(await inNode("refusal", "chosen")).toBe(`loaded, with given by the caller: gpu.js, which chose ${expected}`);
  });

  describe.skipIf(missingChromium)(`pages${missingChromium ? ` (skipped: ${missingChromium})` : ""}`, () => {
    it("a package for Node", async () => {
      expect(await inPage("refusal", "headlessgl")).toMatch(/it needs Node, and the package gl/);
    });

    it.each(["webgl2", "webgl", "webgpu"] as const)("%s has nothing left once a model is disposed of", async (mode) => {
      const { taken, left } = await inPage<{ readonly taken: number; readonly left: number }>("left", mode);
      expect(taken).toBeGreaterThan(0);
      expect(left).toBe(0);
    });

    it.each([
      ["webgl2", /^ModelError: .*WebGL context lost while awaiting.*load the model again/],
      ["webgl", /^ModelError: .*the GPU was lost.*load the model again/],
    ] as const)("a context of %s that is lost", async (mode, message) => {
      expect(await inPage("lost", mode)).toMatch(message);
    });

    describe("of a browser without WebGL and WebGPU", () => {
      let bare: Browser;
      let at: Site;
      beforeAll(async () => {
        [bare, at] = [await launch(["--disable-3d-apis", "--disable-gpu"]), await site()];
      });
      afterAll(async () => {
        await bare?.close();
        at?.close();
      });

      it.each([
        ["webgl2", /^ModelError: mode = "webgl2": gpu\.js does not run here/],
        ["webgl", /^ModelError: mode = "webgl": gpu\.js does not run here/],
        ["webgpu", /^ModelError: (mode|backend) = .*webgpu.*(does not run here|no adapter)/],
        ["chosen", /^loaded, with given by the caller: gpu\.js, which chose webasm$/],
      ])("%s", async (mode, message) => {
        const page = await bare.newPage();
        await page.goto(`${at.origin}/`);
        expect(await page.evaluate(`tasks.refusal(${mode === "chosen" ? "undefined" : JSON.stringify(mode)})`)).toMatch(
          message,
        );
        await page.close();
      });
    });
  });
});
