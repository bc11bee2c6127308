/**
 * Loading the full-size model (KR-SBERT's shape, 467 MB float32) from each container: time from `load` to the first vector, and peak
 * resident memory above an empty process of the same Node, each in a process of its own, the file in the page cache.
 * `npm run bench:load` (With MUNJANG_PYTHON, a Python with torch, PyTorch's container is torch's own.)
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tensor } from "munjang";
import { writeSafetensors } from "munjang/safetensors";
import { rowMajor } from "../src/base/tensor.ts";
import { dict, int, pickle, tensor, text, torchZip, tuple } from "../test/hostile/make-pickle.ts";
import { seededConfig, seededShapes, seededTensor } from "../test/seeded/seeded.ts";
import { machine, spread } from "./measure.ts";

const ROUNDS = 5;
const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "munjang-load-"));

/** One process: loads, encodes one short sentence, says how long it took and how much memory was ever resident, in KiB. */
const CHILD = `
  const peak = () => Number(/VmHWM:\\s+(\\d+)/.exec(require("node:fs").readFileSync("/proc/self/status", "utf8"))[1]);
  (async () => {
    const [, model] = process.argv;
    if (model === undefined) return console.log(JSON.stringify({ peak: peak() }));
    const { SentenceTransformer } = await import("munjang");
    const start = performance.now();
    const engine = await SentenceTransformer.load(model, { backend: "js" });
    const loaded = performance.now() - start;
    const [first] = await engine.encode("가");
    console.log(JSON.stringify({ loaded, vector: performance.now() - start, peak: peak(), first }));
  })();
`;

interface Answer {
  readonly loaded: number;
  readonly vector: number;
  readonly peak: number;
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
writePytorch("the same, transposed", true);

try {
  const bytes = statSync(join(whole, "model.safetensors")).size;
  const empty = Math.min(...Array.from({ length: 3 }, () => child().peak));
  const runs = new Map<string, Answer[]>([...models.keys()].map((name) => [name, []]));
  for (let round = -1; round < ROUNDS; round++) {
    for (const [name, at] of models) {
      const answer = child(at);
      if (round >= 0) runs.get(name)?.push(answer);
    }
  }
  const results = [...runs].map(([name, answers]) => ({
    name,
    secondsToLoad: spread(answers.map(({ loaded }) => loaded / 1000)),
    secondsToFirstVector: spread(answers.map(({ vector }) => vector / 1000)),
    peakTimesFile: spread(answers.map(({ peak }) => ((peak - empty) * 1024) / bytes)),
  }));
  const firsts = new Set([...runs.values()].flat().map(({ first }) => first));
  if (firsts.size !== 1) throw new Error(`containers disagree: ${[...firsts]}`);
  console.log(
    `${"".padEnd(24)}to load  to first vector (s, median)   peak memory, times the file of ${(bytes / 1e6).toFixed(0)} MB`,
  );
  for (const { name, secondsToLoad, secondsToFirstVector, peakTimesFile } of results) {
    const numbers = [secondsToLoad, secondsToFirstVector, peakTimesFile].map(({ median }) =>
      median.toFixed(2).padStart(9),
    );
    console.log(name.padEnd(22) + numbers.join(""));
  }
  const file = join(root, "bench/results/load.json");
  writeFileSync(
    file,
    `${JSON.stringify({ title: "load to first vector, peak memory", bytes, ...machine(), results }, null, 2)}\n`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
