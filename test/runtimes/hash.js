/**
 * Run on the runtime under test: loads the model in a folder with the built package and prints what computed, and the hash of the corpus; with
 * a folder of the bundled model also its speed.
 *
 *     node hash.js <url of dist/node/node.js> <folder> <corpus.json> <options as JSON> [<folder of the bundled model>]
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { sentencesPerSecond } from "./speed.js";

const [entry, folder, corpusFile, options, bundled] = process.argv.slice(2);
const { BertModel, SentenceTransformer } = await import(entry);
const corpus = JSON.parse(readFileSync(corpusFile, "utf8"));
const calibration = corpus.slice(0, 40).map((ids) => ({ ids: Int32Array.from(ids) })); // as in test/golden/corpus.ts
const model = await BertModel.load(folder, { calibration, ...JSON.parse(options) });
const { tokenEmbeddings } = await model.forward(corpus.map((ids) => ({ ids: Int32Array.from(ids) })));
const [, L, H] = tokenEmbeddings.shape;
const hash = createHash("sha256");
for (const [n, ids] of corpus.entries()) {
  const states = tokenEmbeddings.data.subarray(n * L * H, (n * L + ids.length) * H);
  hash.update(new Uint8Array(states.buffer, states.byteOffset, states.byteLength));
}
const { backend } = model;
await model.dispose();
let speed = null;
if (bundled !== undefined) {
  const mini = await SentenceTransformer.load(bundled, JSON.parse(options));
  speed = await sentencesPerSecond(mini);
  await mini.dispose();
}
const { bun, deno, node } = process.versions;
console.log(JSON.stringify({ version: bun ?? deno ?? node, backend, hash: hash.digest("hex"), speed }));
