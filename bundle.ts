/**
 * The package as Node, Deno and Bun run it: `dist/node`, one file an entry of package.json, and what entries share beside them. A hundred small
 * modules take Node 50 ms and 20 MB to import, these 20 ms and 10 MB. Bundlers for browsers get the modules in `dist` as they are, but for the
 * worker of pages: that is one file, so that it runs wherever a bundler, or a person, copies it.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { build, type Plugin } from "esbuild";
import manifest from "./package.json" with { type: "json" };
import { int8 } from "./src/kernels/wasm/int8/index.ts";
import { markOf, moduleOf, variant } from "./src/kernels/wasm/variants.ts";

const outdir = "dist/node";
const shared = { bundle: true, format: "esm", platform: "node", target: "node20", outdir } as const;
/** Node's own workers go before a page's, whose file a bundler would look for here. */
const withoutPages: Plugin = {
  name: "without pages",
  setup: ({ onLoad }) => onLoad({ filter: /[\\/]web-threads\.ts$/ }, () => ({ contents: "" })),
};

const entries: Record<string, string> = {};
for (const entry of Object.values(manifest.exports)) {
  if (typeof entry === "string" || !("node" in entry)) continue;
  const types = typeof entry.types === "string" ? entry.types : entry.types.node;
  const name = entry.node.slice(`./${outdir}/`.length, -".js".length);
  entries[name] = types.replace("./dist/", "src/").replace(/\.d\.ts$/, ".ts");
}

/**
 * Kernels as files, for runtimes that compile nothing while they run. `add4` is right everywhere, and on such runtimes' machines the fastest.
 */
mkdirSync("dist/wasm", { recursive: true });
const files = {
  float32: undefined,
  int8: int8({ bits: 7, dot: "add4" }, 128),
  "int8-12": int8({ bits: 12, dot: "pairs2" }, 128),
};
for (const [name, int8] of Object.entries(files)) {
  const kind = { ...variant("wasm", 128), int8 };
  writeFileSync(`dist/wasm/${name}.wasm`, moduleOf(kind, false, markOf(kind)));
}

rmSync(outdir, { recursive: true, force: true }); // the names of shared files change with what is in them
await build({ ...shared, entryPoints: entries, splitting: true, chunkNames: "shared-[hash]", plugins: [withoutPages] });
// A worker is a file of its own: it shares nothing with the thread that starts it.
await build({ ...shared, entryPoints: { "node-worker": "src/node-worker.ts" } });

const web = { bundle: true, format: "esm", target: "es2022" } as const;
const entryPoints = ["src/web-worker.ts"];
await build({ ...web, entryPoints, outfile: "dist/web-worker.js" });
// The same as a string.
const { outputFiles } = await build({ ...web, entryPoints, minify: true, write: false });
const [inline, placeholder] = ["dist/inline-worker.js", '"the worker"'];
const [before, after, ...more] = readFileSync(inline, "utf8").split(placeholder);
if (after === undefined || more.length > 0) throw new Error(`${inline} must say ${placeholder} once`);
writeFileSync(inline, before + JSON.stringify(outputFiles[0].text.trim()) + after);
