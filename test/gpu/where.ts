import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { GpuJsMode } from "../../src/gpujs.ts";
import { goldenModels, readGolden } from "../golden/read.ts";
import { type Serving, type Site, serve } from "../runtimes/browsers.ts";

/* What this machine has to try GPU backends on, and why it has not the rest: software adapters where there is no GPU. */

const require = createRequire(import.meta.url);
export const chromium = process.env.MUNJANG_CHROMIUM ?? "/usr/bin/chromium";

/** SwiftShader, a Vulkan device in software, as Debian's Chromium brings it; VK_ICD_FILENAMES may name another. */
const SWIFTSHADER = "/usr/lib/chromium/vk_swiftshader_icd.json";
export const vulkan = process.env.VK_ICD_FILENAMES ?? (existsSync(SWIFTSHADER) ? SWIFTSHADER : undefined);

/** Whether the loader of Vulkan drivers is there, which npm's webgpu opens. */
const loader = ["/usr/lib/x86_64-linux-gnu/libvulkan.so.1", "/usr/lib/aarch64-linux-gnu/libvulkan.so.1"].some(
  existsSync,
);

/** Why a mode cannot be tried in Node. */
export const missingInNode: Readonly<Partial<Record<GpuJsMode, string | undefined>>> = {
  webasm: undefined,
  cpu: undefined,
  headlessgl: installed("gl") ? undefined : "the package gl is not installed here",
  webgpu: !loader ? "no libvulkan.so.1" : vulkan === undefined ? "no Vulkan driver, not even SwiftShader's" : undefined,
};

export const missingChromium = existsSync(chromium) ? undefined : `no ${chromium}; MUNJANG_CHROMIUM names another`;

function installed(name: string): boolean {
  try {
    require(name);
    return true;
  } catch {
    return false;
  }
}

/** Golden models and their texts, with what else `encode` was given. */
export type Texts = [model: string, texts: [text: string, options: object][]][];

export function goldenTexts(): Texts {
  return goldenModels().map((name) => [
    name,
    readGolden(name).texts.map(({ text, prompt, promptName }) => [text, { prompt, promptName }]),
  ]);
}

export interface Page {
  evaluate<R>(expression: string): Promise<R>;
  goto(url: string): Promise<unknown>;
  close(): Promise<void>;
}

export interface Browser {
  newPage(): Promise<Page>;
  version(): string;
  close(): Promise<void>;
}

/** What gives headless Chromium WebGL and WebGPU without a GPU. */
const SOFTWARE = [
  "--use-gl=angle",
  "--use-angle=swiftshader",
  "--enable-unsafe-swiftshader",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
];

export function launch(args: readonly string[] = SOFTWARE): Promise<Browser> {
  const options = { executablePath: chromium, args: ["--no-sandbox", "--disable-background-networking", ...args] };
  return require("playwright-core").chromium.launch(options);
}

/** A page with gpu.js as a classic script, and the golden models; `more` is served too. */
export function site(more: Serving = {}): Promise<Site> {
  const library = readFileSync(require.resolve("gpu.js/dist/gpu-browser.min.js"));
  const head = '<script src="/gpu.js"></script><script type="module" src="/gpu/page.js"></script>';
  return serve({
    ...more,
    routes: { "/": `<!doctype html><title>gpu.js</title>${head}`, "/gpu.js": library, ...more.routes },
    folders: {
      "/gpu/": import.meta.dirname,
      "/models/": join(import.meta.dirname, "../golden/models"),
      ...more.folders,
    },
  });
}
