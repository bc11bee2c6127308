/** Writes the figures of the committed result files into the README, between their markers. `npm run figures`; a test sees that it was run. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Line } from "../test/golden/bars.ts";
import { type Runtimes, runtimesTable } from "../test/runtimes/table.ts";
import type { RivalsResult } from "./rivals/results.ts";
import { mainTable } from "./rivals/tables.ts";

const root = join(import.meta.dirname, "..");
const result = (file: string) => JSON.parse(readFileSync(join(root, "bench/results", file), "utf8"));

interface Timed {
  readonly name: string;
  readonly rate: { readonly min: number; readonly median: number; readonly max: number };
  readonly ratio: { readonly median: number };
}

function accuracy(): string {
  const of = (file: string, model: string): Line =>
    result(`accuracy/worst-error-against-float64-${file}.json`).lines.find(
      (line: Line) => line.model === model && line.backend === "wasm" && line.what === "vectors",
    );
  const row = (name: string, { numbers, ours, library }: Line): string =>
    `| ${name} | ${numbers.toLocaleString("en")} | ${ours.toExponential(1)} | ${library.toExponential(1)} |`;
  return [
    "",
    "| model | numbers | munjang, worst error | sentence-transformers 6.2 (torch, float32) |",
    "|---|---|---|---|",
    row("KR-SBERT's shape, 12 x 768", of("full-size-seeded-models", "full-size")),
    row(
      "the same with outlier channels, relative to the row's largest",
      of("full-size-seeded-models", "full-size-outliers"),
    ),
    row("munjang-mini-ko, before it became int8", of("bundled-model", "bundled")),
    "",
  ].join("\n");
}

function tokenizer(): string {
  const { engines, cpu, node, timesHuggingFace } = result("tokenizer.json");
  return [
    "",
    "| | MB/s, median (min … max) |",
    "|---|---|",
    ...engines.map(
      ({ name, min, median, max }: { name: string; min: number; median: number; max: number }) =>
        `| ${name} | ${median} (${min} … ${max}) |`,
    ),
    "",
    `${timesHuggingFace} times \`@huggingface/tokenizers\`, the tokenizer of transformers.js, and 0 lines with other ids than the Rust library. ${cpu}, Node ${node}.`,
    "",
  ].join("\n");
}

function encode(): string {
  const { results, cpu, node } = result("encode.json");
  const rows = results.map(({ name, rate }: Timed) => `| ${name} | ${(1000 / rate.median).toPrecision(3)} ms |`);
  return ["", "| | |", "|---|---|", ...rows, "", `${cpu}, Node ${node}.`, ""].join("\n");
}

function load(): string {
  const { results, cpu, node } = result("load.json");
  const rows = results.map(
    ({
      name,
      secondsToFirstVector,
      peakTimesFile,
      residentTimesFile,
    }: Record<"secondsToFirstVector" | "peakTimesFile" | "residentTimesFile", Timed["rate"]> & { name: string }) =>
      `| ${name} | ${secondsToFirstVector.median.toFixed(2)} s | ${peakTimesFile.median.toFixed(2)} | ${residentTimesFile.median.toFixed(2)} |`,
  );
  return [
    "",
    "| | to the first vector | peak memory above an empty process, times the file | after loading |",
    "|---|---|---|---|",
    ...rows,
    "",
    `${cpu}, Node ${node}.`,
    "",
  ].join("\n");
}

/** A table for every machine that was measured. */
function rivals(kind: "rivals" | "int8" = "rivals"): string {
  const files = readdirSync(join(root, "bench/results"))
    .filter((file) => file.startsWith(`${kind}-`) && file.endsWith(".json"))
    .sort();
  const tables = files.map((file) => {
    const measured = result(file) as RivalsResult;
    return `${mainTable(measured)} [Everything](bench/results/${file.replace(/json$/, "md")}).`;
  });
  return ["", tables.length === 0 ? "Not measured yet: `npm run bench:rivals`." : tables.join("\n\n"), ""].join("\n");
}

function quality(): string {
  const { models, correlations } = result("quality.json");
  const digits = ({ mean, worst }: { mean: number; worst: number }): string =>
    `${mean.toFixed(4)} / ${worst.toFixed(4)}`;
  const engines = Object.keys(models[0].cosines);
  const points = Object.entries(correlations as Record<string, Record<string, number>>).map(
    ([set, of]) =>
      `${set} ${of.float32.toFixed(2)} float32, ${of.int8.toFixed(2)} int8, ${of["int8-12"].toFixed(2)} int8-12`,
  );
  return [
    "",
    `| cosine with float32, mean / worst | ${engines.join(" | ")} |`,
    `|---|${engines.map(() => "---|").join("")}`,
    ...models.map(
      ({ name, cosines }: { name: string; cosines: Record<string, { mean: number; worst: number }> }) =>
        `| ${name} | ${engines.map((engine) => digits(cosines[engine])).join(" | ")} |`,
    ),
    "",
    `${models[0].against}. Spearman of the bundled model, times 100: ${points.join("; ")}.`,
    "",
  ].join("\n");
}

function runtimes(): string {
  return ["", runtimesTable(result("runtimes.json") as Runtimes), ""].join("\n");
}

const kernel = (): Timed =>
  result("kernels-node22.json").results.find(({ name }: Timed) => name === "munjang, backend js");

/** What stands between `<!-- name -->` and `<!-- /name -->`. */
const FIGURES: Readonly<Record<string, () => string>> = {
  accuracy,
  tokenizer,
  encode,
  load,
  rivals: () => rivals(),
  int8: () => rivals("int8"),
  quality,
  runtimes,
  size: () => (result("size.json").sizes.SentenceTransformer / 1024).toFixed(1),
  size8: () => (result("size.json").sizes["index.js and int8.js"] / 1024).toFixed(1),
  gflops: () => kernel().rate.median.toFixed(1),
  times: () => kernel().ratio.median.toFixed(1),
};

/** A page with every figure as the result files have it. */
export function withFigures(page: string): string {
  return Object.entries(FIGURES).reduce((text, [name, figure]) => {
    const parts = text.split(new RegExp(`(<!-- /?${name} -->)`));
    if (parts.length !== 5) throw new Error(`the README must have one pair of markers ${name}`);
    return [parts[0], parts[1], figure(), parts[3], parts[4]].join("");
  }, page);
}

if (process.argv[1] === import.meta.filename) {
  const file = join(root, "README.md");
  writeFileSync(file, withFigures(readFileSync(file, "utf8")));
}
