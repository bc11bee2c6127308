/**
 * GPU backends beside others: `npm run bench:gpu`. Products and sentences in a page of Chromium, sentences in Node and Deno.
 * Options: --software (even where there is a GPU), --quick (a look: few rounds, nothing kept), --full or --small (which model),
 * --sentences=256 (how many of the large batch; software would take minutes, and has 16).
 */
import { mkdirSync, readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { seededConfig } from "../../test/seeded/seeded.ts";
import { cpu } from "../cpu.ts";
import { writeResult } from "../result.ts";
import { makeWorks, smallConfig, writeSeeded } from "./model.ts";
import { openDeno, openNode, openPage, type Program } from "./places.ts";
import { type Adapter, type EncodeTable, type GpuResult, type ProductTable, page } from "./table.ts";

const has = (flag: string): boolean => process.argv.includes(flag);
const quick = has("--quick");
const cache = join(import.meta.dirname, ".cache");
mkdirSync(cache, { recursive: true });

/** BERT-base's: up, queries with keys and values, attention's output, down. */
const SHAPES = [
  [768, 3072],
  [768, 2304],
  [768, 768],
  [3072, 768],
];

const version = (name: string): string =>
  JSON.parse(readFileSync(join(import.meta.dirname, "node_modules", name, "package.json"), "utf8")).version;

const said = (what: string): void => console.error(`${new Date().toISOString().slice(11, 19)} ${what}`);

const place = await openPage(has("--software"), { "/small/": join(cache, "small"), "/full/": join(cache, "full") });
const software = place.adapter.software !== false;
said(`Chromium ${place.version}: ${place.adapter.about}`);

const size = has("--full") || (!software && !has("--small")) ? "full" : "small";
const config = size === "full" ? seededConfig : smallConfig;
const folder = writeSeeded(cache, size);
const given = process.argv.find((flag) => flag.startsWith("--sentences="))?.split("=")[1];
const sentences = Number(given ?? (quick ? 8 : software ? 16 : 256));
const works = await makeWorks(folder, config.vocab_size, sentences);
const rounds = quick ? 2 : software ? 5 : 9;
/** Milliseconds after which somebody slow has had rounds enough. */
const patience = software ? 6_000 : 20_000;

// Few tokens, and so many that software takes about a second.
const tokens = software ? [12, quick ? 64 : 128] : [12, 4096];
const shapes = quick ? SHAPES.slice(0, 1) : SHAPES;
const measured = await place.task<{ peak: GpuResult["peak"]; tables: ProductTable[] }>("products", {
  shapes,
  tokens,
  rounds,
  patience,
});
said("products are done");

const threads = Math.min(cpus().length, 8);
const backends = [
  { name: "munjang webgpu", gpu: { kind: "webgpu" } },
  { name: "munjang webgpu-float16", gpu: { kind: "webgpu", float16: true } },
  { name: "munjang wasm, 1 thread", backend: "wasm", threads: 0 },
  { name: `munjang wasm, ${threads} threads`, backend: "wasm", threads },
];
const gpuJs = ["webgpu", "webgl2"].map((mode) => ({ name: `munjang gpujs, ${mode}`, gpu: { kind: "gpujs", mode } }));
const encode: Record<string, EncodeTable[]> = {};
const adapters: Record<string, Adapter> = { Chromium: place.adapter };
const versions: Record<string, string> = { Chromium: place.version };

encode.Chromium = await place.task<EncodeTable[]>("encodes", {
  model: `${place.origin}/${size}/`,
  backends: [...backends, ...gpuJs],
  works,
  rounds,
  patience,
  onnxFiles: {
    "onnxruntime-web, WebGPU, graph fused for BERT": `/${size}/onnx/model.onnx`,
    "onnxruntime-web, WebGPU, graph as exported": `/${size}/onnx/plain.onnx`,
  },
  sizes: software ? [64] : [64, 256],
});
await place.close();
said("sentences in Chromium are done");

const programs: Record<string, typeof openNode> = { Node: openNode, Deno: openDeno };
for (const [name, open] of Object.entries(programs)) {
  let found: Program;
  try {
    found = await open(software, cache);
  } catch (error) {
    adapters[name] = { wrong: `${(error as Error).message}`.slice(0, 200) };
    continue;
  }
  adapters[name] = found.adapter;
  versions[name] = found.version;
  encode[name] = await found.run({ model: folder, backends, works, rounds, patience });
  said(`sentences in ${name} are done: ${found.adapter.about}`);
}

const load = Number(loadavg()[2].toFixed(1));
const busy = `Other programs ran beside it (${load} at a time, on ${cpus().length} cores): times are noise, ratios within a round less so.`;
const result: GpuResult = {
  title: "GPU backends beside others, in turns within a page",
  note: software
    ? `No GPU was here: adapters are software, and ratios on software say nothing of a GPU. ${load > cpus().length ? busy : ""}`
    : "Measured on a GPU.",
  software,
  date: new Date().toISOString().slice(0, 10),
  cpu: cpu(),
  cores: cpus().length,
  load,
  versions: {
    ...versions,
    ...Object.fromEntries(["onnxruntime-web", "@jax-js/jax", "gpu.js", "webgpu"].map((name) => [name, version(name)])),
  },
  adapters,
  model: `${config.num_hidden_layers} layers of ${config.hidden_size}, seeded weights`,
  peak: measured.peak,
  products: measured.tables,
  encode,
};
console.log(page(result));
const file = quick ? join(cache, "gpu.json") : join(import.meta.dirname, "../results/gpu.json");
writeResult(file, result);
said(`written: ${file}`);
