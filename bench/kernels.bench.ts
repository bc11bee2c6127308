/**
 * The matrix product, on the shape of KR-SBERT's square layers: [120,768] x [768,768], one thread. Correctness first: a kernel that is
 * wrong is not timed. `npm run bench:kernels`
 */
import { join } from "node:path";
import benny from "benny";
import type { Tensor } from "munjang";
import { js, type Kernels, reference } from "munjang/kernels"; // the build: what is measured is what ships
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
for (const kernels of [js(), reference()]) {
  const { run, result } = await product<unknown>(kernels as Kernels<unknown>);
  run();
  const worst = (await result()).reduce((most, v, i) => Math.max(most, Math.abs(v - exact[i])), 0);
  if (!(worst < 1e-5)) throw new Error(`${kernels.name} is off by ${worst}`);
  cases.push({ name: `munjang, backend ${kernels.name}`, run, amount: gflop });
}

const file = join(import.meta.dirname, `results/kernels-node${process.versions.node.split(".")[0]}.json`);
report(`[${T},${K}] x [${K},${N}], one thread`, "GFLOP", await interleaved(cases), file);

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
