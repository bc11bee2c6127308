/**
 * The package as Node, Deno and Bun run it: `dist/node`, one file an entry of package.json, and what entries share beside them. A hundred small
 * modules take Node 50 ms and 20 MB to import, these 20 ms and 10 MB. Bundlers for browsers get the modules in `dist` as they are.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { build } from "esbuild";
import manifest from "./package.json" with { type: "json" };
import { int8 } from "./src/kernels/wasm/int8/index.ts";
import { markOf, moduleOf, variant } from "./src/kernels/wasm/variants.ts";

const outdir = "dist/node";
const shared = { bundle: true, format: "esm", platform: "node", target: "node20", outdir } as const;

const entries: Record<string, string> = {};
for (const entry of Object.values(manifest.exports)) {
  if (typeof entry === "string") continue;
  const { types, default: file } = entry.node;
  const name = file.slice(`./${outdir}/`.length, -".js".length);
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
await build({ ...shared, entryPoints: entries, splitting: true, chunkNames: "shared-[hash]" });
// A worker is a file of its own: it shares nothing with the thread that starts it.
await build({ ...shared, entryPoints: { "node-worker": "src/node-worker.ts" } });
