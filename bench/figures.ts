/** Writes the figures of the committed result files into the README, between their markers. `npm run figures`; a test sees that it was run. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Line } from "../test/golden/bars.ts";
import { type Runtimes, runtimesTable } from "../test/runtimes/table.ts";
import { type GpuResult, inShort, type OneGpuResult, onHardware, summary } from "./gpu/table.ts";
import type { LadderResult } from "./ladder/measure.ts";
import { ladderTable } from "./ladder/report.ts";
import {
  adapters,
  card,
  checksum,
  cosineDeviation,
  cosineMean,
  demo,
  int8Costs,
  layers,
  megabytes,
  shape,
  training,
  weightsMegabytes,
} from "./model-figures.ts";
import { result, root, type Timed, writeWhole } from "./result.ts";
import type { RivalsResult } from "./rivals/results.ts";
import { mainTable } from "./rivals/tables.ts";
import { search, words } from "./search-figures.ts";
import { bulk, classify, evaluate, kills, longest, serve, sizing } from "./tool-figures.ts";

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

interface EdgeMemory {
  readonly wasm: number;
  readonly total: number;
}
interface EdgeMeasured {
  readonly loading: EdgeMemory;
  readonly encoding: { readonly most: EdgeMemory; readonly held: EdgeMemory };
  readonly [figure: string]: unknown;
}

function edge(): string {
  const measured = result("edge.json");
  const { bucket, assets } = measured as Record<"bucket" | "assets", EdgeMeasured>;
  const whole: EdgeMeasured["encoding"] = measured["whole table in memory"];
  const mb = (bytes: unknown): string => `${(Number(bytes) / 1e6).toFixed(1)} MB`;
  const both = (show: (of: EdgeMeasured) => string): string => `${show(bucket)} | ${show(assets)}`;
  const number = (name: string, digits: number, unit = ""): string =>
    both((of) => Number(of[name]).toFixed(digits) + unit);
  const [before, after] = bucket["resident before and after"] as [number, number];
  const streamed = measured["resident where the same objects were only streamed"];
  return [
    "",
    "| | bucket | assets | Cloudflare's limit |",
    "|---|---|---|---|",
    `| most memory while loading | ${both((of) => mb(of.loading.total))} | 128 MB |`,
    `| memory held while encoding ${measured.texts} texts | ${both((of) => mb(of.encoding.held.total))} | 128 MB |`,
    `| of it WebAssembly | ${both((of) => mb(of.encoding.held.wasm))} | |`,
    `| of it rows kept | ${both((of) => mb(of["bytes of rows kept"]))} | |`,
    `| held with the whole word table in memory | ${mb(whole.held.total)} | | 128 MB |`,
    `| most memory while encoding, garbage included | ${both((of) => mb(of.encoding.most.total))} | |`,
    `| cold load, local store | ${number("cold load, ms", 0, " ms")} | |`,
    `| CPU time of a cold load and a first text | ${number("CPU ms of a cold load and the first text", 0, " ms")} | 10 ms free, 30 s and more paid |`,
    `| requests of them | ${number("requests of a cold load and the first text", 0)} | 50 free, 10,000 paid |`,
    `| requests for a text afterwards | ${number("requests for a text afterwards", 2)} | |`,
    `| CPU time of a text | ${number("CPU ms a text, the simulated bucket's included", 1, " ms")} | 10 ms free, 30 s and more paid |`,
    "",
    `Resident memory of the whole process, its simulators included: ${mb(before)} before, ${mb(after)} after; ${mb(streamed)} where a Worker only streamed`,
    `the same objects. ${measured.sentences}. ${measured.cpu}, workerd ${measured.workerd}.`,
    "",
  ].join("\n");
}

function rows(): string {
  const { sentences, results } = result("kept-rows.json");
  const each = results.map(
    (of: { rowBytes: number; requestsPerText: number; laterTextsWithout: number }) =>
      `${of.requestsPerText.toFixed(1)} requests with ${of.rowBytes / 1e6} MB (none for ${Math.round(100 * of.laterTextsWithout)} of 100 later ones)`,
  );
  return ` ${sentences.toLocaleString("en")} different Korean sentences cause, each, ${each.join(", ")} `;
}

/** For docs/gpu.md. */
export function gpu(): string {
  return ["", summary(result("gpu.json") as GpuResult)].join("\n");
}

const h200 = (): OneGpuResult => result("gpu-h200.json");
const h200InShort = (): string => inShort(h200());

function runtimes(): string {
  return ["", runtimesTable(result("runtimes.json") as Runtimes), ""].join("\n");
}

const kernel = (): Timed =>
  result("kernels-node22.json").results.find(({ name }: Timed) => name === "munjang, backend js");

/** How many times as fast as the naive loop a rung is. */
function timesNaive(rung: string): string {
  const { rungs } = result("ladder.json") as LadderResult;
  const rate = (name: string): number => rungs.find((one) => one.name === name)?.rate?.median ?? Number.NaN;
  return (rate(rung) / rate("naive")).toFixed(0);
}

/** What stands between `<!-- name -->` and `<!-- /name -->`. */
const FIGURES: Readonly<Record<string, () => string>> = {
  megabytes,
  demo,
  accuracy,
  tokenizer,
  encode,
  load,
  rivals: () => rivals(),
  int8: () => rivals("int8"),
  quality,
  runtimes,
  evaluate,
  gpu: h200InShort,
  size: () => (result("size.json").sizes.SentenceTransformer / 1024).toFixed(1),
  size8: () => (result("size.json").sizes["index.js and int8.js"] / 1024).toFixed(1),
  gflops: () => kernel().rate.median.toFixed(1),
  times: () => kernel().ratio.median.toFixed(1),
};

/** The pages that have figures, and which. */
export const PAGES: Readonly<Record<string, Readonly<Record<string, () => string>>>> = {
  "README.md": FIGURES,
  "docs/adapters.md": adapters,
  "docs/browser.md": { weights: weightsMegabytes, longest },
  "docs/cluster.md": { "cosine-mean": cosineMean },
  "docs/edge.md": { edge, rows, layers },
  "docs/gpu.md": { gpu, "gpu-h200": () => `\n${onHardware(h200())}`, "gpu-short": h200InShort },
  "docs/ladder.md": {
    ladder: () => ladderTable(result("ladder.json")),
    climb: () => timesNaive("SIMD tiles, 5 x 8"),
    "climb-int8": () => timesNaive("int8 dot"),
  },
  "docs/bulk.md": { bulk, sizing, kills },
  "docs/search.md": { search, "search-words": words },
  "docs/evaluate.md": { evaluate, megabytes },
  "docs/classify.md": { classify },
  "docs/server.md": { serve },
  "docs/tour.md": { layers },
  "docs/tour.ko.md": { layers },
  "examples/vite-page/README.md": { megabytes },
  "weights/README.md": {
    ...card,
    shape,
    checksum,
    megabytes,
    training,
    "cosine-mean": cosineMean,
    "cosine-deviation": cosineDeviation,
    "int8-costs": int8Costs,
  },
};

/** A page with every figure as the result files have it. */
export function withFigures(page: string, figures: Readonly<Record<string, () => string>>): string {
  return Object.entries(figures).reduce((text, [name, figure]) => {
    const parts = text.split(new RegExp(`(<!-- /?${name} -->)`));
    if (parts.length !== 5) throw new Error(`the page must have one pair of markers ${name}`);
    return [parts[0], parts[1], orMissing(figure), parts[3], parts[4]].join("");
  }, page);
}

/** A result that nobody has committed yet is told as such. */
function orMissing(figure: () => string): string {
  try {
    return figure();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return "\nNot measured yet.\n";
  }
}

if (process.argv[1] === import.meta.filename) {
  for (const [page, figures] of Object.entries(PAGES)) {
    const file = join(root, page);
    writeWhole(file, withFigures(readFileSync(file, "utf8"), figures));
  }
}
