/** Prints the size of the built engine as one minified file, gzipped: what a page that imports munjang pays for. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = join(import.meta.dirname, "..");
const LIMIT = 40 * 1024;
/** Of `openSafetensors` alone, without the writer. */
const READER_LIMIT = 4 * 1024;

async function gzipped(entry: string, names = "*"): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: `export ${names} from "./dist/${entry}";`, resolveDir: root },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

const entries = ["index.js", "tokenizer/index.js", "formats/safetensors.js", "kernels/index.js"];
const sizes = Object.fromEntries(await Promise.all(entries.map(async (entry) => [entry, await gzipped(entry)])));
sizes.openSafetensors = await gzipped("formats/safetensors.js", "{ openSafetensors }");
for (const entry of Object.keys(sizes))
  console.log(`${entry.padEnd(26)}${(sizes[entry] / 1024).toFixed(1).padStart(6)} KB gzipped`);
// `npm run size -- --write` keeps the figure the README quotes.
if (process.argv.includes("--write")) {
  writeFileSync(
    join(root, "bench/results/size.json"),
    `${JSON.stringify({ unit: "bytes, gzipped", sizes }, null, 2)}\n`,
  );
}
if (sizes.openSafetensors > READER_LIMIT) {
  console.error(`the reader of safetensors is above its limit of ${READER_LIMIT / 1024} KB`);
  process.exitCode = 1;
}
if (sizes["index.js"] > LIMIT) {
  console.error(`the engine is above its limit of ${LIMIT / 1024} KB`);
  process.exitCode = 1;
}
