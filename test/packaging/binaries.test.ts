import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Esbuild } from "./bundlers.ts";
import { copyModel, type Project, project, root, tool } from "./packed.ts";
import { type Answer, inPage, onNode, PRINT, program, run } from "./program.ts";

/* Bundles for Node, and programs as one binary: run where there is no package beside them, threads included. */

let installed: Project;
let expected: Answer["bits"];

beforeAll(() => {
  installed = project();
  expected = onNode(installed).bits;
});
afterAll(() => installed?.remove());

describe("a bundle for Node", () => {
  const NAMED = program("", '"munjang-mini-ko"') + PRINT;

  /** The command that runs a program bundled by esbuild. */
  async function bundled(name: string, text: string, format: "esm" | "cjs", more: object = {}): Promise<string[]> {
    const { build } = await tool<Esbuild>("esbuild");
    const entry = installed.write(`${name}.js`, text);
    const outdir = join(installed.folder, "node", name);
    const outExtension = { ".js": format === "esm" ? ".mjs" : ".cjs" };
    const shared = { bundle: true, platform: "node", logLevel: "error", absWorkingDir: installed.folder };
    await build({ ...shared, format, outdir, outExtension, entryPoints: { app: entry, ...more } });
    return [process.execPath, join(outdir, `app${outExtension[".js"]}`)];
  }
  const WORKER = { "node-worker": "munjang/node-worker" };

  it("with munjang/node-worker elsewhere, and workerUrl", async () => {
    const command = await bundled("elsewhere", NAMED, "esm");
    const file = join(installed.folder, "node_modules/munjang/dist/node/node-worker.js");
    const { backend, bits } = run(command, { threads: 2, workerUrl: `file://${file}` }, installed.folder);
    expect(backend).toMatchObject({ name: "wasm", threads: 2 });
    expect(bits).toBe(expected);
  });

  it("asks for the package webgpu by name, and takes it once it is there", async () => {
    const options = "{ backend: webgpu() }";
    const text = program('import { webgpu } from "munjang/webgpu";', '"munjang-mini-ko"', options) + PRINT;
    const plain = [process.execPath, installed.write("gpu.js", text)];
    const command = await bundled("gpu", text, "esm");
    for (const one of [plain, command]) {
      expect(() => run(one, {}, installed.folder)).toThrow(/webgpu needs the package webgpu here: npm install webgpu/);
    }
    installed.write(
      "node_modules/webgpu/package.json",
      '{ "name": "webgpu", "type": "module", "exports": "./index.js" }',
    );
    installed.write(
      "node_modules/webgpu/index.js",
      "export const create = () => ({ requestAdapter: async () => null });",
    );
    for (const one of [plain, command]) {
      expect(() => run(one, {}, installed.folder)).toThrow(/webgpu: the runtime found no GPU it would use/);
    }
  });

  it("without a worker: the calling thread, and a reason that says what to do", async () => {
    const command = await bundled("without", NAMED, "esm");
    const { backend, bits } = run(command, {}, installed.folder);
    expect(backend).toMatchObject({ name: "wasm", threads: 0 });
    expect(backend.reason).toMatch(
      /on the calling thread: .*node-worker\.js is missing: put munjang\/node-worker there, or give workerUrl/,
    );
    expect(bits).toBe(expected);
    expect(() => run(command, { threads: 2 }, installed.folder)).toThrow(
      /threads = 2: cannot be had here .*node-worker/,
    );
  });

  it("with munjang/node-worker and the model beside it, moved to another place", async () => {
    const { build } = await tool<Esbuild>("esbuild");
    const entry = installed.write("beside.js", inPage() + PRINT);
    const outdir = join(installed.folder, "node", "beside");
    const entryPoints = { app: entry, ...WORKER };
    const shared = {
      bundle: true,
      platform: "node",
      format: "esm",
      logLevel: "error",
      absWorkingDir: installed.folder,
    };
    await build({ ...shared, entryPoints, outdir });
    copyModel(outdir);
    const moved = join(installed.folder, "moved");
    cpSync(outdir, moved, { recursive: true });
    const { backend, bits } = run([process.execPath, join(moved, "app.js")], { threads: 2 }, moved);
    expect(backend).toMatchObject({ name: "wasm", threads: 2 });
    expect(bits).toBe(expected);
  });

  it("of CommonJS does not know where it lies: it runs, says so, and takes workerUrl", async () => {
    const command = await bundled("commonjs", NAMED, "cjs");
    const { backend, bits } = run(command, {}, installed.folder);
    expect(backend).toMatchObject({ name: "wasm", threads: 0 });
    expect(backend.reason).toMatch(/this bundle does not know where it lies.*workerUrl/);
    expect(bits).toBe(expected);
    const file = join(installed.folder, "node_modules/munjang/dist/node/node-worker.js");
    const asked = run(command, { threads: 2, workerUrl: `file://${file}` }, installed.folder);
    expect(asked.backend).toMatchObject({ name: "wasm", threads: 2 });
    expect(asked.bits).toBe(expected);
  });

  it("of webpack has its worker and its model without a word", async () => {
    const entry = installed.write("packed.js", inPage() + PRINT);
    const path = join(installed.folder, "node", "webpack");
    type Webpack = (
      config: object,
      done: (error: Error | null, stats: { compilation: { errors: Error[] } }) => void,
    ) => void;
    const { default: webpack } = await tool<{ default: Webpack }>("webpack");
    const output = { path, filename: "app.mjs", module: true, chunkFormat: "module" };
    const options = {
      mode: "production",
      target: "node",
      context: installed.folder,
      experiments: { outputModule: true },
    };
    const errors = await new Promise<Error[]>((resolve, reject) => {
      const done = (error: Error | null, stats: { compilation: { errors: Error[] } }): void =>
        error === null ? resolve(stats.compilation.errors) : reject(error);
      webpack({ ...options, entry, output }, done);
    });
    expect(errors).toEqual([]);
    const moved = join(installed.folder, "moved-webpack");
    cpSync(path, moved, { recursive: true });
    const { backend, bits } = run([process.execPath, join(moved, "app.mjs")], { threads: 2 }, moved);
    expect(backend).toMatchObject({ name: "wasm", threads: 2 });
    expect(bits).toBe(expected);
  });
});

const MODEL = [
  "config.json",
  "model.safetensors",
  "modules.json",
  "sentence_bert_config.json",
  "special_tokens_map.json",
  "tokenizer_config.json",
  "vocab.txt",
  "1_Pooling/config.json",
];

const bun = join(root, "test/runtimes/node_modules/bun/bin/bun");

it("the list above is of all files of the model", () => {
  const files = readdirSync(join(root, "weights/model"), { recursive: true, encoding: "utf8", withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(join(root, "weights/model/").length));
  expect(files.sort()).toEqual([...MODEL].sort());
});

// Bun comes with test/runtimes; `npm run test:packaging` alone does not install that.
describe.skipIf(!existsSync(bun))("bun build --compile (skipped without test/runtimes, which brings bun)", () => {
  /** A program with the model inside, as a binary that stands alone in a folder. */
  function compiled(name: string, imports = "", options = "{}"): string[] {
    const files = MODEL.map((file, i) => `import file${i} from "munjang-mini-ko/model/${file}" with { type: "file" };`);
    const model = `{ name: "mini", files: { ${MODEL.map((file, i) => `"${file}": Bun.file(file${i})`).join(", ")} } }`;
    const entry = installed.write(`${name}.js`, program([...files, imports].join("\n"), model, options) + PRINT);
    const alone = join(installed.folder, "alone", name);
    mkdirSync(alone, { recursive: true });
    const outfile = join(alone, "program");
    execFileSync(bun, ["build", "--compile", entry, "--outfile", outfile], { cwd: installed.folder, stdio: "pipe" });
    expect(readdirSync(alone)).toEqual(["program"]);
    return [outfile];
  }

  it("with munjang/node-worker inside as well", () => {
    const imports = `import worker from "munjang/node-worker" with { type: "file" };\nimport { pathToFileURL } from "node:url";`;
    const command = compiled("threads", imports, "{ workerUrl: pathToFileURL(worker) }");
    const { backend, bits } = run(command, { threads: 2 }, join(command[0], ".."));
    expect(backend).toMatchObject({ name: "wasm", threads: 2 });
    expect(bits).toBe(expected);
  });

  it("without: the calling thread, and a reason that says what to do", () => {
    const command = compiled("alone");
    const { backend, bits } = run(command, {}, join(command[0], ".."));
    expect(backend).toMatchObject({ name: "wasm", threads: 0 });
    expect(backend.reason).toMatch(/node-worker\.js is missing: put munjang\/node-worker there, or give workerUrl/);
    expect(bits).toBe(expected);
  });
});

const deno = join(root, "test/runtimes/node_modules/deno/deno");
// It fetches its runtime, denort, unless DENORT_BIN names one.
describe.skipIf(!existsSync(deno) || process.env.DENORT_BIN === undefined)(
  "deno compile (skipped without DENORT_BIN, the runtime that it would download)",
  () => {
    it("with the package, its worker and the model inside", () => {
      const entry = installed.write(
        "denoprogram.js",
        `${inPage()}${PRINT.replaceAll("process.argv[2]", "Deno.args[0]")}`,
      );
      const alone = join(installed.folder, "alone", "deno");
      mkdirSync(alone, { recursive: true });
      const output = join(alone, "program");
      const include = [
        "--include",
        "node_modules/munjang/dist/node",
        "--include",
        "node_modules/munjang-mini-ko/model",
      ];
      const flags = ["--allow-all", "--no-remote", "--no-check", "--node-modules-dir=manual", "--quiet"];
      const args = ["compile", ...flags, ...include, "--output", output, entry];
      execFileSync(deno, args, { cwd: installed.folder, stdio: "pipe" });
      const { backend, bits } = run([output], { threads: 2 }, alone);
      expect(backend).toMatchObject({ name: "wasm", threads: 2 });
      expect(bits).toBe(expected);
    });
  },
);
