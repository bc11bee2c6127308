import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tensor } from "../../src/base/tensor.ts";
import { BertModel } from "../../src/bert-model.ts";
import { openDevice } from "../../src/kernels/webgpu/device.ts";
import { setGpu } from "../../src/kernels/webgpu/find.ts";
import { type GpuKernels, gpuKernels } from "../../src/kernels/webgpu/index.ts";
import { type ModelError, SentenceTransformer } from "../../src/node.ts";
import { webgpu } from "../../src/node-webgpu.ts";
import { goldenFolder, goldenModels, readGolden } from "../golden/read.ts";
import { againstReference } from "../kernels/against-reference.ts";
import { randomNumbers } from "../random.ts";
import { tinyFiles } from "../tiny.ts";
import { altered, gpu, missing, newDevice } from "./dawn.ts";

/* munjang/webgpu in Node, on Dawn. The device is one for all tests that do not lose it: software adapters take seconds to compile shaders. */

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

/** Of all sentence vectors, the largest difference from float64, and the least cosine. */
async function off(model: SentenceTransformer, name: string): Promise<{ worst: number; cosine: number }> {
  const golden = readGolden(name);
  let [worst, cosine] = [0, 1];
  for (const { text, vector, prompt, promptName } of golden.texts) {
    const row = await model.encode(text, { prompt, promptName });
    let [dot, a, b] = [0, 0, 0];
    for (const [i, x] of row.entries()) {
      const want = vector.exact[i];
      const size = golden.outliers ? Math.max(1, ...vector.exact.map(Math.abs)) : 1;
      worst = Math.max(worst, Math.abs(x - want) / size);
      dot += x * want;
      a += x * x;
      b += want * want;
    }
    cosine = Math.min(cosine, dot / Math.sqrt(a * b));
    expect(row.length).toBe(vector.exact.length);
  }
  return { worst, cosine };
}

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

describe.skipIf(missing)(`the golden models on webgpu${skip}`, () => {
  it.each(goldenModels())("%s", async (name) => {
    const model = await SentenceTransformer.load(goldenFolder(name), {
      backend: webgpu({ device: async () => device }),
      verify: false, // has its own tests
      onWarning: () => {},
    });
    const { worst } = await off(model, name);
    expect(worst).toBeLessThanOrEqual(1e-4);
    await model.dispose();
  });

  it.each(["plain", "roberta", "medium"].filter((name) => goldenModels().includes(name)))(
    "%s, float16",
    async (name) => {
      const backend = webgpu({ float16: true, device: async () => device });
      const model = await SentenceTransformer.load(goldenFolder(name), { backend, verify: false });
      expect(model.identity.backend).toBe("webgpu-float16");
      const { worst, cosine } = await off(model, name);
      expect(worst).toBeLessThanOrEqual(5e-3);
      expect(worst).toBeGreaterThan(1e-6); // they are float16
      expect(cosine).toBeGreaterThanOrEqual(0.9999);
      await model.dispose();
    },
  );
});

describe.skipIf(missing)(`a model on webgpu${skip}`, () => {
  const texts = ["잠이 옵니다", "졸음이 옵니다", "기차가 옵니다, 그리고 아무도 자지 않습니다", "가", ""];

  it("is the same alone, among others, and in batches of any size", async () => {
    const backend = webgpu({ device: async () => device });
    const model = await SentenceTransformer.load(goldenFolder("plain"), { backend });
    expect(model.backend).toMatchObject({ name: "webgpu", threads: 0 });
    expect(model.backend.reason).toMatch(/^asked for: .*; the self-test was off by \d\.\de-\d$/);
    const all = await model.encode(texts);
    for (const [n, text] of texts.entries()) expect(await model.encode(text)).toEqual(all[n]);
    expect(await model.encode(texts, { tokensPerBatch: 3 })).toEqual(all);
    const calls = await Promise.all(texts.map((text) => model.encode(text)));
    expect(calls).toEqual(all);
    await model.dispose();
    await expect(model.encode("가")).rejects.toThrow(/disposed/);
  });

  it("hands over a whole forward pass at once, and makes nothing anew for the next", async () => {
    const counts = { submissions: 0, pipelines: 0, buffers: 0, groups: 0 };
    const queue = altered(device.queue, {
      submit: (commands) => {
        counts.submissions++;
        return device.queue.submit(commands);
      },
    });
    const counted = altered(device, {
      queue,
      createComputePipeline: (descriptor) => {
        counts.pipelines++;
        return device.createComputePipeline(descriptor);
      },
      createBuffer: (descriptor) => {
        counts.buffers++;
        return device.createBuffer(descriptor);
      },
      createBindGroup: (descriptor) => {
        counts.groups++;
        return device.createBindGroup(descriptor);
      },
    });
    const model = await SentenceTransformer.load(goldenFolder("plain"), {
      backend: webgpu({ device: async () => counted }),
      verify: false,
    });
    await model.encode(texts[2]);
    Object.assign(counts, { submissions: 0, pipelines: 0, buffers: 0, groups: 0 });
    await model.encode(texts[2]);
    expect(counts).toEqual({ submissions: 1, pipelines: 0, buffers: 0, groups: 0 });
    await model.encode(texts[0]);
    expect(counts).toEqual({ submissions: 2, pipelines: 0, buffers: 0, groups: 0 });
    await model.dispose();
  });

  it("a batch with more tokens than its buffers hold is taken apart", async () => {
    const model = await SentenceTransformer.load(goldenFolder("plain"), {
      backend: webgpu({ device: async () => device }),
    });
    const all = await model.encode(texts);
    await model.dispose();
    const { hidden_size: H, intermediate_size: I } = JSON.parse(new TextDecoder().decode(tinyFiles()["config.json"]));
    // Room for 20 tokens, and for a panel of weights.
    const maxBufferSize = Math.max(20 * 4 * Math.max(3 * H, I), 64 * 64 * 4);
    const small = altered(device, { limits: altered(device.limits, { maxBufferSize }) });
    const narrow = await SentenceTransformer.load(goldenFolder("plain"), {
      backend: webgpu({ device: async () => small }),
      tokensPerBatch: 512,
      maxSeqLength: 16,
      verify: false, // of layers that are wider
    });
    expect(await narrow.encode(texts.slice(0, 2))).toEqual(all.slice(0, 2));
    await narrow.dispose();
  });

  it("int8 weights are computed with as the floats they stand for", async () => {
    const options = { dtype: "int8", backend: webgpu({ device: async () => device }) } as const;
    const model = await SentenceTransformer.load(goldenFolder("plain"), options);
    const naive = await SentenceTransformer.load(goldenFolder("plain"), { dtype: "int8", backend: "reference" });
    const [a, b] = [await model.encode(texts), await naive.encode(texts)];
    for (const [n, row] of a.entries())
      for (const [i, x] of row.entries()) expect(Math.abs(x - b[n][i])).toBeLessThan(1e-4);
    await model.dispose();
  });

  it("gives its stages to whoever wants to see them", async () => {
    const seen: string[] = [];
    const model = await BertModel.load(goldenFolder("plain"), { backend: webgpu({ device: async () => device }) });
    await model.forward([{ ids: Int32Array.of(2, 5, 3) }], { see: (stage) => seen.push(stage) });
    expect(seen[0]).toBe("embeddings");
    expect(seen.at(-1)).toMatch(/^layer \d+ output$/);
    await model.dispose();
  });
});

describe.skipIf(missing)(`a device that is lost${skip}`, () => {
  it("rejects what is under way, and the next call goes on with another", async () => {
    const devices: GPUDevice[] = [];
    /** The next submission is the device's last. */
    let cut = false;
    const files = tinyFiles();
    const backend = webgpu({
      device: async () => {
        const one = await newDevice();
        devices.push(one);
        const submit: GPUQueue["submit"] = (commands) => {
          one.queue.submit(commands);
          if (cut) one.destroy();
          cut = false;
        };
        return altered(one, { queue: altered(one.queue, { submit }) });
      },
    });
    const model = await SentenceTransformer.load({ files }, { backend, verify: false });
    const before = await model.encode("잠이 옵니다");
    cut = true;
    const calls = ["가", "나", "다"].map((text) => model.encode(text));
    for (const result of await Promise.allSettled(calls)) {
      expect(result).toMatchObject({
        status: "rejected",
        reason: {
          name: "ModelError",
          message: expect.stringMatching(/^backend: webgpu: the GPU was lost \(.+\); what was under way is gone/),
        },
      });
    }
    await devices[0].lost;
    const again = await Promise.all([model.encode("잠이 옵니다"), model.encode("잠이 옵니다")]);
    expect(again).toEqual([before, before]);
    expect(devices.length).toBe(2);

    // Another model in the place of the first is not taken for it.
    const weights = files["model.safetensors"];
    for (let i = weights.length - 1; i > weights.length / 2; i -= 4) weights[i] ^= 0x80; // signs
    devices[1].destroy();
    await devices[1].lost;
    await expect(model.encode("가")).rejects.toThrow(/the model's files have changed/);
    await model.dispose();
    for (const one of devices) one.destroy();
  });
});

describe("no GPU, or not enough of one", () => {
  const load = (options: object): Promise<SentenceTransformer> =>
    SentenceTransformer.load(goldenFolder("plain"), { backend: webgpu(options) });
  const adapter = (limits: object) =>
    ({
      info: { vendor: "some", description: "thing" },
      limits,
      requestDevice: async () => Promise.reject(new Error("busy")),
    }) as never;

  it("is told", async () => {
    setGpu(async () => undefined);
    await expect(load({})).rejects.toThrow(/needs WebGPU, which this runtime has not got/);
    setGpu(async () => ({ requestAdapter: async () => null }) as never);
    await expect(load({})).rejects.toThrow(/found no GPU it would use/);
    setGpu(async () => ({ requestAdapter: async () => Promise.reject(new Error("blocked")) }) as never);
    await expect(load({})).rejects.toThrow(/refused an adapter: Error: blocked/);
    const enough = {
      maxComputeInvocationsPerWorkgroup: 128,
      maxComputeWorkgroupSizeX: 128,
      maxComputeWorkgroupStorageSize: 16_384,
      maxStorageBuffersPerShaderStage: 5,
      maxBufferSize: 2 ** 28,
      maxStorageBufferBindingSize: 2 ** 27,
    };
    const open = (limits: object) => openDevice({ requestAdapter: async () => adapter(limits) } as never);
    await expect(open(enough)).rejects.toThrow(/some thing gave no device: Error: busy/);
    await expect(open({ ...enough, maxComputeWorkgroupStorageSize: 8192 })).rejects.toThrow(
      /needs maxComputeWorkgroupStorageSize of 16384; some thing has 8192/,
    );
    await expect(load({ device: async () => ({}) })).rejects.toThrow(/device: must give a GPUDevice/);
    setGpu(async () => gpu);
  });

  it("options that mean nothing are refused", async () => {
    expect(() => webgpu({ float16: 1 } as never)).toThrow(/float16/);
    expect(() => webgpu({ powerPreference: "most" } as never)).toThrow(/powerPreference/);
    expect(() => webgpu({ device: {} } as never)).toThrow(/device/);
    if (missing !== undefined) return;
    const backend = webgpu({ device: async () => device });
    for (const [options, problem] of [
      [{ threads: 2 }, /threads = 2: cannot be had here/],
      [{ wide: true }, /wide = true: is for WebAssembly/],
    ] as const) {
      await expect(SentenceTransformer.load(goldenFolder("plain"), { backend, ...options })).rejects.toThrow(problem);
    }
  });

  it.skipIf(missing)(`too little memory is told when the model is loaded${skip}`, async () => {
    class GPUOutOfMemoryError extends Error {}
    const poor = altered(device, {
      popErrorScope: async () => {
        const error = await device.popErrorScope();
        return error ?? (new GPUOutOfMemoryError("4 GB") as never);
      },
    });
    await expect(load({ device: async () => poor })).rejects.toThrow(/not enough memory for this model/);
  });
});

describe.skipIf(missing)(`the self-test${skip}`, () => {
  /** A device whose shaders say something else. */
  const broken = (change: (code: string) => string): GPUDevice =>
    altered(device, {
      createShaderModule: (descriptor) => device.createShaderModule({ ...descriptor, code: change(descriptor.code) }),
      createComputePipeline: (descriptor) => device.createComputePipeline(descriptor),
    });
  const load = (device: GPUDevice, options: object = {}): Promise<SentenceTransformer> =>
    SentenceTransformer.load(goldenFolder("plain"), { backend: webgpu({ device: async () => device }), ...options });

  it.each<[what: string, change: (code: string) => string, stage: RegExp]>([
    [
      "sums end after a thousand",
      (code) => code.replace("k < shape.rows", "k < min(shape.rows, 992u)"),
      /layer 0 attention|layer 0 output|output/,
    ],
    ["a bias is left out", (code) => code.replaceAll("a0 + ba", "a0"), /layer 0 qkv/],
    ["attention forgets a key", (code) => code.replace("j < here", "j < max(here, 2u) - 1"), /layer 0 context/],
    ["LayerNorm is a hundredth too large", (code) => code.replace("gain[h] *", "1.01 * gain[h] *"), /embeddings/],
    ["types are forgotten", (code) => code.replace("types[token.y", "types[0 * token.y"), /embeddings/],
    ["a tail that is not GELU's", (code) => code.replace("0.30218455", "0.31218455"), /layer 0 wide/],
  ])("refuses a GPU where %s, with the figure", async (_, change, stage) => {
    const error: ModelError = await load(broken(change)).then(
      () => Promise.reject(new Error("it was taken")),
      (error) => error,
    );
    expect(error.message).toMatch(
      /^backend: webgpu computes wrongly here: .* differs from plain JavaScript by [\d.e-]+, and 0.0001 is allowed/,
    );
    expect(error.message).toMatch(stage);
    const model = await load(broken(change), { verify: false });
    await model.dispose();
  });

  it("tells what a shader that does not compile says", async () => {
    await expect(load(broken((code) => code.replace("fn main", "fn main(")))).rejects.toThrow(
      /^backend: webgpu: .*(WGSL|shader)/is,
    );
  });

  it("lets fastest take the next, and says so", async () => {
    const warnings: string[] = [];
    const wrong = webgpu({ device: async () => broken((code) => code.replaceAll("a0 + ba", "a0")) });
    const model = await SentenceTransformer.load(goldenFolder("plain"), {
      backend: "fastest",
      candidates: [wrong, "js"],
      onWarning: (warning) => warnings.push(warning),
    });
    expect(model.backend.name).toBe("js");
    expect(warnings).toEqual([
      expect.stringMatching(/^backend: fastest leaves webgpu out: webgpu computes wrongly here/),
    ]);
    expect(model.warnings).toEqual(warnings);
    await model.dispose();
  });

  it("fastest measures a GPU beside the others", async () => {
    const right = webgpu({ device: async () => device });
    const model = await SentenceTransformer.load(goldenFolder("plain"), {
      backend: "fastest",
      candidates: ["js", right],
    });
    expect(model.backend.figures?.map(({ name }) => name)).toEqual(["js", "webgpu"]);
    for (const { short, large } of model.backend.figures ?? []) {
      expect(short).toBeGreaterThan(0);
      expect(large).toBeGreaterThan(0);
    }
    await model.dispose();
  });
});
