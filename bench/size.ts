/** Prints the size of the built engine as one minified file, gzipped: what a page pays for what it imports. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = join(import.meta.dirname, "..");
/** What a page imports, and what it may cost at most, KB. */
const BUDGETS: Readonly<Record<string, readonly [entry: string, names: string, limit: number]>> = {
  SentenceTransformer: ["index.js", "{ SentenceTransformer }", 40],
  WordPieceTokenizer: ["tokenizer/index.js", "{ WordPieceTokenizer }", 12],
  openSafetensors: ["formats/safetensors.js", "{ openSafetensors }", 4],
};

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

const entries = ["index.js", "int8.js", "tokenizer/index.js", "formats/safetensors.js", "kernels/index.js"];
const sizes: Record<string, number> = Object.fromEntries(
  await Promise.all(entries.map(async (entry) => [entry, await gzipped(entry)])),
);
for (const [name, [entry, names]] of Object.entries(BUDGETS)) sizes[name] = await gzipped(entry, names);
sizes["index.js and int8.js"] = await gzipped("index.js", '* from "./dist/int8.js"; export *');
for (const [name, bytes] of Object.entries(sizes)) {
  const limit = BUDGETS[name]?.[2];
  const of = limit === undefined ? "" : `, at most ${limit}`;
  console.log(`${name.padEnd(26)}${(bytes / 1024).toFixed(1).padStart(6)} KB gzipped${of}`);
  if (limit === undefined || bytes <= limit * 1024) continue;
  console.error(`${name} is above its limit`);
  process.exitCode = 1;
}
// `npm run size -- --write` keeps the figure the README quotes.
if (process.argv.includes("--write")) {
  writeFileSync(
    join(root, "bench/results/size.json"),
    `${JSON.stringify({ unit: "bytes, gzipped", sizes }, null, 2)}\n`,
  );
}
