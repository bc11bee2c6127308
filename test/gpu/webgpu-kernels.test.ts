import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tensor } from "../../src/base/tensor.ts";
import { type GpuKernels, gpuKernels } from "../../src/kernels/webgpu/index.ts";
import { againstReference } from "../kernels/against-reference.ts";
import { randomNumbers } from "../random.ts";
import { missing, newDevice } from "./dawn.ts";

/* The kernels of munjang/webgpu one by one, in Node, on Dawn. The device is one for all: software adapters take seconds to compile shaders. */

const skip = missing === undefined ? "" : ` (skipped: ${missing})`;
let device: GPUDevice;
beforeAll(async () => {
  if (missing === undefined) device = await newDevice();
});
afterAll(() => device?.destroy());

const BINDING = 2 ** 27;
const FLOAT32 = 2 ** -24;
const make =
  (options: { half?: boolean; binding?: number; few?: number } = {}) =>
  (): GpuKernels =>
    gpuKernels(device, { half: false, binding: BINDING, few: 0, ...options });

describe.skipIf(missing)(`the kernels of webgpu against the naive ones${skip}`, () => {
  const tested = {
    accumulator: FLOAT32,
    // A bump of height 0.17 from some operations of a GPU, whose exp may be off by 3 + 2 |x| last places.
    activation: (act: string, x: number): number =>
      act === "relu" ? 0 : (32 * 0.17 + (act === "gelu" ? 0 : 4 * Math.max(x, 0))) * FLOAT32,
    least: 1.2e-38,
  };
  describe("for many tokens", () => againstReference({ ...tested, name: "webgpu", make: make() as never }));
  describe("for few tokens", () => againstReference({ ...tested, name: "webgpu", make: make({ few: 1e9 }) as never }));

  it("weights too large for a buffer are in parts, and give the same bits", async () => {
    const [T, K, N] = [5, 64, 200];
    const random = randomNumbers(1);
    const [x, w, b] = [random(T * K), random(N * K), random(N)];
    const run = async (kernels: GpuKernels): Promise<Float32Array> => {
      const [from, out] = [kernels.alloc(T * K), kernels.alloc(T * N)];
      kernels.write(from, x);
      kernels.linear(out, from, kernels.prepare(tensor(w, [N, K]), tensor(b, [N])), T, "gelu");
      const values = await kernels.read(out, T * N);
      await kernels.settled();
      return values;
    };
    const whole = await run(make()());
    for (const panels of [1, 2, 3]) {
      expect(await run(make({ binding: panels * 64 * 64 * 4 })())).toEqual(whole);
    }
    expect(() => make({ binding: 1000 })().prepare(tensor(w, [N, K]), tensor(b, [N]))).toThrow(/1000 bytes at most/);
  });

  it("weights of float16 are rounded once, and computed with as float32", async () => {
    const [T, K, N] = [3, 40, 8];
    const random = randomNumbers(2);
    // 1/8 steps below 4: exact in float16.
    const w = random(N * K).map((v) => Math.round(v * 8) / 8);
    const x = random(T * K);
    const values = await Promise.all(
      [false, true].map(async (half) => {
        const kernels = make({ half })();
        const [from, out] = [kernels.alloc(T * K), kernels.alloc(T * N)];
        kernels.write(from, x);
        kernels.linear(out, from, kernels.prepare(tensor(w, [N, K]), tensor(new Float32Array(N), [N])), T);
        return kernels.read(out, T * N);
      }),
    );
    expect(values[1]).toEqual(values[0]);
    const large = tensor(new Float32Array(4).fill(7e4), [1, 4]);
    expect(() => make({ half: true })().prepare(large, tensor(new Float32Array(1), [1]))).toThrow(
      /float16 = 70000: cannot hold/,
    );
  });

  it("stages read in between are those of their time", async () => {
    const kernels = make()();
    const [a, b] = [kernels.alloc(4), kernels.alloc(4)];
    const norm = { gain: kernels.alloc(4), shift: kernels.alloc(4), epsilon: 1 };
    kernels.write(norm.shift, Float32Array.of(1, 2, 3, 4));
    const before = kernels.read(norm.shift, 4);
    kernels.layerNorm(a, b, null, norm, 1, 4);
    const first = kernels.read(a, 4);
    kernels.write(norm.shift, Float32Array.of(5, 6, 7, 8));
    kernels.layerNorm(a, b, null, norm, 1, 4);
    expect(await kernels.read(a, 4)).toEqual(Float32Array.of(5, 6, 7, 8));
    expect(await first).toEqual(Float32Array.of(1, 2, 3, 4));
    expect(await before).toEqual(Float32Array.of(1, 2, 3, 4));
  });
});
