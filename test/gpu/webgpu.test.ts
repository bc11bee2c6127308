import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BertModel } from "../../src/bert-model.ts";
import { SentenceTransformer } from "../../src/node.ts";
import { webgpu } from "../../src/node-webgpu.ts";
import { goldenFolder, goldenModels, readGolden } from "../golden/read.ts";
import { tinyFiles } from "../tiny.ts";
import { altered, missing, newDevice } from "./dawn.ts";
import { nearness } from "./near.ts";

/* Models on munjang/webgpu in Node, on Dawn. The device is one for all: software adapters take seconds to compile shaders. */

const skip = missing === undefined ? "" : ` (skipped: ${missing})`;
let device: GPUDevice;
beforeAll(async () => {
  if (missing === undefined) device = await newDevice();
});
afterAll(() => device?.destroy());

/** How near a model's vectors are to the golden ones. */
async function off(model: SentenceTransformer, name: string): Promise<{ worst: number; cosine: number }> {
  const golden = readGolden(name);
  const rows: Float32Array[] = [];
  for (const { text, prompt, promptName } of golden.texts) rows.push(await model.encode(text, { prompt, promptName }));
  return nearness(golden, rows);
}

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

  it.each(goldenModels())("%s, float16", async (name) => {
    const backend = webgpu({ float16: true, device: async () => device });
    const model = await SentenceTransformer.load(goldenFolder(name), { backend, verify: false, onWarning: () => {} });
    expect(model.identity.backend).toBe("webgpu-float16");
    const { worst, cosine } = await off(model, name);
    expect(worst).toBeLessThanOrEqual(5e-3);
    if (!/float16/.test(name)) expect(worst).toBeGreaterThan(1e-6); // rounded, where the weights were not of 16 bits before
    expect(cosine).toBeGreaterThanOrEqual(0.9999);
    await model.dispose();
  });
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
    await model.encode(texts[3]); // the shortest: longer ones find room
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
