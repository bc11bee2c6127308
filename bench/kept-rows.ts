/**
 * How often a Worker asks its store for rows of KR-SBERT's word table (munjang/edge, docs/edge.md): sentences one after the other through
 * `keepRows`, in a table of zeros. Needs MUNJANG_KR_SBERT and MUNJANG_DATA; writes results/kept-rows.json.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { keepRows } from "../src/edge-rows.ts";
import { BertTokenizer } from "../src/node.ts";

const { MUNJANG_KR_SBERT, MUNJANG_DATA } = process.env;
if (MUNJANG_KR_SBERT === undefined || MUNJANG_DATA === undefined) {
  throw new Error("MUNJANG_KR_SBERT and MUNJANG_DATA must name the folders of the vocabulary and of the sentences");
}
const ROW_BYTES = 768; // int8
const PAGE_BYTES = 65_536;
const FILES = ["klue-text/ner_dev.txt", "ud-korean/kaist.txt", "square/questions.txt"];
const data = MUNJANG_DATA;
const lines = FILES.flatMap((file) => readFileSync(join(data, file), "utf8").split("\n")).map((line) => line.trim());
// In an order that mixes them, the same in every run.
const sentences = [...new Set(lines)]
  .filter((line) => line.length > 4)
  .map((line, n) => ({ line, key: Math.imul(n + 1, 0x9e3779b1) >>> 0 }))
  .sort((a, b) => a.key - b.key)
  .slice(0, 20_000)
  .map(({ line }) => line);

async function main(): Promise<void> {
  const tokenizer = await BertTokenizer.load(MUNJANG_KR_SBERT as string);
  const texts = sentences.map((text) => [...new Set(tokenizer.encode(text, { maxLength: 128 }).ids)]);
  const results = [];
  for (const rowBytes of [4e6, 8e6, 16e6]) {
    let pages = new Set<number>();
    const kept = keepRows(rowBytes, PAGE_BYTES);
    const read = kept.through(
      async (from, to) => {
        pages.add(from / (Math.floor(PAGE_BYTES / ROW_BYTES) * ROW_BYTES)); // pages hold whole rows
        return new ArrayBuffer(to - from);
      },
      40_000 * ROW_BYTES,
      ROW_BYTES,
    );
    let requests = 0;
    let without = 0;
    for (const [n, ids] of texts.entries()) {
      pages = new Set();
      await Promise.all(ids.map((id) => read(id * ROW_BYTES, (id + 1) * ROW_BYTES)));
      // Neighbouring pages are one request.
      const asked = [...pages].filter((page) => !pages.has(page - 1)).length;
      requests += asked;
      if (n >= texts.length / 2 && asked === 0) without++;
    }
    const result = {
      rowBytes,
      requestsPerText: requests / texts.length,
      laterTextsWithout: without / (texts.length / 2),
    };
    results.push(result);
    console.log(JSON.stringify(result));
  }
  const file = join(import.meta.dirname, "results/kept-rows.json");
  writeFileSync(
    file,
    `${JSON.stringify({ sentences: sentences.length, files: FILES, pageBytes: PAGE_BYTES, results }, null, 2)}\n`,
  );
}

await main();
