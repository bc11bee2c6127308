/**
 * The matrix product, one thread: on the shape of KR-SBERT's square layers, [120,768] x [768,768]; each tile with its operands in the
 * first-level cache; and the 48 products of the model with weights from memory. Correctness first: a kernel that is wrong is not timed.
 * `npm run bench:kernels`
 */
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import benny from "benny";
import type { Tensor } from "munjang";
import { js, type Kernels, reference } from "munjang/kernels"; // the build: what is measured is what ships
import { wasmOf } from "../dist/kernels/wasm/index.js";
import type { Functions } from "../dist/kernels/wasm/module.js";
import { compile, type Variant, variant } from "../dist/kernels/wasm/variants.js";
import { randomNumbers } from "../test/random.ts";
import { type Case, interleaved, report } from "./measure.ts";

function tensor(data: Float32Array, shape: number[]): Tensor<Float32Array> {
  return { data, shape, stride: [shape[1] ?? 1, 1], offset: 0, dtype: "float32" };
}

const [T, K, N] = [120, 768, 768];
const random = randomNumbers(1);
const [x, weight, bias] = [random(T * K), random(N * K), random(N)];

/** The loop everybody writes first. */
function naive(out: Float32Array): void {
  for (let t = 0; t < T; t++) {
    for (let n = 0; n < N; n++) {
      let sum = bias[n];
      for (let k = 0; k < K; k++) sum += x[t * K + k] * weight[n * K + k];
      out[t * N + n] = sum;
    }
  }
}

async function product<B>(kernels: Kernels<B>): Promise<{ run: () => void; result: () => Promise<Float32Array> }> {
  const w = kernels.prepare(tensor(weight, [N, K]), tensor(bias, [N]));
  const from = kernels.alloc(T * K);
  const to = kernels.alloc(T * N);
  kernels.write(from, x);
  return { run: () => kernels.linear(to, from, w, T), result: () => kernels.read(to, T * N) };
}

const exact = new Float32Array(T * N);
naive(exact);
const gflop = (2 * T * K * N) / 1e9;
const cases: Case[] = [{ name: "naive loop over typed arrays", run: () => naive(exact), amount: gflop }];

/**
 * The variants of WebAssembly that this Node runs. Once V8 has been told to pair operations it does so with narrow code too, as soon as it
 * makes fast code of it: the wide ones are measured in a run of their own.
 */
const paired = process.argv.includes("--wide");
if (paired) setFlagsFromString("--experimental-wasm-revectorize");
interface Compiled {
  readonly name: string;
  readonly kind: Variant;
  readonly module: WebAssembly.Module;
}
const compiled: Compiled[] = [];
for (const name of ["wasm", "wasm-relaxed"] as const) {
  const kind = variant(name, paired ? 256 : 128);
  const { rows, rowsOfPairs, vectors } = kind.tile;
  const shape = rowsOfPairs === undefined ? "" : `, ${rowsOfPairs}x${8 * vectors}`;
  try {
    const module = await compile(kind, false);
    compiled.push({ name: `${name}, ${kind.width} bits, tile ${rows}x${4 * vectors}${shape}`, kind, module });
  } catch (error) {
    console.log(`skipped: ${name}, ${kind.width} bits: ${error}`);
  }
}
if (paired && compiled.length === 0) process.exit(0);

const inWebAssembly = async ({ module, kind, name }: Compiled) => ({ ...(await wasmOf(module, kind)), name });
for (const kernels of [js(), reference(), ...(await Promise.all(compiled.map(inWebAssembly)))]) {
  const { run, result } = await product<unknown>(kernels as unknown as Kernels<unknown>);
  run();
  const worst = (await result()).reduce((most, v, i) => Math.max(most, Math.abs(v - exact[i])), 0);
  // Results are near 16, so a last place is 1e-6: one for sums in float64, fifty for the chains of 256 in float32.
  if (!(worst < (kernels.name.startsWith("wasm") ? 5e-5 : 1e-5))) throw new Error(`${kernels.name} is off by ${worst}`);
  cases.push({ name: `munjang, backend ${kernels.name}`, run, amount: gflop });
}

const results = join(import.meta.dirname, "results");
const node = `${paired ? "wide-" : ""}node${process.versions.node.split(".")[0]}`;
report(
  `[${T},${K}] x [${K},${N}], one thread`,
  "GFLOP",
  await interleaved(cases),
  join(results, `kernels-${node}.json`),
);

// Each tile, rows and weights in the first-level cache.
const inCache = compiled.flatMap(({ name, kind, module }): Case[] => {
  const memory = new WebAssembly.Memory({ initial: 4, maximum: 4 });
  const { product } = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Functions;
  const { rows, rowsOfPairs } = kind.tile;
  return [rows, ...(rowsOfPairs === undefined ? [] : [4 * rowsOfPairs])].map((T) => ({
    name: `${name}: ${T} rows`,
    run: () => {
      for (let i = 0; i < 200; i++) product(3 * 65536, 0, 65536, 65536, T, 256, 2);
    },
    amount: (200 * 2 * T * 256 * 16) / 1e9,
  }));
});
report(
  "tiles in the first-level cache, one thread",
  "GFLOP",
  await interleaved(inCache),
  join(results, `tiles-${node}.json`),
);

// The products of a forward pass: 85 million weights, which no cache holds, at the numbers of rows that sentences and batches have.
const SHAPES = [
  [768, 2304],
  [768, 768],
  [768, 3072],
  [3072, 768],
] as const;
for (const one of compiled.filter(({ kind }) => kind.name === "wasm")) {
  const kernels = await inWebAssembly(one);
  const layers = Array.from({ length: 12 }, () =>
    SHAPES.map(([K, N]) =>
      kernels.prepare(tensor(new Float32Array(N * K).fill(0.01), [N, K]), tensor(new Float32Array(N), [N])),
    ),
  ).flat();
  const [from, to] = [kernels.alloc(256 * 3072), kernels.alloc(256 * 3072)];
  const passes = [5, 10, 20, 40, 60, 256].map((rows) => ({
    name: `${one.name}: ${rows} rows`,
    run: () => {
      for (const w of layers) kernels.linear(to, from, w, rows);
    },
    amount: (2 * rows * 84_934_656) / 1e9,
  }));
  const file = join(results, `products-${node}.json`);
  report(
    `the 48 products of KR-SBERT's shape, ${one.kind.width} bits, one thread`,
    "GFLOP",
    await interleaved(passes, 5),
    file,
  );
}

// The operations beside the product, with benny: what each costs a token.
const kernels = js();
const put = (length: number): Float32Array => random(length);
const [H, L] = [768, 20];
const batch = {
  ids: new Int32Array(L),
  typeIds: new Int32Array(L),
  positions: Int32Array.from({ length: L }, (_, t) => t),
  starts: Int32Array.of(0, L),
};
const [out, hidden, qkv, wide] = [put(L * 4 * H), put(L * H), put(L * 3 * H), put(L * 4 * H)];
const norm = { gain: put(H), shift: put(H), epsilon: 1e-12 };
const one = kernels.prepare(tensor(Float32Array.of(1), [1, 1]), tensor(Float32Array.of(0), [1]));
await benny.suite(
  `backend js, one sentence of ${L} tokens, hidden ${H}`,
  benny.add("attention, 12 heads", () => kernels.attention(out, qkv, batch, 12, H)),
  benny.add("layerNorm with residual", () => kernels.layerNorm(out, hidden, hidden, norm, L, H)),
  benny.add("gelu over [20, 3072]", () => kernels.linear(out, wide, one, L * 4 * H, "gelu")),
  benny.cycle(),
);
