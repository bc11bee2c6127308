import { describe, expect, it } from "vitest";
import type { QuantisedTensor } from "../../src/base/tensor.ts";
import { tensor } from "../../src/base/tensor.ts";
import { js8 } from "../../src/kernels/js/int8.ts";
import type { Activation, Kernels } from "../../src/kernels/kernels.ts";
import { wasmOf } from "../../src/kernels/wasm/index.ts";
import { type Int8Plan, int8 } from "../../src/kernels/wasm/int8/index.ts";
import { moduleOf, variant } from "../../src/kernels/wasm/variants.ts";
import { randomNumbers } from "../random.ts";
import { hasRelaxed } from "./relaxed.ts";
import { benchOf, mixed, sameBits } from "./same-bits.ts";
import * as model from "./whole.ts";

/*
 * The very bits of products of whole numbers: every instruction choice, the code of both widths, and plain JavaScript, against the rules
 * written down one number at a time.
 */

/** V8 11 has relaxed SIMD behind a flag, and there its dot products of bytes are wrong. */
const RELAXED = hasRelaxed() && Number.parseInt(process.versions.v8 ?? "", 10) > 11;

const PLANS: readonly Int8Plan[] = [
  ...(RELAXED
    ? ([
        { bits: 7, dot: "add4" },
        { bits: 7, dot: "pairs4" },
      ] as const)
    : []),
  { bits: 7, dot: "pairs2" },
  { bits: 12, dot: "pairs2" },
];

/** A weight that uses all of -127 to 127, with a column and a row of zeros. */
function weightOf(seed: number, N: number, K: number): QuantisedTensor {
  const random = randomNumbers(seed);
  const data = Int8Array.from(random(N * K), (value) => Math.round(value * 127));
  for (let k = 0; k < K; k++) data[k] = 127 * (k % 2 === 0 ? 1 : -1);
  if (N > 2) data.fill(0, K, 2 * K);
  if (K > 2) for (let n = 0; n < N; n++) data[n * K + 2] = 0;
  const sum = Int32Array.from({ length: N }, (_, n) => data.subarray(n * K, (n + 1) * K).reduce((a, q) => a + q, 0));
  const positive = (values: Float32Array) => values.map((value) => Math.fround(Math.abs(value) + 0.01));
  return { data, shape: [N, K], scale: positive(random(N)), sum, balance: positive(random(K)) };
}

/** Rows of every kind: mixed signs, all positive, all negative, zeros, one that stands out, ties. */
function rowsOf(seed: number, T: number, K: number): Float32Array {
  const x = mixed(seed)(T * K);
  for (let t = 0; t < T; t++) {
    const row = x.subarray(t * K, (t + 1) * K);
    if (t % 6 === 1) row.set(row.map(Math.abs));
    if (t % 6 === 2) row.set(row.map((value) => -Math.abs(value)));
    if (t % 6 === 3) row.fill(0);
    if (t % 6 === 4) row[K - 1] = 300;
    if (t % 6 === 5) row.set(row.map((_, k) => ((k % 5) - 2) * 1e-43)); // a step that is no normal number
  }
  return x;
}

const ACTS: readonly (Activation | undefined)[] = [undefined, "gelu", "relu"];

async function check<B>(
  kernels: Kernels<B>,
  put: (values: Float32Array) => B,
  out: (length: number) => { at: B; read(): Promise<Float32Array> },
  { bits }: Pick<Int8Plan, "bits">,
  [T, K, N]: readonly [number, number, number],
  acts = ACTS,
): Promise<void> {
  const seed = T * 100003 + K * 101 + N;
  const weight = weightOf(seed, N, K);
  const x = rowsOf(seed, T, K);
  const bias = randomNumbers(seed + 1)(N);
  const act = acts[(T + K + N) % acts.length];
  const w = kernels.prepareWhole?.(weight, tensor(bias, [N])) as NonNullable<ReturnType<Kernels<B>["prepare"]>>;
  const y = out(T * N);
  kernels.linear(y.at, put(x), w, T, act);
  sameBits(await y.read(), model.linear8(x, weight, bias, T, bits, act), `${T} x ${K} x ${N} ${act}`);
}

const SIZES: (readonly [number, number, number])[] = [];
for (let T = 1; T <= 26; T++) SIZES.push([T, 20, 24]);
for (const K of [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 127, 130, 768]) SIZES.push([7, K, 9]);
for (const N of [1, 2, 7, 8, 9, 15, 16, 17, 63, 64, 65, 71, 72, 128, 130, 200]) SIZES.push([11, 12, N], [23, 12, N]);
SIZES.push([513, 24, 16], [1, 3072, 8], [30, 300, 70]);

describe.each(PLANS)("whole numbers of $bits bits by $dot", (plan) => {
  it.each([128, 256] as const)("the code of %i bits gives the numbers of the rules, to the bit", async (width) => {
    const kind = { ...variant("wasm", 128), int8: int8(plan, width) };
    const bench = benchOf(await wasmOf(new WebAssembly.Module(moduleOf(kind, false)), kind));
    for (const size of SIZES) await check(bench.kernels, bench.put, bench.out, plan, size);
  });
});

describe.each([7, 12] as const)("plain JavaScript with %i bits", (bits) => {
  it("gives the numbers of the rules, to the bit", async () => {
    const kernels = js8(bits);
    const out = (length: number) => {
      const at = new Float32Array(length).fill(Number.NaN);
      return { at, read: async () => at };
    };
    for (const size of SIZES) await check(kernels, (values) => values, out, { bits }, size, [undefined, "relu"]);
  });

  it("still computes with floats", async () => {
    const kernels = js8(bits);
    const w = kernels.prepare(tensor(Float32Array.of(1, 2, 3, 4), [2, 2]), tensor(Float32Array.of(0.5, -0.5), [2]));
    const out = new Float32Array(2);
    kernels.linear(out, Float32Array.of(10, 100), w, 1);
    expect([...out]).toEqual([210.5, 429.5]);
  });
});

describe("awkward rows", () => {
  const bits = [7, 12] as const;
  const both = async (of: 7 | 12): Promise<Kernels<unknown>[]> => {
    const kind = { ...variant("wasm", 128), int8: int8({ bits: of, dot: "pairs2" }, 128) };
    return [js8(of), await wasmOf(new WebAssembly.Module(moduleOf(kind, false)), kind)] as Kernels<unknown>[];
  };
  const run = async (kernels: Kernels<unknown>, x: Float32Array, weight: QuantisedTensor, T: number) => {
    const [N, K] = weight.shape;
    const w = kernels.prepareWhole?.(weight, tensor(new Float32Array(N), [N]));
    const [at, out] = [kernels.alloc(T * K), kernels.alloc(T * N)];
    kernels.write(at, x);
    kernels.linear(out, at, w as NonNullable<typeof w>, T);
    return kernels.read(out, T * N);
  };

  it.each(bits)("halves between two whole numbers go to the even one, %i bits", async (of) => {
    // Steps of 1: from -63.5 to 63.5, or to 2047 and 2047.
    const x = Float32Array.from({ length: 256 }, (_, k) =>
      of === 7 ? Math.min(k, 254) / 2 - 63.5 : k === 0 ? 2047 : k / 2,
    );
    const weight = { ...weightOf(1, 9, 256), balance: new Float32Array(256).fill(1) };
    for (const kernels of await both(of)) {
      sameBits(await run(kernels, x, weight, 1), model.linear8(x, weight, new Float32Array(9), 1, of), kernels.name);
    }
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "%d spoils its row, and no other",
    async (bad) => {
      for (const of of bits) {
        for (const at of [0, 5, 18, 21]) {
          const weight = weightOf(2, 9, 22);
          const x = mixed(3)(3 * 22);
          x[22 + at] = bad;
          for (const kernels of await both(of)) {
            const y = await run(kernels, x, weight, 3);
            expect([...y].map(Number.isNaN)).toEqual([...y].map((_, i) => i >= 9 && i < 18));
          }
        }
      }
    },
  );
});

describe("layers of more inputs than sums have room for", () => {
  const weight = (K: number): QuantisedTensor => ({
    data: new Int8Array(K),
    shape: [1, K],
    scale: Float32Array.of(1),
    sum: new Int32Array(1),
    balance: new Float32Array(K).fill(1),
  });
  const bias = tensor(new Float32Array(1), [1]);

  it.each([
    [7, 133_144],
    [12, 8260],
  ] as const)("with activations of %i bits, beyond %i", async (bits, most) => {
    const kind = { ...variant("wasm", 128), int8: int8({ bits, dot: "pairs2" }, 128) };
    const wasm = await wasmOf(new WebAssembly.Module(moduleOf(kind, false)), kind);
    for (const kernels of [js8(bits), wasm] as Kernels<unknown>[]) {
      const fits = kernels.name === "js" ? Math.min(most, 32_768) : most; // what its scratch has room for
      expect(() => kernels.prepareWhole?.(weight(fits), bias)).not.toThrow();
      expect(() => kernels.prepareWhole?.(weight(fits + 1), bias)).toThrow(/layers of at most \d+ inputs/);
      expect(() => kernels.prepareWhole?.(weight(most + 1), bias)).toThrow(
        `in = ${most + 1}: layers of at most ${most} inputs are exact with activations of ${bits} bits; use float32`,
      );
    }
    // The largest sum there can be is still exact.
    const largest = most * 127 * (bits === 7 ? 127 : 2047);
    expect(largest).toBeLessThan(2 ** 31);
    expect(largest + 127 * (bits === 7 ? 127 : 2047)).toBeGreaterThanOrEqual(2 ** 31 - 1);
  });
});

it.skipIf(!RELAXED)("instructions of relaxed SIMD were run: this engine has them", () => expect(PLANS).toHaveLength(4));
