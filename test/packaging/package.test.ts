import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bundle, esbuild, rollup, vite, webpack } from "./bundlers.ts";
import { NAMES, type Project, project, root, tool } from "./packed.ts";

/* What is packed: its manifest, its types, how much of it a bundle takes along. */

let installed: Project;

beforeAll(() => {
  installed = project();
});
afterAll(() => installed?.remove());

describe.each(NAMES)("%s", (name) => {
  it("is what publint wants, suggestions included", async () => {
    interface Publint {
      publint(options: object): Promise<{ readonly messages: readonly { readonly code: string }[] }>;
    }
    const { publint } = await tool<Publint>("publint");
    const pkgDir = join(installed.folder, "node_modules", name);
    const { messages } = await publint({ pkgDir, pack: false, strict: true, level: "suggestion" });
    expect(messages).toEqual([]);
  });

  it("has types that resolve for ES modules and bundlers (the profile esm-only: it has no CommonJS)", async () => {
    interface Problem {
      readonly kind: string;
      readonly resolutionKind?: string;
    }
    interface Attw {
      createPackageFromTarballData(data: Uint8Array): object;
      checkPackage(pkg: object): Promise<{ readonly types: unknown; readonly problems: readonly Problem[] }>;
    }
    const attw = await tool<Attw>("@arethetypeswrong/core");
    const checked = await attw.checkPackage(attw.createPackageFromTarballData(readFileSync(installed.tarballs[name])));
    expect(checked.types).toEqual({ kind: "included" });
    const left = checked.problems.filter(
      ({ resolutionKind = "" }) => !["node10", "node16-cjs"].includes(resolutionKind),
    );
    expect(left).toEqual([]);
    // And of those that were left out, `require` of an ES module is the worst.
    const cjs = checked.problems.filter(({ resolutionKind }) => resolutionKind === "node16-cjs");
    expect([...new Set(cjs.map(({ kind }) => kind))]).toEqual(["CJSResolvesToESM"]);
  });

  it("runs nothing when it is installed, and brings no other package", () => {
    const manifest = JSON.parse(readFileSync(join(installed.folder, "node_modules", name, "package.json"), "utf8"));
    const scripts = ["preinstall", "install", "postinstall", "prepare", "prepublish", "preprepare", "postprepare"];
    for (const script of scripts) expect(manifest.scripts ?? {}).not.toHaveProperty([script]);
    expect(readdirSync(join(installed.folder, "node_modules", name))).not.toContain("binding.gyp"); // npm would build it
    expect(manifest.gypfile).toBeUndefined();
    const there = readdirSync(join(installed.folder, "node_modules")).filter((entry) => !entry.startsWith("."));
    expect(there).toEqual([...NAMES]);
  });
});

it.each([
  ["node16", ["--module", "node16", "--moduleResolution", "node16"], "download"],
  ["nodenext", ["--module", "nodenext", "--moduleResolution", "nodenext"], "download"],
  ["bundler", ["--module", "esnext", "--moduleResolution", "bundler"], ""],
  [
    "bundler, for the web",
    ["--module", "esnext", "--moduleResolution", "bundler", "--customConditions", "browser,node"],
    "",
  ],
  [
    "bundler, for Node",
    ["--module", "esnext", "--moduleResolution", "bundler", "--customConditions", "node"],
    "download",
  ],
] as const)("a program in TypeScript compiles: %s", (_, options, more) => {
  const folder = installed.folder;
  const program = `
import { SentenceTransformer, similarity${more && `, ${more}`} } from "munjang";
import { mini } from "munjang-mini-ko";
import { WordPieceTokenizer } from "munjang/tokenizer";
import { openSafetensors } from "munjang/safetensors";
import { convert, inMemory } from "munjang/quantize";
import { wasm } from "munjang/kernels";
import { gpujs } from "munjang/gpujs";
import "munjang/int8";
import "munjang/inline-worker";
import "munjang/pytorch";
import "munjang/shards";
import "munjang/unicode";
const model = await SentenceTransformer.load(mini, { threads: 2, workerUrl: new URL("https://example.org/worker.js") });
const rows: Float32Array[] = await model.encode(["a"]);
await SentenceTransformer.load(mini, { backend: gpujs({ mode: "webgl2", module: () => import("munjang") }) });
export const all: readonly unknown[] = [similarity(rows, rows), WordPieceTokenizer, openSafetensors, convert, inMemory, wasm${more && `, ${more}`}];
`;
  const file = installed.write("program.ts", program);
  const compiler = join(root, "node_modules/.bin/tsc");
  const args = ["--noEmit", "--strict", "--target", "es2022", "--types", "", "--ignoreConfig", ...options, file];
  execFileSync(compiler, args, { cwd: folder, stdio: ["ignore", "inherit", "inherit"] });
  // What only Node's entry has must not be there for the others.
  if (more === "") {
    const wrong = installed.write(
      "wrong.ts",
      'import { download } from "munjang";\nexport const d: unknown = download;',
    );
    const at = args.with(-1, wrong);
    expect(() => execFileSync(compiler, at, { cwd: folder, stdio: "pipe" })).toThrow();
  }
});

describe.each([
  ["esbuild", esbuild()],
  ["Rollup", rollup],
  ["Vite", vite],
  ["webpack", webpack],
] as const)("%s leaves out what is not imported", (name, bundle: Bundle) => {
  /** An instruction that only the assembler of WebAssembly names, and the message of a file that only loading a model reads. */
  const ASSEMBLER = "extract_lane";
  const LOADING = "modules.json";

  async function bundled(program: string): Promise<{ text: string; gzipped: number }> {
    const folder = join("shaken", name);
    const entry = installed.write(join(folder, "app.js"), program);
    const out = join(installed.folder, folder, "out");
    await bundle(installed.folder, entry, out);
    const text = readFileSync(join(out, "app.js"), "utf8");
    return { text, gzipped: gzipSync(text, { level: 9 }).length };
  }

  it("everything is there where everything is imported (or the rest would hold of nothing)", async () => {
    const { text } = await bundled(
      'import { SentenceTransformer } from "munjang"; globalThis.used = SentenceTransformer;',
    );
    expect(text).toContain(ASSEMBLER);
    expect(text).toContain(LOADING);
  });

  it("the tokenizer alone", async () => {
    const program = 'import { WordPieceTokenizer } from "munjang/tokenizer"; globalThis.used = WordPieceTokenizer;';
    const { text, gzipped } = await bundled(program);
    expect(text).not.toContain(ASSEMBLER);
    expect(text).not.toContain(LOADING);
    expect(text).toContain("WordPiece");
    if (name !== "Rollup") expect(gzipped).toBeLessThan(12.5 * 1024); // Rollup minifies nothing
  });

  it("similarity alone, of the main entry: with it comes only what makes workers known", async () => {
    const { text, gzipped } = await bundled('import { similarity } from "munjang"; globalThis.used = similarity;');
    expect(text).not.toContain(ASSEMBLER);
    expect(text).not.toContain(LOADING);
    expect(text).not.toContain("tokenizer.json");
    expect(text).toContain("manhattan");
    expect(gzipped).toBeLessThan(3 * 1024); // Rollup keeps the comments
  });

  it("munjang/gpujs where gpu.js is not installed: it looks for nothing", async () => {
    const { text } = await bundled('import { gpujs } from "munjang/gpujs"; globalThis.used = gpujs;');
    expect(text).toContain("gpu.js cannot be loaded");
    expect(/\bimport\(/.test(text)).toBe(false);
  });
});
