/**
 * Loading the full-size model (KR-SBERT's shape, 467 MB float32): in plain JavaScript from each container, in WebAssembly from safetensors
 * with and without workers. Time from `load` to the first vector, and resident memory above an empty process of the same Node, at its peak and
 * after the first vector, each in a process of its own, the file in the page cache.
 * `npm run bench:load` (With MUNJANG_PYTHON, a Python with torch, PyTorch's container is torch's own.)
 */
import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LoadOptions, Tensor } from "munjang";
import { convert } from "munjang/quantize";
import { writeSafetensors } from "munjang/safetensors";
import { rowMajor } from "../src/base/tensor.ts";
import { dict, int, pickle, tensor, text, torchZip, tuple } from "../test/hostile/make-pickle.ts";
import { seededConfig, seededShapes, seededTensor } from "../test/seeded/seeded.ts";
import { machine, spread } from "./measure.ts";
import { writeResult } from "./result.ts";

const ROUNDS = 5;
const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "munjang-load-"));

/** One process: loads, encodes one short sentence, says how long it took and how much memory is and ever was resident, in KiB. */
const CHILD = `
  const status = (key) => Number(RegExp(key + ":\\\\s+(\\\\d+)").exec(require("node:fs").readFileSync("/proc/self/status", "utf8"))[1]);
  const memory = () => ({ peak: status("VmHWM"), resident: status("VmRSS") });
  (async () => {
    const [, model, options] = process.argv;
    if (model === undefined) return console.log(JSON.stringify(memory()));
    const { SentenceTransformer } = await import("munjang");
    const start = performance.now();
    const engine = await SentenceTransformer.load(model, JSON.parse(options));
    const loaded = performance.now() - start;
    const [first] = await engine.encode("가");
    console.log(JSON.stringify({ loaded, vector: performance.now() - start, ...memory(), first }));
    await engine.dispose();
  })();
`;

interface Answer {
  readonly loaded: number;
  readonly vector: number;
  readonly peak: number;
  readonly resident: number;
  readonly first: number;
}

function child(...args: string[]): Answer {
  const { stdout, stderr, status } = spawnSync(process.execPath, ["-e", CHILD, ...args], {
    cwd: root,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

/** config.json and a vocabulary of 40,000 entries: everything but the weights. */
function base(name: string): string {
  const at = join(folder, name);
  mkdirSync(at);
  writeFileSync(join(at, "config.json"), JSON.stringify(seededConfig));
  const words = Array.from({ length: seededConfig.vocab_size - 5 }, (_, i) =>
    i < 11_172 ? String.fromCodePoint(0xac00 + i) : `##${i}`,
  );
  writeFileSync(join(at, "vocab.txt"), ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ...words].join("\n"));
  writeFileSync(join(at, "tokenizer_config.json"), '{"tokenizer_class": "BertTokenizer", "do_lower_case": false}');
  return at;
}

function* tensors(from: number, to: number): Generator<readonly [string, Tensor]> {
  for (const [name, shape] of [...seededShapes(seededConfig)].slice(from, to)) yield [name, seededTensor(name, shape)];
}

const names = [...seededShapes(seededConfig).keys()];
const whole = base("safetensors");
writeFileSync(join(whole, "model.safetensors"), writeSafetensors(tensors(0, names.length)));
const sharded = base("shards");
const SHARDS = 4;
const map: Record<string, string> = {};
for (let s = 0; s < SHARDS; s++) {
  const file = `model-${s + 1}-of-${SHARDS}.safetensors`;
  const [from, to] = [s, s + 1].map((i) => Math.round((i * names.length) / SHARDS));
  writeFileSync(join(sharded, file), writeSafetensors(tensors(from, to)));
  for (const name of names.slice(from, to)) map[name] = file;
}
writeFileSync(join(sharded, "model.safetensors.index.json"), JSON.stringify({ metadata: {}, weight_map: map }));
const models = new Map([
  ["safetensors", whole],
  ["shards", sharded],
]);
/** pytorch_model.bin as `torch.save` lays it out; every matrix as the transpose of what lies in the file, if asked. */
function writePytorch(name: string, transposed: boolean): void {
  const at = base(name);
  const storages: Record<string, Uint8Array> = {};
  const entries = names.map((tensorName, i) => {
    const { data, shape } = seededTensor(tensorName, seededShapes(seededConfig).get(tensorName)!);
    const turned = transposed && shape.length === 2;
    const [rows, columns] = shape;
    storages[i] = new Uint8Array(turned ? transpose(data, rows, columns).buffer : data.buffer);
    const stride = turned ? [1, rows] : rowMajor(shape);
    const numbers = (values: readonly number[]) => tuple(...values.map(int));
    const parts = { key: text(`${i}`), count: int(data.length), size: numbers(shape), stride: numbers(stride) };
    return [tensorName, tensor(parts)] as const;
  });
  writeFileSync(join(at, "pytorch_model.bin"), torchZip(pickle(dict(...entries)), storages).bytes);
  models.set(name, at);
}

function transpose(data: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(data.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = data[r * columns + c];
  return out;
}

const python = process.env.MUNJANG_PYTHON;
if (python === undefined) writePytorch("pytorch_model.bin", false);
else {
  const at = base("pytorch_model.bin");
  const script = "import sys,torch,safetensors.torch as s;torch.save(s.load_file(sys.argv[1]),sys.argv[2])";
  const files = [join(whole, "model.safetensors"), join(at, "pytorch_model.bin")];
  const { status, stderr } = spawnSync(python, ["-c", script, ...files]);
  if (status !== 0) throw new Error(String(stderr));
  models.set("pytorch_model.bin", at);
}
writePytorch("pytorch_model.bin, transposed", true);

try {
  const bytes = statSync(join(whole, "model.safetensors")).size;
  const cases = new Map<string, readonly [folder: string, options: LoadOptions]>();
  for (const [name, at] of models) cases.set(`js, ${name}`, [at, { backend: "js" }]);
  for (const threads of [0, 1, 2]) {
    cases.set(`wasm, safetensors, ${threads} worker${threads === 1 ? "" : "s"}`, [whole, { backend: "wasm", threads }]);
  }
  const int8 = join(folder, "int8");
  mkdirSync(int8);
  await convert(whole, {
    async create(path) {
      const file = join(int8, path);
      writeFileSync(file, "");
      const fd = openSync(file, "r+");
      return { write: (part, at) => void writeSync(fd, part, 0, part.length, at), close: () => closeSync(fd) };
    },
  });
  cases.set("wasm, int8, 0 workers", [int8, { backend: "wasm", threads: 0 }]);
  const sizeOf = (at: string): number => (at === int8 ? statSync(join(int8, "model.safetensors")).size : bytes);
  const before = Array.from({ length: 3 }, () => child());
  const [emptyPeak, emptyResident] = (["peak", "resident"] as const).map((key) =>
    Math.min(...before.map((one) => one[key])),
  );
  const runs = new Map<string, Answer[]>([...cases.keys()].map((name) => [name, []]));
  for (let round = -1; round < ROUNDS; round++) {
    for (const [name, [at, options]] of cases) {
      const answer = child(at, JSON.stringify(options));
      if (round >= 0) runs.get(name)?.push(answer);
    }
  }
  const results = [...runs].map(([name, answers]) => ({
    name,
    bytes: sizeOf(cases.get(name)?.[0] ?? whole),
    secondsToLoad: spread(answers.map(({ loaded }) => loaded / 1000)),
    secondsToFirstVector: spread(answers.map(({ vector }) => vector / 1000)),
    peakTimesFile: spread(
      answers.map(({ peak }) => ((peak - emptyPeak) * 1024) / sizeOf(cases.get(name)?.[0] ?? whole)),
    ),
    residentTimesFile: spread(
      answers.map(({ resident }) => ((resident - emptyResident) * 1024) / sizeOf(cases.get(name)?.[0] ?? whole)),
    ),
  }));
  // The backends differ in the last digits, int8 in the third, containers and threads in nothing.
  const firsts = new Set([...runs.values()].flat().map(({ first }) => first));
  if (firsts.size !== 3) throw new Error(`containers or threads disagree: ${[...firsts]}`);
  console.log(
    `${"".padEnd(36)}to load  to first vector (s, median)   memory, times the file of ${(bytes / 1e6).toFixed(0)} MB: peak, resident`,
  );
  for (const { name, secondsToLoad, secondsToFirstVector, peakTimesFile, residentTimesFile } of results) {
    const numbers = [secondsToLoad, secondsToFirstVector, peakTimesFile, residentTimesFile].map(({ median }) =>
      median.toFixed(2).padStart(9),
    );
    console.log(name.padEnd(34) + numbers.join(""));
  }
  const file = join(root, "bench/results/load.json");
  writeResult(file, { title: "load to first vector, peak memory", bytes, ...machine(), results });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
