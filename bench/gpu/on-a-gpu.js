/* What on-a-gpu.sh runs. The figures are there to choose FEW and TOKENS of src/webgpu.ts by. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { create, globals } from "webgpu";
import { layOut } from "../../dist/bert/batch.js";
import { bell, seededWeights } from "../../dist/bert/seeded.js";
import { wasm } from "../../dist/kernels/index.js";
import { openDevice } from "../../dist/kernels/webgpu/device.js";
import { gpuKernels } from "../../dist/kernels/webgpu/index.js";
import { inline } from "../../dist/run/inline.js";
import { interleaved } from "./measure.js";
import { jaxProduct, onnxProduct, onnxruntime } from "./rivals.js";
import { crossover, encodes, products } from "./work.js";

const small = process.argv.includes("--small");
/** With onnxruntime-web in a process of its own: it may take long to start. */
const withOnnx = process.argv.includes("--onnx");
const only = process.argv
  .find((flag) => flag.startsWith("--parts="))
  ?.split("=")[1]
  .split(",");
const file = process.argv.find((flag) => flag.startsWith("--file="))?.split("=")[1] ?? "gpu.json";
const started = performance.now();
const dist = new URL("../../dist/", import.meta.url).href;
globalThis.gpu = create([]); // kept: Dawn's devices do not outlive what gave them
const opened = await openDevice(globalThis.gpu, "high-performance");
const { device, software } = opened;

function versionOf(name) {
  const file = new URL(`node_modules/${name}/package.json`, import.meta.url);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).version : undefined;
}
const rivalsHere = ["webgpu", "@jax-js/jax", "onnxruntime-web"];

/** `OneGpuResult` of table.ts, as bench/results has it. */
const result = {
  title: "GPU backends on one GPU, in turns within Node",
  note: software ? "No GPU was here: figures of software say nothing of a GPU." : "Measured on a GPU.",
  software,
  date: new Date().toISOString().slice(0, 10),
  cpu: cpus()[0]?.model.trim() ?? "",
  cores: cpus().length,
  versions: { Node: process.versions.node, ...Object.fromEntries(rivalsHere.map((name) => [name, versionOf(name)])) },
  gpu: device.adapterInfo?.device || opened.about,
  adapters: { Node: { about: opened.about, software } },
  limits: { binding: device.limits.maxStorageBufferBindingSize, buffer: device.limits.maxBufferSize },
};
console.error(JSON.stringify(result));
if (software && !small) throw new Error(`only ${opened.about} is here: --small is for software`);

/** Medians, and not how they came about. */
const brief = (key, value) => (["rounds", "inARow"].includes(key) ? undefined : (value?.median ?? value));

/** Kept as it grows, and told in short: a run that is cut off has told what it knew. */
function keep(name, value, told = value) {
  result[name] = value;
  result.seconds = Math.round((performance.now() - started) / 1000);
  console.error(`${result.seconds} s: ${name}: ${JSON.stringify(told, brief)}`);
  if (!process.env.OUT) return;
  mkdirSync(process.env.OUT, { recursive: true });
  writeFileSync(join(process.env.OUT, file), JSON.stringify(result, null, 2));
}

const rounds = small ? 2 : 7;
const wide = [768, 3072];
const shapes = small ? [wide] : [wide, [768, 2304], [768, 768], [3072, 768]];

/** One part after another, the most important first: who has little time stops when he likes. */
const parts = { largeProduct, sentences, model, otherProducts, kernels };

/** What rivals of pages look for in Node. */
function asInAPage() {
  Object.assign(globalThis, globals);
  Object.defineProperty(globalThis, "navigator", { value: { gpu: globalThis.gpu, userAgent: "Node" } });
  // onnxruntime-web writes out of memory it shares with threads, which Dawn for Node does not take.
  const { writeBuffer } = GPUQueue.prototype;
  GPUQueue.prototype.writeBuffer = function (buffer, at, data, from = 0, length = undefined) {
    if (!(data.buffer instanceof SharedArrayBuffer)) return writeBuffer.call(this, buffer, at, data, from, length);
    return writeBuffer.call(this, buffer, at, data.slice(from, length === undefined ? undefined : from + length));
  };
}

/** The product by which the backend is judged, beside those of others, of whom each has a device of its own. */
async function largeProduct() {
  const rivals = withOnnx ? { "onnxruntime-web, WebGPU": onnxProduct } : { "jax-js, WebGPU": jaxProduct };
  const how = { dist, opened, rivals, shapes: [wide], rounds, milliseconds: 150, patience: 5000, others: false };
  const { peak, tables } = await products({ ...how, tokens: [small ? 12 : 4096] });
  keep("peak", peak);
  keep("products", [...(result.products ?? []), ...tables], tables);
}

async function otherProducts() {
  const how = { dist, opened, shapes, rounds, milliseconds: 60, patience: 2000, others: false };
  const { peak, tables } = await products({ ...how, tokens: small ? [12] : [12, 256, 4096] });
  result.peak ??= peak;
  keep("products", [...(result.products ?? []), ...tables], tables);
}

/** By tokens, how many times as fast the kernel for few tokens is: FEW is where it falls below 1. */
async function kernels() {
  const tokens = small ? [1, 8, 16] : [1, 4, 8, 16, 24, 32, 48, 64, 96, 128];
  const how = { dist, opened, tokens, rounds: small ? 3 : 5, milliseconds: 30 };
  for (const shape of shapes) {
    const rows = await crossover({ ...how, shapes: [shape] });
    const told = rows.map(({ T, thin }) => `${T}: ${thin.ratio?.median ?? thin.wrong}`).join(", ");
    keep("crossover", [...(result.crossover ?? []), ...rows], `${shape}: ${told}`);
  }
}

/** A whole model beside onnxruntime-web, if MODEL names a folder of one: its files, onnx/model.onnx, works.json as `makeWorks` gives them. */
async function sentences() {
  const folder = process.env.MODEL;
  if (!folder) return;
  const { webgpu } = await import("../../dist/webgpu.js"); // which looks in navigator
  const { SentenceTransformer } = await import("../../dist/node/node.js");
  const backends = [
    { name: "munjang webgpu", gpu: { kind: "webgpu" } },
    { name: "munjang webgpu-float16", gpu: { kind: "webgpu", float16: true } },
  ];
  const works = JSON.parse(readFileSync(join(folder, "works.json"), "utf8"));
  const fused = join(folder, "onnx/model.onnx");
  const tables = await encodes({
    SentenceTransformer,
    opened: { webgpu: ({ float16 }) => webgpu({ float16, powerPreference: "high-performance" }) },
    model: folder,
    backends,
    works: small ? works.slice(0, 1) : works,
    ort: withOnnx ? await onnxruntime() : undefined,
    onnxFiles:
      withOnnx && existsSync(fused) ? { "onnxruntime-web, WebGPU, graph fused for BERT": readFileSync(fused) } : {},
    sizes: small ? [64] : [64, 256],
    rounds,
    patience: 5000,
  });
  const shape = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
  result.model = `${shape.num_hidden_layers} layers of ${shape.hidden_size}`;
  keep("encode", { Node: tables });
}

// A model, as the backend runs it, without tokenizer and pooling.
const config = {
  hiddenSize: small ? 128 : 768,
  layers: small ? 2 : 12,
  heads: small ? 2 : 12,
  intermediateSize: small ? 512 : 3072,
  vocabularySize: 2,
  positions: 512,
  types: 2,
  activation: "gelu",
  epsilon: 1e-12,
  paddingPosition: undefined,
  longestText: 512,
};

function batchOf(lengths) {
  const texts = lengths.map((length) => ({ ids: new Int32Array(length), typeIds: new Int32Array(length) }));
  const batch = layOut(texts, config);
  return { batch, words: bell(5)(batch.ids.length * config.hiddenSize, 0.05) };
}

const binding = Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize);
const room = Math.floor(binding / (4 * Math.max(3 * config.hiddenSize, config.intermediateSize)));
const most = (small ? [64, 128] : [256, 512, 1024, 2048, 4096, 8192, 16_384]).filter((tokens) => tokens <= room);

async function start(made, tokens) {
  const engine = inline(made);
  return engine.start(seededWeights(engine.kernels, config), config, tokens);
}

const contender = (name, runner, { batch, words }) => ({
  name,
  async run(n) {
    for (let i = 0; i < n; i++) await runner.run(batch, words);
  },
});

/** Of both kernels, with both kinds of weights, those that give what WebAssembly gives for a text. */
async function makeRunners(short, expected) {
  const size = Math.max(1, ...expected.map(Math.abs));
  const runners = [];
  for (const half of [false, true]) {
    for (const [kernel, limit] of [
      ["tile", 0],
      ["thin", 2 ** 30],
    ]) {
      const name = `webgpu${half ? "-float16" : ""}, ${kernel}`;
      const runner = await start(
        gpuKernels(device, { half, binding, few: limit }),
        kernel === "tile" ? most.at(-1) : 64,
      );
      const got = await runner.run(short.batch, short.words);
      let worst = 0;
      for (const [i, x] of expected.entries()) worst = Math.max(worst, Math.abs(got[i] - x));
      if (!(worst <= (half ? 5e-3 : 1e-4) * size)) throw new Error(`${name} is off by ${worst}`);
      runners.push({ name, kernel, worst, runner });
    }
  }
  return runners;
}

async function model() {
  result.model ??= `${config.layers} layers of ${config.hiddenSize}`;
  const short = batchOf([12]);
  const cpu = await start(await wasm(), 64);
  const runners = await makeRunners(short, await cpu.run(short.batch, short.words));
  const base = runners[0].name;
  const few = [
    ...runners.map(({ name, runner }) => contender(name, runner, short)),
    contender("wasm, 1 thread", cpu, short),
  ];
  const timings = await interleaved(few, { base, rounds, most: 8 });
  const worstOf = (name) => runners.find((one) => one.name === name)?.worst;
  keep(
    "short",
    timings.map((timing) => ({ worst: worstOf(timing.name), ...timing })),
  );

  /** By tokens of a batch: TOKENS is where more gain no more. Lengths of short sentences, and of long ones. */
  const batches = [];
  const tiles = runners.filter(({ kernel }) => kernel === "tile");
  for (const length of [10, 64]) {
    for (const tokens of most) {
      const work = batchOf(new Array(Math.floor(tokens / length)).fill(length));
      const count = work.batch.ids.length;
      const many = tiles.map(({ name, runner }) => contender(name, runner, work));
      const how = { base, rounds: small ? 2 : 5, milliseconds: 100, most: 8 };
      for (const { name, milliseconds } of await interleaved(many, how)) {
        const tokensPerSecond = Math.round((1000 * count) / milliseconds.median);
        batches.push({ length, tokens: count, name, milliseconds, tokensPerSecond });
      }
    }
  }
  const told = batches.map(({ length, tokens, name, tokensPerSecond }) =>
    [length, tokens, name, tokensPerSecond].join(" "),
  );
  keep("batches", batches, told);
}

asInAPage();
for (const [name, part] of Object.entries(parts)) {
  if (only && !only.includes(name)) continue;
  try {
    await part();
  } catch (error) {
    keep(`${name} failed`, `${error.stack ?? error}`.slice(0, 1000)); // the others may not
  }
}
device.destroy();
if (!process.env.OUT) console.log(JSON.stringify(result, null, 2));
process.exit(Object.keys(result).some((name) => name.endsWith(" failed")) ? 1 : 0); // Dawn's objects may hold the process open
