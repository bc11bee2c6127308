import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PAGES, withFigures } from "../bench/figures.ts";
import * as cache from "../src/cache.ts";
import * as safetensors from "../src/formats/safetensors.ts";
import * as index from "../src/index.ts";
import * as kernels from "../src/kernels/index.ts";
import * as ndarray from "../src/ndarray.ts";
import * as node from "../src/node.ts";
import * as gpujs from "../src/node-gpujs.ts";
import * as pytorch from "../src/pytorch.ts";
import * as shards from "../src/shards.ts";
import * as tokenizer from "../src/tokenizer/index.ts";
import * as unicode from "../src/unicode.ts";
import * as utf8 from "../src/utf8.ts";

const root = join(import.meta.dirname, "..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");
const manifest = JSON.parse(read("package.json"));

describe("package", () => {
  it("has no dependencies of any kind but for development, and optional peers, which nothing installs", () => {
    for (const kind of ["dependencies", "optionalDependencies", "bundledDependencies"]) {
      expect(manifest[kind], kind).toBeUndefined();
    }
    const peers = Object.keys(manifest.peerDependencies);
    expect(peers).toEqual(["gpu.js", "webgpu"]);
    const { packages } = JSON.parse(read("package-lock.json"));
    for (const peer of peers) {
      expect(manifest.peerDependenciesMeta[peer], peer).toEqual({ optional: true });
      expect(packages[`node_modules/${peer}`], peer).toBeUndefined();
    }
  });

  it("pins development versions exactly", () => {
    expect(Object.keys(manifest.devDependencies).length).toBeGreaterThan(0);
    for (const [name, version] of Object.entries(manifest.devDependencies))
      expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it("is MIT, an ES module, for Node 20 and newer", () => {
    expect(manifest.license).toBe("MIT");
    expect(manifest.type).toBe("module");
    expect(manifest.engines.node).toBe(">=20");
    expect(read("LICENSE")).toContain("MIT License");
  });

  it("has its version in the changelog", () => {
    expect(read("CHANGELOG.md")).toContain(`## ${manifest.version}`);
  });

  it("keeps the lock file free of addresses to fetch from", () => {
    const lock = JSON.parse(read("package-lock.json"));
    const remote = Object.entries<{ resolved?: string }>(lock.packages).filter(([, { resolved }]) =>
      resolved?.includes("://"),
    );
    expect(remote).toEqual([]);
  });

  const WEB = ["workerd", "edge-light", "browser"]; // first: who sets one of these and `node` too is bundling for the web
  const NODE = ["deno", "bun", "node"];
  type Conditions = Readonly<Record<string, string>>;
  type Entry = Conditions & { types: string | Conditions };
  const entries = Object.values<string | Entry>(manifest.exports).filter(
    (entry): entry is Entry => typeof entry !== "string" && "node" in entry,
  );
  const both = (web: string, node: string): [string, string][] => [
    ...WEB.map((condition): [string, string] => [condition, web]),
    ...NODE.map((condition): [string, string] => [condition, node]),
    ["default", web],
  ];

  it("exports these paths, each built from a source", () => {
    expect(Object.keys(manifest.exports)).toEqual([
      ".",
      "./tokenizer",
      "./safetensors",
      "./pytorch",
      "./shards",
      "./int8",
      "./quantize",
      "./cache",
      "./unicode",
      "./utf8",
      "./kernels",
      "./ndarray",
      "./webgpu",
      "./fastest",
      "./verify",
      "./edge",
      "./ai-sdk",
      "./langchain",
      "./llamaindex",
      "./pipeline",
      "./gpujs",
      "./wasm/*",
      "./web-worker",
      "./node-worker",
      "./inline-worker",
      "./package.json",
    ]);
    for (const { types, default: file } of entries) {
      for (const built of [file, ...(typeof types === "string" ? [types] : Object.values(types))]) {
        const source = built.replace("./dist/", "src/").replace(/(\.d)?(\.[jt]s)$/, ".ts");
        expect(existsSync(join(root, source)), source).toBe(true);
      }
    }
  });

  it("has every condition in order: types, those of the web before those of Node, and the web's for whoever sets none", () => {
    for (const { types, ...files } of entries) {
      expect(Object.entries(files)).toEqual(both(files.default, files.node));
      expect(files.node).toMatch(/^\.\/dist\/node\//);
      if (typeof types !== "string") expect(Object.entries(types)).toEqual(both(types.default, types.node));
    }
    for (const entry of entries) expect(Object.keys(entry)[0]).toBe("types");
  });

  it("gives Node the same names in fewer files, and one ModelError to all of them", async () => {
    const errors = new Set<unknown>();
    for (const { types, node } of entries) {
      const bundled = await import(join(root, node));
      const source = typeof types === "string" ? types : types.node;
      const built = await import(join(root, source.replace(/\.d\.ts$/, ".js")));
      expect(Object.keys(bundled).sort(), node).toEqual(Object.keys(built).sort());
      if (bundled.ModelError !== undefined) errors.add(bundled.ModelError);
    }
    expect(errors.size).toBe(1);
    // The modules are more than a hundred; entries share some files.
    expect(readdirSync(join(root, "dist/node")).length).toBeLessThan(2.7 * entries.length);
  });

  it("exports these names", () => {
    const names = (module: object): string[] => Object.keys(module).sort();
    const main = [
      "BertModel",
      "BertTokenizer",
      "ModelError",
      "NUMERICS_VERSION",
      "SentenceTransformer",
      "WordPieceTokenizer",
      "communityDetection",
      "meanPooling",
      "openModel",
      "paraphraseMining",
      "paraphraseMiningEmbeddings",
      "semanticSearch",
      "similarity",
      "similarityPairwise",
    ];
    expect(names(index)).toEqual(main);
    expect(names(node)).toEqual([...main, "download"].sort());
    expect(names(cache)).toEqual(["ModelError", "cached", "cachedSize", "clearCached"]);
    expect(names(gpujs)).toEqual(["ModelError", "gpujs"]);
    expect(names(kernels)).toEqual(["js", "reference", "wasm"]);
    expect(names(ndarray)).toEqual(["asNdarray", "rowsAsNdarray"]);
    expect(names(pytorch)).toEqual(["ModelError", "openPytorch"]);
    expect(names(safetensors)).toEqual(["ModelError", "openSafetensors", "writeSafetensors"]);
    expect(names(shards)).toEqual([]);
    expect(names(unicode)).toEqual([]);
    expect(names(utf8)).toEqual([]);
    expect(names(tokenizer)).toEqual(["Encoding", "WordPieceTokenizer"]);
  });

  it("munjang/quantize alone opens models by name in Node", () => {
    const program =
      'import { convert, inMemory } from "munjang/quantize"; const { files } = await convert("test/golden/models/plain", inMemory()); console.log(files.length)';
    const printed = execFileSync(process.execPath, ["--input-type=module", "-e", program], {
      cwd: root,
      encoding: "utf8",
    });
    expect(Number(printed)).toBeGreaterThan(5);
  });

  it("says in the README what the scripts are", () => {
    const readme = read("README.md");
    for (const script of [...readme.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name)) {
      expect(manifest.scripts, script).toHaveProperty([script]);
    }
    expect(readme).toContain("npm ci && npm start");
    expect(readme).toContain("npm ci && npm test");
  });

  it("says in docs/bundlers.md which versions were tried", () => {
    const { dependencies } = JSON.parse(read("test/packaging/package.json"));
    const { dependencies: runtimes } = JSON.parse(read("test/runtimes/package.json"));
    const page = read("docs/bundlers.md");
    for (const name of ["vite", "webpack", "rollup", "esbuild", "@rollup/plugin-node-resolve"]) {
      expect(page).toContain(`${name} ${dependencies[name]}`);
    }
    expect(page).toContain(`bun ${runtimes.bun.split("@").at(-1)}`);
  });
});

it.each(Object.entries(PAGES))(
  "the figures of %s are those of the committed results (npm run figures)",
  (page, figures) => {
    expect(withFigures(read(page), figures)).toBe(read(page));
  },
);
