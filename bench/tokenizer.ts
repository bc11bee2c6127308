/**
 * Ids of Korean text on one thread, beside the two other tokenizers that npm has:
 *
 *     npm ci --prefix bench/rivals
 *     MUNJANG_KR_SBERT=… MUNJANG_DATA=… npx tsx bench/tokenizer.ts
 *
 * Without the folders it takes a vocabulary and a text of our own. The engines take turns, so that a slow moment of the machine meets all of
 * them. Writes bench/results/tokenizer.json.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus } from "node:os";
import { join } from "node:path";
import { WordPieceTokenizer } from "../src/tokenizer/index.ts";
import { bert, filesOf, tokenizerJson } from "../test/tokenizer/configurations.ts";
import { KOREAN, random, vocabulary } from "../test/tokenizer/generate.ts";
import { cpu } from "./cpu.ts";
import { writeWhole } from "./result.ts";

const ROUNDS = 11;
const BYTES = 2_000_000;

/** A quarter as many lines of each of four kinds of text, or sentences of our own. */
function korean(): { readonly name: string; readonly lines: string[] } {
  const folder = process.env.MUNJANG_DATA;
  const sets = ["korsts", "boddari", "chatbot-data", "klue-text"];
  const lines: string[] = [];
  if (folder !== undefined && sets.every((set) => existsSync(join(folder, set)))) {
    for (const set of sets) {
      const files = readdirSync(join(folder, set)).filter((file) => /\.(txt|tsv|csv)$/.test(file));
      let room = BYTES / sets.length;
      for (const file of files.filter((name) => statSync(join(folder, set, name)).size > 1000).sort()) {
        for (const line of readFileSync(join(folder, set, file), "utf8").split("\n")) {
          if (line === "" || room <= 0) continue;
          lines.push(line);
          room -= Buffer.byteLength(line);
        }
      }
    }
    return { name: `lines of ${sets.join(", ")}`, lines };
  }
  const next = random(1);
  for (let bytes = 0; bytes < BYTES; ) {
    const words = Array.from({ length: 4 + Math.floor(next() * 12) }, () => KOREAN[Math.floor(next() * KOREAN.length)]);
    lines.push(words.join(next() < 0.5 ? " " : ""));
    bytes += Buffer.byteLength(lines[lines.length - 1]);
  }
  return { name: "generated", lines };
}

interface HuggingFace {
  readonly Tokenizer: new (json: object, config: object) => { encode(text: string): { ids: number[] } };
}
interface Rust {
  readonly Tokenizer: {
    fromString(json: string): {
      encode(text: string): Promise<{ getIds(): number[] }>;
      encodeBatch(texts: string[]): Promise<{ getIds(): number[] }[]>;
      disablePadding(): void;
      disableTruncation(): void;
    };
  };
}

async function main(): Promise<void> {
  const folder = process.env.MUNJANG_KR_SBERT;
  const real = folder !== undefined && existsSync(join(folder, "vocab.txt"));
  const tokens = real ? readFileSync(join(folder, "vocab.txt"), "utf8").trimEnd().split("\n") : vocabulary();
  const ids = new Map(tokens.map((token, id) => [token, id] as const));
  const bare = { ...tokenizerJson(bert(false), [], ids), truncation: null, padding: null };
  const files = filesOf(
    { name: "cased", vocabulary: "tokenizer.json", options: {}, files: { "tokenizer.json": JSON.stringify(bare) } },
    tokens,
  );
  const tokenizerFile = files["tokenizer.json"] as string;

  const loads: number[] = [];
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    WordPieceTokenizer.fromFiles({
      "vocab.txt": `${tokens.join("\n")}\n`,
      "tokenizer_config.json": '{"do_lower_case":false}',
    });
    loads.push(Math.round((performance.now() - start) * 10) / 10);
  }
  const ours = WordPieceTokenizer.fromFiles(files);
  const require = createRequire(new URL("rivals/package.json", import.meta.url));
  const huggingFace = new (require("@huggingface/tokenizers") as HuggingFace).Tokenizer(JSON.parse(tokenizerFile), {});
  const rust = (require("tokenizers") as Rust).Tokenizer.fromString(tokenizerFile);
  rust.disablePadding();
  rust.disableTruncation();

  const { name: text, lines } = korean();
  const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0);
  const engines: Record<string, () => number | Promise<number>> = {
    munjang: () => lines.reduce((sum, line) => sum + ours.encode(line).ids.length, 0),
    "@huggingface/tokenizers": () => lines.reduce((sum, line) => sum + huggingFace.encode(line).ids.length, 0),
    "tokenizers, one text a call": async () => {
      let sum = 0;
      for (const line of lines) sum += (await rust.encode(line)).getIds().length;
      return sum;
    },
    "tokenizers, one batch (all cores)": async () => {
      let sum = 0;
      for (const encoding of await rust.encodeBatch(lines)) sum += encoding.getIds().length;
      return sum;
    },
  };

  // First that they do the same work: ids against the Rust library, line by line.
  const differing = { munjang: 0, "@huggingface/tokenizers": 0 };
  for (const [i, encoding] of (await rust.encodeBatch(lines)).entries()) {
    const expected = encoding.getIds().join();
    if (ours.encode(lines[i]).ids.join() !== expected) differing.munjang++;
    if (huggingFace.encode(lines[i]).ids.join() !== expected) differing["@huggingface/tokenizers"]++;
  }

  const speeds: Record<string, number[]> = {};
  let sink = 0;
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, run] of Object.entries(engines)) {
      const start = performance.now();
      sink += await run();
      const speed = bytes / 1000 / (performance.now() - start);
      if (round === 0)
        speeds[name] = []; // warming up
      else speeds[name].push(speed);
    }
  }

  const round = (n: number): number => Math.round(n * 10) / 10;
  const summary = Object.entries(speeds).map(([name, all]) => {
    const sorted = [...all].sort((a, b) => a - b);
    const [min, median, max] = [sorted[0], sorted[sorted.length >> 1], sorted[sorted.length - 1]];
    return { name, min: round(min), median: round(median), max: round(max), spread: round(max / min) };
  });
  const version = (name: string): string =>
    JSON.parse(readFileSync(new URL(`rivals/node_modules/${name}/package.json`, import.meta.url), "utf8")).version;
  const median = (name: string): number => summary.find((entry) => entry.name === name)?.median ?? Number.NaN;
  const result = {
    what: "ids of Korean text, MB of UTF-8 a second; munjang, @huggingface/tokenizers and one text a call on one thread",
    date: new Date().toISOString().slice(0, 10),
    cpu: cpu(),
    cores: cpus().length,
    node: process.version,
    versions: { "@huggingface/tokenizers": version("@huggingface/tokenizers"), tokenizers: version("tokenizers") },
    vocabulary: real ? "KR-SBERT, 40,000" : `generated, ${tokens.length}`,
    text,
    lines: lines.length,
    bytes,
    rounds: ROUNDS,
    engines: summary,
    timesHuggingFace: round(median("munjang") / median("@huggingface/tokenizers")),
    linesThatDifferFromRust: differing,
    loadMilliseconds: loads,
  };
  // Lists of numbers on one line, as the formatter has them.
  const json = JSON.stringify(result, null, 2).replace(
    /\[\s+([\d.,\s]+?)\s+\]/g,
    (_, list) => `[${list.replace(/\s+/g, " ")}]`,
  );
  writeWhole(join(import.meta.dirname, "results/tokenizer.json"), `${json}\n`);
  console.log(
    `${result.cpu}, ${result.cores} cores, Node ${result.node}; ${result.lines} lines, ${bytes} bytes: ${text} (${sink} ids)`,
  );
  console.table(Object.fromEntries(summary.map(({ name, ...rest }) => [name, rest])));
  console.log(`munjang / @huggingface/tokenizers: ${result.timesHuggingFace} (medians)`);
  console.log("lines that differ from the Rust library:", differing, "loading, ms:", loads);
}

main();
