import { describe, expect, it } from "vitest";
import type { Batch } from "../../src/base/batch.ts";
import { tensor } from "../../src/base/tensor.ts";
import type { Activation, Kernels } from "../../src/kernels/kernels.ts";
import { reference } from "../../src/kernels/reference.ts";
import { randomNumbers } from "../random.ts";
import { compareWithin } from "./bounds.ts";

/*
 * Every operation of a backend against the naive one, at sizes that are no multiple of any tile. Bounds are derived: the backend
 * stores float32, so an output may be half a unit in the last place of its own size off, plus what its accumulator loses on terms of the
 * size Σ|x·w|.
 */
export interface Tested {
  readonly name: string;
  readonly make: () => Kernels<unknown> | Promise<Kernels<unknown>>;
  /** Unit roundoff of its sums. */
  readonly accumulator: number;
  /** What an activation at x may be off, beside half a unit in the last place of the result. */
  readonly activation: (act: Activation, x: number) => number;
  /** The smallest number there is: GPUs have none below the normal ones, and know no NaN either. */
  readonly least?: number;
}

const SIZES = [1, 2, 3, 4, 5, 7, 8, 31, 33, 64, 127];
const FLOAT32 = 2 ** -24;

async function both<B>(
  make: () => Kernels<B> | Promise<Kernels<B>>,
  work: <C>(k: Kernels<C>, put: (values: Float32Array) => C) => { out: C; length: number },
): Promise<{ ours: Float32Array; exact: Float64Array }> {
  const k = await make();
  const ours = work(k, (values) => upload(k, values));
  const r = reference();
  const naive = work(r, (values) => upload(r, values));
  const values = await k.read(ours.out, ours.length);
  await k.dispose();
  return { ours: values, exact: naive.out.subarray(0, naive.length) };
}

function upload<B>(k: Kernels<B>, values: Float32Array): B {
  const buffer = k.alloc(values.length);
  k.write(buffer, values);
  return buffer;
}

/** Sentences of these lengths, end to end. */
function batchOf(lengths: readonly number[]): Batch {
  const starts = Int32Array.from([0, ...lengths.map((_, i) => lengths.slice(0, i + 1).reduce((a, b) => a + b, 0))]);
  const T = starts[lengths.length];
  const positions = Int32Array.from(lengths.flatMap((L) => Array.from({ length: L }, (_, t) => t)));
  return { ids: new Int32Array(T), positions, typeIds: Int32Array.from({ length: T }, (_, t) => t % 2), starts };
}

export function againstReference({ make, accumulator, activation, least = 1e-45 }: Tested): void {
  describe.each(SIZES)("linear, %i inputs", (K) => {
    it.each(SIZES.map((T, i) => [T, SIZES[(i * 4 + K) % SIZES.length]]))("%i tokens, %i outputs", async (T, N) => {
      const random = randomNumbers(T * 1000 + K * 10 + N);
      const x = random(T * K);
      const weight = random(N * K);
      const bias = random(N);
      const { ours, exact } = await both(make, (k, put) => {
        const out = put(new Float32Array(T * N).fill(Number.NaN));
        k.linear(out, put(x), k.prepare(tensor(weight, [N, K]), tensor(bias, [N])), T);
        return { out, length: T * N };
      });
      compareWithin(ours, exact, (i) => {
        const [t, n] = [Math.floor(i / N), i % N];
        let terms = Math.abs(bias[n]);
        for (let j = 0; j < K; j++) terms += Math.abs(x[t * K + j] * weight[n * K + j]);
        return FLOAT32 * Math.abs(exact[i]) + K * accumulator * terms + least;
      });
    });
  });

  it.each([1, 3, 4, 97])("linear, %i tokens of more inputs than one panel holds", async (T) => {
    const [K, N] = [9001, 5];
    const random = randomNumbers(T);
    const [x, weight, bias] = [random(T * K), random(N * K), random(N)];
    const { ours, exact } = await both(make, (k, put) => {
      const out = put(new Float32Array(T * N));
      k.linear(out, put(x), k.prepare(tensor(weight, [N, K]), tensor(bias, [N])), T);
      return { out, length: T * N };
    });
    compareWithin(ours, exact, (i) => FLOAT32 * Math.abs(exact[i]) + K * K * accumulator);
  });

  it.each<Activation>(["gelu", "gelu_tanh", "relu"])(
    "linear with %s, from the far negative tail to the far positive",
    async (act) => {
      const T = 4001;
      const x = Float32Array.from({ length: T }, (_, t) => (t - 2000) / 100); // -20 … 20
      const { ours, exact } = await both(make, (k, put) => {
        const out = put(new Float32Array(T));
        const identity = k.prepare(tensor(Float32Array.of(1), [1, 1]), tensor(Float32Array.of(0), [1]));
        k.linear(out, put(x), identity, T, act);
        return { out, length: T };
      });
      compareWithin(ours, exact, (i) => FLOAT32 * Math.abs(exact[i]) + activation(act, x[i]) + least);
    },
  );

  it.each([
    [1, 1],
    [2, 1],
    [6, 2],
    [7, 7],
    [15, 3],
    [33, 1],
    [64, 4],
  ])("attention, %i numbers in %i heads, sentences of every length", async (H, heads) => {
    const batch = batchOf([1, 2, 3, 5, 8, 31, 1, 130]);
    const T = batch.ids.length;
    const qkv = randomNumbers(H)(T * 3 * H).map((v) => v * 3);
    const { ours, exact } = await both(make, (k, put) => {
      const out = put(new Float32Array(T * H).fill(Number.NaN));
      k.attention(out, put(qkv), batch, heads, H);
      return { out, length: T * H };
    });
    // A mean of values up to 3, with weights whose exponents are sums of D products up to 9.
    compareWithin(ours, exact, (i) => FLOAT32 * Math.abs(exact[i]) + 3 * (9 * (H / heads) + 131) * 4 * accumulator);
  });

  it("attention survives scores that overflow exp, and scores all alike", async () => {
    const H = 4;
    const batch = batchOf([3, 2]);
    const qkv = new Float32Array(5 * 3 * H).fill(1);
    for (let t = 0; t < 3; t++) qkv.fill(t * 1e4, t * 3 * H, t * 3 * H + 2 * H); // scores up to 8e8
    const { ours, exact } = await both(make, (k, put) => {
      const out = put(new Float32Array(5 * H));
      k.attention(out, put(qkv), batch, 2, H);
      return { out, length: 5 * H };
    });
    compareWithin(ours, exact, () => 1e-7);
    expect(ours.slice(0, H)).toEqual(new Float32Array(H).fill(1));
  });

  it.each(SIZES)("layerNorm over %i numbers, with and without a residual, in place and not", async (H) => {
    const T = 7;
    const random = randomNumbers(H);
    const [x, residual, gain, shift] = [random(T * H), random(T * H), random(H), random(H)];
    for (const withResidual of [false, true]) {
      for (const inPlace of [false, true]) {
        const { ours, exact } = await both(make, (k, put) => {
          const at = put(x);
          const out = inPlace ? at : put(new Float32Array(T * H));
          k.layerNorm(
            out,
            at,
            withResidual ? put(residual) : null,
            { gain: put(gain), shift: put(shift), epsilon: 1e-12 },
            T,
            H,
          );
          return { out, length: T * H };
        });
        // Where the variance is nothing (H = 1) the deviation is rounding noise over the root of epsilon. A float32 backend rounds eight
        // times on the way to a number of at most |exact| + 1, and its mean of H numbers up to 2 is off by H roundings at most.
        compareWithin(
          ours,
          exact,
          (i) =>
            2 * FLOAT32 * (Math.abs(exact[i]) + 1) +
            accumulator * (8 * (Math.abs(exact[i]) + 1) + (H === 1 ? 0 : H)) +
            (H === 1 ? 2 ** -53 * 1e6 : 1e-12),
        );
      }
    }
  });

  it("layerNorm takes its epsilon from the model", async () => {
    const { ours, exact } = await both(make, (k, put) => {
      const out = put(new Float32Array(2));
      const norm = { gain: put(Float32Array.of(1, 1)), shift: put(new Float32Array(2)), epsilon: 0.5 };
      k.layerNorm(out, put(Float32Array.of(0.5, -0.5)), null, norm, 1, 2);
      return { out, length: 2 };
    });
    expect(exact[0]).toBeCloseTo(0.5 / Math.sqrt(0.75), 12);
    compareWithin(ours, exact, () => 1e-7);
  });

  it.each(SIZES)("embed, rows of %i numbers", async (H) => {
    const batch = batchOf([3, 1, 5]);
    const T = batch.ids.length;
    const random = randomNumbers(H);
    const [words, position, type] = [random(T * H), random(5 * H), random(2 * H)];
    const { ours, exact } = await both(make, (k, put) => {
      const out = put(new Float32Array(T * H).fill(Number.NaN));
      k.embed(out, put(words), { position: put(position), type: put(type) }, batch, H);
      return { out, length: T * H };
    });
    compareWithin(ours, exact, () => 3 * 2 * FLOAT32);
  });

  it.skipIf(least > 1e-45)("a NaN in an input comes out again, everywhere it belongs", async () => {
    const k = await make();
    const [T, K, N] = [5, 9, 4];
    const x = randomNumbers(1)(T * K);
    x[2 * K + 3] = Number.NaN;
    const out = k.alloc(T * N);
    for (const act of [undefined, "gelu", "gelu_tanh", "relu"] as const) {
      k.linear(
        out,
        upload(k, x),
        k.prepare(tensor(randomNumbers(2)(N * K), [N, K]), tensor(new Float32Array(N), [N])),
        T,
        act,
      );
      const got = await k.read(out, T * N);
      for (let i = 0; i < T * N; i++) expect(Number.isNaN(got[i]), `${act} ${i}`).toBe(Math.floor(i / N) === 2);
    }
    const qkv = new Float32Array(2 * 3 * 2).fill(1);
    qkv[0] = Number.NaN; // the first token's query
    k.attention(out, upload(k, qkv), batchOf([2]), 1, 2);
    expect(Array.from(await k.read(out, 4), Number.isNaN)).toEqual([true, true, false, false]);
  });

  it("a row's bits do not depend on the rows beside it", async () => {
    const k = await make();
    const [T, K, N] = [50, 70, 20];
    const x = randomNumbers(3)(T * K);
    const w = k.prepare(tensor(randomNumbers(4)(N * K), [N, K]), tensor(randomNumbers(5)(N), [N]));
    const out = k.alloc(T * N);
    k.linear(out, upload(k, x), w, T, "gelu");
    const together = await k.read(out, T * N);
    for (let t = 0; t < T; t++) {
      k.linear(out, upload(k, x.slice(t * K, (t + 1) * K)), w, 1, "gelu");
      expect(await k.read(out, N)).toEqual(together.slice(t * N, (t + 1) * N));
    }
  });
}
