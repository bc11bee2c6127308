import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { embeddingModel } from "../src/ai-sdk.ts";
import { featureTensor } from "../src/feature-tensor.ts";
import { embeddings } from "../src/langchain.ts";
import { embedding } from "../src/llamaindex.ts";
import { SentenceTransformer } from "../src/node.ts";
import { pipeline } from "../src/pipeline.ts";
import type { ModelSource } from "../src/source.ts";
import { openModel } from "../src/source.ts";
import { goldenFolder } from "./golden/read.ts";
import { tinyFiles } from "./tiny.ts";

/* What the adapters do by themselves; `npm run test:adapters` puts them into the packages that they are for. */

const PLAIN = goldenFolder("plain");
const TEXTS = ["잠이 옵니다", "졸음이 옵니다", "a"];
let loaded: SentenceTransformer;

beforeAll(async () => {
  loaded = await SentenceTransformer.load(PLAIN, { threads: 0 });
});
afterAll(() => loaded?.dispose());

/** A source that counts how often it was opened, fails as long as it is told to, and waits for a gate. */
function counted(): ModelSource & { opened: number; closed: number; broken: boolean; gate: Promise<void> } {
  const inner = openModel({ files: tinyFiles() }, {});
  const source = {
    name: "counted",
    opened: 0,
    closed: 0,
    broken: false,
    gate: Promise.resolve(),
    open: async (path: string) => {
      if (path === "modules.json") source.opened++;
      await source.gate;
      if (source.broken) throw new Error("out of order");
      return (await inner).open(path);
    },
    close: async () => void source.closed++,
  };
  return source;
}

describe("a model that is not loaded yet", () => {
  it("is loaded once by calls that come together, and not before", async () => {
    const source = counted();
    const model = embeddings(source, { threads: 0 });
    expect(source.opened).toBe(0);
    const [row, rows] = await Promise.all([model.embedQuery(TEXTS[0]), model.embedDocuments(TEXTS)]);
    const once = source.opened;
    expect(once).toBeGreaterThan(0);
    expect(rows[0]).toEqual(row);
    await model.embedQuery(TEXTS[1]);
    expect(source.opened).toBe(once);
    await model.dispose();
  });

  it("is tried again after a failure", async () => {
    const source = counted();
    const model = embedding(source, { threads: 0 });
    source.broken = true;
    await expect(model.getTextEmbedding("a")).rejects.toThrow("out of order");
    source.broken = false;
    expect(await model.getTextEmbedding("a")).toEqual([...(await loaded.encode("a"))]);
    await model.dispose();
  });

  it("is let go of by dispose, and loaded again when it is wanted again", async () => {
    const source = counted();
    const model = embeddings(source, { threads: 0 });
    await model.dispose(); // nothing is there yet
    expect(source.opened).toBe(0);
    const first = await model.embedQuery("a");
    const once = source.opened;
    await model.dispose();
    expect(source.closed).toBeGreaterThan(0);
    expect(await model.embedQuery("a")).toEqual(first);
    expect(source.opened).toBe(2 * once);
    await model.dispose();
  });

  it("need not be waited for: an abort ends the call, and not the loading", async () => {
    const source = counted();
    let open = (): void => {};
    source.gate = new Promise((resolve) => {
      open = resolve;
    });
    const model = embeddingModel(source, { threads: 0 });
    const controller = new AbortController();
    const call = model.doEmbed({ values: ["a"], abortSignal: controller.signal });
    const other = model.doEmbed({ values: ["a"] });
    controller.abort(new Error("enough"));
    await expect(call).rejects.toThrow("enough");
    open();
    expect((await other).embeddings).toEqual([[...(await loaded.encode("a"))]]);
    await model.dispose();
  });

  it("has its options checked at once", () => {
    expect(() => embeddings(PLAIN, { threads: -1 })).toThrow("threads");
    expect(() => embeddings(PLAIN, { truncateDim: 0 })).toThrow("truncateDim");
    expect(() => embeddings(PLAIN, { normalizeEmbeddings: "yes" } as never)).toThrow("normalizeEmbeddings");
    expect(() => embeddings(PLAIN, null as never)).toThrow("options");
    expect(() => embeddingModel(PLAIN, { specificationVersion: "v1" } as never)).toThrow("specificationVersion");
    expect(() => embeddingModel(PLAIN, null as never)).toThrow("options");
  });
});

describe("a name that no option has", () => {
  const wrong = { foo: 1 };

  it("is refused, with those there are", async () => {
    for (const model of [PLAIN, loaded]) {
      for (const adapter of [embeddingModel, embeddings, embedding] as ((
        model: unknown,
        options: object,
      ) => unknown)[]) {
        expect(() => adapter(model, wrong)).toThrow(/^foo: is no option here; there are .*truncateDim/);
      }
    }
    expect(() => embeddings(PLAIN, { promptName: "query" } as never)).toThrow("promptName: is no option here");
    expect(() => embeddings(PLAIN, { foo: undefined } as never)).not.toThrow();
    const call = embeddingModel(loaded).doEmbed({ values: ["a"], providerOptions: { munjang: wrong } });
    await expect(call).rejects.toThrow("foo: is no option here; there are prompt, promptName,");
    await expect(pipeline("feature-extraction", PLAIN, { session_options: {} } as never)).rejects.toThrow(
      "session_options: is no option here",
    );
    const extractor = await pipeline("feature-extraction", loaded);
    await expect(extractor("a", { poolin: "mean" } as never)).rejects.toThrow(
      "poolin: is no option here; there are pooling, normalize, quantize, precision, signal",
    );
  });
});

describe("similarity of LlamaIndex", () => {
  it("is that of the engine, of rows of zeros too", () => {
    const { similarity } = embedding(loaded);
    const [zeros, a, b] = [
      [0, 0],
      [1, 1],
      [3, -1],
    ];
    expect(similarity(zeros, a)).toBe(0);
    expect(similarity(zeros, zeros)).toBe(0);
    const [[own]] = loaded.similarity([Float32Array.from(a)], [Float32Array.from(b)]);
    expect(similarity(a, b)).toBeCloseTo(own, 6);
  });
});

describe("a model that was given", () => {
  it("is used as it is, and belongs to who gave it", async () => {
    const adapters = [embeddings(loaded), embedding(loaded), embeddingModel(loaded)];
    for (const { dispose } of adapters) await dispose();
    expect(await embeddings(loaded).embedQuery("a")).toEqual([...(await loaded.encode("a"))]);
  });

  it("takes the prompt that a call names in place of its own", async () => {
    const prompts = { query: "query: " };
    const model = embeddingModel(PLAIN, { threads: 0, prompts, prompt: "text: " });
    const providerOptions = { munjang: { promptName: "query" } };
    const named = await model.doEmbed({ values: ["a"], providerOptions });
    expect(named.embeddings).toEqual([[...(await loaded.encode("a", { prompt: prompts.query }))]]);
    expect(named.usage.tokens).toBe(loaded.tokenize(`${prompts.query}a`).ids.length);
    const own = await model.doEmbed({ values: ["a"] });
    expect(own.embeddings).toEqual([[...(await loaded.encode("a", { prompt: "text: " }))]]);
    await model.dispose();
  });

  it("takes no options of load any more", () => {
    expect(() => embeddings(loaded, { dtype: "int8" } as never)).toThrow("dtype: is for loading");
    expect(() => embeddingModel(loaded, { threads: 0 } as never)).toThrow("threads: is for loading");
    expect(() => embedding(loaded, { threads: undefined } as never)).not.toThrow();
  });

  it("names itself by its files, or by what it is told", () => {
    expect(embeddingModel(loaded).modelId).toBe(loaded.identity.model);
    expect(embeddingModel(loaded, { modelId: "mine" }).modelId).toBe("mine");
    expect(embeddingModel(PLAIN).modelId).toBe(PLAIN);
    expect(embeddingModel({ files: {} }).modelId).toBe("munjang");
  });
});

describe("pipeline", () => {
  it("takes the mean as encode does, to the bit, and what the model says with pooling model", async () => {
    const extractor = await pipeline("feature-extraction", loaded);
    const rows = (await loaded.encode(TEXTS)).map((row) => [...row]);
    expect((await extractor(TEXTS, { pooling: "mean" })).tolist()).toEqual(rows);
    const model = await pipeline("feature-extraction", goldenFolder("dense-chain"), { threads: 0 });
    const own = await model.model.encode(TEXTS);
    expect((await model(TEXTS, { pooling: "model" })).tolist()).toEqual(own.map((row) => [...row]));
    expect((await model(TEXTS, { pooling: "mean" })).dims[1]).not.toBe(own[0].length);
    await model.dispose();
  });

  it("takes a text alone as a list of one, and an empty list", async () => {
    const extractor = await pipeline("feature-extraction", loaded);
    const alone = await extractor(TEXTS[0], { pooling: "cls", normalize: true });
    expect(alone.dims).toEqual([1, loaded.dimension]);
    expect((await extractor([], { pooling: "mean" })).tolist()).toEqual([]);
    expect((await extractor([])).dims).toEqual([0, 0, loaded.dimension]);
  });

  it("shortens and normalises the model's own vectors where it is told to", async () => {
    const options = { truncateDim: 4, normalizeEmbeddings: true } as const;
    const extractor = await pipeline("feature-extraction", PLAIN, { threads: 0, ...options });
    const rows = (await loaded.encode(TEXTS, options)).map((row) => [...row]);
    expect((await extractor(TEXTS, { pooling: "model" })).tolist()).toEqual(rows);
    expect((await extractor([], { pooling: "model" })).dims).toEqual([0, 4]);
    await expect(extractor(TEXTS, { pooling: "mean" })).rejects.toThrow('give pooling: "model"');
    await extractor.dispose();
  });

  it("tells progress as Transformers.js does, and onProgress too", async () => {
    const progress_callback = vi.fn();
    const onProgress = vi.fn();
    const { dispose } = await pipeline("feature-extraction", PLAIN, { threads: 0, progress_callback, onProgress });
    const told = progress_callback.mock.calls.map(([info]) => info);
    expect(told.at(-1)).toEqual({ status: "ready", task: "feature-extraction", model: PLAIN });
    const weights = told.filter(({ file }) => file === "model.safetensors").at(-1);
    expect(weights).toMatchObject({ status: "progress", name: PLAIN, loaded: weights.total, progress: 100 });
    expect(onProgress).toHaveBeenCalledTimes(told.length - 1);
    await dispose();
  });

  it("knows the types of Transformers.js by their names there", async () => {
    const dtypes = { fp32: "float32", auto: "float32", q8: "int8", uint8: "int8", int8: "int8" } as const;
    for (const [dtype, identity] of Object.entries(dtypes)) {
      const options = { threads: 0, dtype: dtype as keyof typeof dtypes, device: "wasm", cache_dir: null } as const;
      const { model, dispose } = await pipeline("feature-extraction", PLAIN, options);
      expect(model.identity.dtype).toBe(identity);
      await dispose();
    }
  });

  it("refuses what it cannot mean", async () => {
    const refused = (options: object): Promise<unknown> => pipeline("feature-extraction", PLAIN, options);
    await expect(pipeline("summarization" as never, PLAIN)).rejects.toThrow("feature-extraction");
    await expect(pipeline("feature-extraction", PLAIN, null as never)).rejects.toThrow("options");
    await expect(refused({ device: "webgpu" })).rejects.toThrow("munjang/webgpu");
    await expect(refused({ dtype: "q4" })).rejects.toThrow('dtype = "q4"');
    await expect(refused({ progress_callback: 1 })).rejects.toThrow("progress_callback");
    const extractor = await pipeline("feature-extraction", loaded);
    await expect(extractor("a", { pooling: "median" } as never)).rejects.toThrow("pooling");
    await expect(extractor("a", { quantize: true })).rejects.toThrow("give a pooling");
    const five = await pipeline("feature-extraction", goldenFolder("odd-widths"), { threads: 0 });
    const bits = five("a", { pooling: "mean", quantize: true });
    await expect(bits).rejects.toThrow("multiple of 8");
    await expect(extractor([1] as never)).rejects.toThrow("input[0]");
    await five.dispose();
  });
});

describe("a tensor of features", () => {
  const tensor = featureTensor<number[][][], Float32Array>(
    Float32Array.from({ length: 12 }, (_, i) => i),
    [2, 3, 2],
  );

  it("is data with a shape", () => {
    expect(tensor).toMatchObject({ type: "float32", dims: [2, 3, 2], size: 12 });
    expect(tensor.tolist()).toEqual([
      [
        [0, 1],
        [2, 3],
        [4, 5],
      ],
      [
        [6, 7],
        [8, 9],
        [10, 11],
      ],
    ]);
  });

  it("has parts, by index and in a loop, which share the memory", () => {
    expect(tensor[1].tolist()).toEqual([
      [6, 7],
      [8, 9],
      [10, 11],
    ]);
    expect(tensor[1][2][0]).toBe(10);
    expect(tensor[1].data.buffer).toBe(tensor.data.buffer);
    expect(tensor[2]).toBeUndefined();
    expect([...tensor].map((part) => part.dims)).toEqual([
      [3, 2],
      [3, 2],
    ]);
    expect([...tensor[0][1]]).toEqual([2, 3]);
  });

  it("knows its type by its data", () => {
    expect(featureTensor(new Int8Array(2), [1, 2]).type).toBe("int8");
    expect(featureTensor(new Uint8Array(2), [1, 2]).type).toBe("uint8");
  });
});
