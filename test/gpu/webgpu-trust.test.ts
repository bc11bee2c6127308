import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDevice } from "../../src/kernels/webgpu/device.ts";
import { setGpu } from "../../src/kernels/webgpu/find.ts";
import { type ModelError, SentenceTransformer } from "../../src/node.ts";
import { webgpu } from "../../src/node-webgpu.ts";
import { goldenFolder } from "../golden/read.ts";
import { tinyFiles } from "../tiny.ts";
import { altered, gpu, missing, newDevice } from "./dawn.ts";

/* When a GPU is not to be trusted: one that is lost, that is not there, or that computes wrongly. In Node, on Dawn. */

const skip = missing === undefined ? "" : ` (skipped: ${missing})`;
let device: GPUDevice;
beforeAll(async () => {
  if (missing === undefined) device = await newDevice();
});
afterAll(() => device?.destroy());

describe.skipIf(missing)(`a device that is lost${skip}`, () => {
  it("rejects what is under way, and the next call goes on with another", async () => {
    const devices: GPUDevice[] = [];
    /** The next submission is the device's last. */
    let cut = false;
    const files = tinyFiles();
    const loading = new AbortController();
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
    const model = await SentenceTransformer.load({ files }, { backend, verify: false, signal: loading.signal });
    loading.abort();
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

it.skipIf(missing)(
  `an error that nobody asked for is told once, to the call under way, and the next goes on${skip}`,
  async () => {
    let spoil = false;
    const submit: GPUQueue["submit"] = (commands) => {
      device.queue.submit(commands);
      if (spoil) device.createBuffer({ size: 16, usage: 0 });
      spoil = false;
    };
    const backend = webgpu({ device: async () => altered(device, { queue: altered(device.queue, { submit }) }) });
    const model = await SentenceTransformer.load({ files: tinyFiles() }, { backend, verify: false });
    const before = await model.encode("잠이 옵니다");
    spoil = true;
    await expect(model.encode("잠이 옵니다")).rejects.toThrow(/^backend: webgpu: .*usage/i);
    expect(await model.encode("잠이 옵니다")).toEqual(before);
    await model.dispose();
  },
);

describe("no GPU, or not enough of one", () => {
  const load = (options: object): Promise<SentenceTransformer> =>
    SentenceTransformer.load(goldenFolder("plain"), { backend: webgpu(options) });
  const adapter = (limits: object) =>
    ({
      info: { vendor: "some", architecture: "", device: "0x7f", description: "thing" },
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
    const named = {
      ...(adapter(enough) as object),
      info: { vendor: "0x10de", device: "kind-7", description: "thing" },
    };
    await expect(openDevice({ requestAdapter: async () => named } as never)).rejects.toThrow(
      / kind-7 thing gave no device/,
    );
    await expect(open({ ...enough, maxComputeWorkgroupStorageSize: 8192 })).rejects.toThrow(
      /needs maxComputeWorkgroupStorageSize of 16384; some thing has 8192/,
    );
    await expect(load({ device: async () => ({}) })).rejects.toThrow(/device: must give a GPUDevice/);
    setGpu(async () => gpu);
  });

  it("options that mean nothing are refused", async () => {
    expect(() => webgpu({ float16: 1 } as never)).toThrow(/float16/);
    expect(() => webgpu({ flaot16: true } as never)).toThrow(/^flaot16: is no option here; there are float16/);
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

  it.skipIf(missing)(`no memory for a mapped buffer is told as that, and a lost device as lost${skip}`, async () => {
    const poor = altered(device, {
      createBuffer: (descriptor) => {
        if (descriptor.mappedAtCreation) throw new RangeError("no room");
        return device.createBuffer(descriptor);
      },
    });
    await expect(load({ device: async () => poor })).rejects.toThrow(/not enough memory for this model.*no room/);
    const lost = await newDevice();
    lost.destroy();
    await lost.lost;
    await expect(load({ device: async () => lost })).rejects.toThrow(/^device: gave a device that is lost/);
  });

  it.skipIf(missing)(`no scope of errors stays open, and loads on a device take turns${skip}`, async () => {
    let [open, most] = [0, 0];
    const counted = altered(device, {
      pushErrorScope: (filter) => {
        most = Math.max(most, ++open);
        return device.pushErrorScope(filter);
      },
      popErrorScope: () => {
        open--;
        return device.popErrorScope();
      },
    });
    const backend = webgpu({ device: async () => counted });
    const files = { ...tinyFiles() };
    const one = (options: object = {}) =>
      SentenceTransformer.load({ files }, { backend, verify: false, ...options }).then((model) => model.dispose());
    await Promise.all([one(), one()]);
    await expect(one({ threads: 2 })).rejects.toThrow(/threads/);
    await expect(one({ signal: AbortSignal.abort() })).rejects.toThrow();
    await one();
    expect([open, most]).toEqual([0, 3]);
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
  /** The product for many tokens, beginning otherwise. */
  const inTile = (code: string, line: string): string =>
    code.replace("let firstToken = group.y * 64;", `let firstToken = group.y * 64; ${line}`);
  const load = (device: GPUDevice, options: object = {}): Promise<SentenceTransformer> =>
    SentenceTransformer.load(goldenFolder("plain"), { backend: webgpu({ device: async () => device }), ...options });

  it.each<[what: string, change: (code: string) => string, stage: RegExp]>([
    [
      "sums end after a thousand",
      (code) => code.replace("k < shape.rows", "k < min(shape.rows, 992u)"),
      /layer 0 output/,
    ],
    ["a bias is left out", (code) => code.replaceAll("a0 + ba", "a0"), /layer 0 qkv/],
    ["attention forgets a key", (code) => code.replace("j < here", "j < max(here, 2u) - 1"), /layer 0 context/],
    ["LayerNorm is a hundredth too large", (code) => code.replace("gain[h] *", "1.01 * gain[h] *"), /embeddings/],
    ["types are forgotten", (code) => code.replace("types[token.y", "types[0 * token.y"), /embeddings/],
    [
      "tokens behind the first tile are left out",
      (code) => inTile(code, "if (group.y > 0) { return; }"),
      /layer 0 qkv/,
    ],
    ["panels from the 48th on are left out", (code) => inTile(code, "if (group.x >= 48) { return; }"), /layer 0 wide/],
    [
      "the third head is the second",
      (code) => code.replace("let head = group.y", "let head = min(group.y, 1u)"),
      /layer 0 context/,
    ],
    [
      "attention stops after 64 keys",
      (code) => code.replace("first < block.z;", "first < min(block.z, block.y + 64u);"),
      /layer 0 context/,
    ],
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
