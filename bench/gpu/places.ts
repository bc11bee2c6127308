/** Where WebGPU is: a page of Chromium, Node with the package webgpu, Deno. On the GPU there is, or else on software that does as if. */
import { execFile, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { sendRange } from "../../test/browser/ranges.ts";
import { type Browser, browsers, type Page, type Route, type Site, serve } from "../../test/runtimes/browsers.ts";
import type { Adapter, EncodeTable } from "./table.ts";

const here = import.meta.dirname;
const root = join(here, "../..");

const HARDWARE = [
  "--enable-unsafe-webgpu",
  "--enable-features=Vulkan",
  "--use-angle=vulkan",
  "--ignore-gpu-blocklist",
] as const;
const SOFTWARE = [
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--use-gl=angle",
  "--use-angle=swiftshader",
  "--enable-unsafe-swiftshader",
] as const;

export interface PageOf {
  readonly version: string;
  readonly adapter: Adapter;
  readonly origin: string;
  task<R>(name: string, how: object): Promise<R>;
  close(): Promise<void>;
}

/**
 * The page with all contenders, and models by the path each folder is served below; weights are answered in ranges. It is isolated: WebAssembly
 * may have threads.
 */
export async function openPage(forceSoftware: boolean, models: Readonly<Record<string, string>>): Promise<PageOf> {
  const [chromium] = browsers;
  if (chromium.missing !== undefined) throw new Error(`the bench needs Chromium: ${chromium.missing}`);
  const head =
    '<script src="/rivals/gpu.js/dist/gpu-browser.min.js"></script><script type="module" src="/gpu/page.js"></script>';
  const weights = Object.fromEntries(
    Object.entries(models).map(([path, folder]): [string, Route] => {
      let bytes: Uint8Array | undefined;
      return [
        `${path}model.safetensors`,
        (request, response) => {
          bytes ??= readFileSync(join(folder, "model.safetensors"));
          const { start, end } = sendRange(request, response, bytes, '"seeded"');
          response.end(bytes.subarray(start, end));
        },
      ];
    }),
  );
  const site: Site = await serve({
    isolated: true,
    folders: { "/gpu/": here, "/rivals/": join(here, "node_modules"), ...models },
    routes: { "/": `<!doctype html><title>munjang</title>${head}`, ...weights },
  });
  let browser: Browser | undefined;
  let page: Page | undefined;
  for (const args of forceSoftware ? [SOFTWARE] : [HARDWARE, SOFTWARE]) {
    browser = await chromium.launch(args);
    page = await browser.openPage(`${site.origin}/`);
    const adapter = await page.evaluate<Adapter>("tasks.adapter()");
    if (args === SOFTWARE && adapter.wrong !== undefined) throw new Error(`no WebGPU in Chromium: ${adapter.wrong}`);
    if (args === SOFTWARE || adapter.software === false) {
      const [opened, tab] = [browser, page];
      return {
        version: opened.version,
        adapter,
        origin: site.origin,
        task: (name, how) => tab.evaluate(`tasks.${name}(${JSON.stringify(how)})`),
        async close() {
          site.close();
          await opened.close();
        },
      };
    }
    await browser.close();
  }
  throw new Error("unreachable");
}

export interface Program {
  readonly version: string;
  readonly adapter: Adapter;
  run(how: object): Promise<EncodeTable[]>;
}

type Answer = Adapter & { readonly tables?: EncodeTable[] };

async function program(file: string, args: readonly string[], icd: string, software: boolean, cache: string) {
  const run = async (env: NodeJS.ProcessEnv, how?: object): Promise<Answer> => {
    const order = join(cache, "order.json");
    if (how !== undefined) writeFileSync(order, JSON.stringify(how));
    const all = [...args, join(here, "program.js"), `file://${root}/dist/`, ...(how === undefined ? [] : [order])];
    const { stdout } = await promisify(execFile)(file, all, { env, maxBuffer: 1 << 28 });
    return JSON.parse(stdout.slice(stdout.lastIndexOf("\n{")));
  };
  let env = process.env;
  let adapter = software && env.VK_ICD_FILENAMES === undefined ? undefined : await run(env).catch(() => undefined);
  if (adapter?.software !== false && existsSync(icd) && env.VK_ICD_FILENAMES === undefined) {
    env = { ...process.env, VK_ICD_FILENAMES: icd };
    adapter = await run(env);
  }
  if (adapter?.about === undefined) throw new Error(adapter?.wrong ?? "it did not start");
  return {
    adapter,
    run: async (how: object): Promise<EncodeTable[]> => (await run(env, how)).tables ?? [],
  };
}

export async function openNode(software: boolean, cache: string): Promise<Program> {
  // Mesa's software driver is too old for Dawn.
  const icd = "/usr/lib/chromium/vk_swiftshader_icd.json";
  return { version: process.version.slice(1), ...(await program(process.execPath, [], icd, software, cache)) };
}

export async function openDeno(software: boolean, cache: string): Promise<Program> {
  const deno = join(root, "test/runtimes/node_modules/deno/deno");
  const { stdout } = spawnSync(deno, ["--version"], { encoding: "utf8" });
  const version = /^deno (\S+)/.exec(stdout ?? "")?.[1];
  if (version === undefined) throw new Error(`no ${deno}: npm ci --prefix test/runtimes`);
  const args = ["run", "--allow-all", "--no-remote", "--quiet", "--unstable-webgpu"];
  const icd = "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json";
  return { version, ...(await program(deno, args, icd, software, cache)) };
}
