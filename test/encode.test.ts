import { readdirSync, readlinkSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { js } from "../src/kernels/index.ts";
import type { Kernels } from "../src/kernels/kernels.ts";
import {
  BertModel,
  BertTokenizer,
  type ModelFiles,
  type ModelSource,
  meanPooling,
  SentenceTransformer,
} from "../src/node.ts";
import { goldenFolder, goldenModels } from "./golden/read.ts";
import { randomNumbers } from "./random.ts";
import { tinyFiles, withJson } from "./tiny.ts";

const SENTENCES = [
  "잠이 옵니다",
  "",
  "기차가 옵니다",
  "The train is coming. ".repeat(9),
  "졸음이 옵니다",
  "🚂",
  "a",
  "아주 긴 문장 ".repeat(30),
];

/** Bits, so that -0 differs from 0 and nothing is "close". */
const bits = (row: Float32Array): Uint32Array => new Uint32Array(row.slice().buffer);

// The names before version 6 and since; several of the old ones stand side by side in this order.
it.each([
  ["cls_token", "cls"],
  ["max_tokens", "max"],
  ["mean_tokens", "mean"],
  ["mean_sqrt_len_tokens", "mean_sqrt_len_tokens"],
  ["weightedmean_tokens", "weightedmean"],
  ["lasttoken", "lasttoken"],
])("the pooling mode that was called pooling_mode_%s is %s", async (old, name) => {
  const model = (mode: object): Promise<SentenceTransformer> =>
    SentenceTransformer.load({ files: withJson(tinyFiles(), "1_Pooling/config.json", (json) => ({
      word_embedding_dimension: json.word_embedding_dimension ?? json.embedding_dimension, ...mode,
    })) }); // biome-ignore format: short
  const [before, since] = [await model({ [`pooling_mode_${old}`]: true }), await model({ pooling_mode: name })];
  expect(bits(await before.encode("졸음이 옵니다"))).toEqual(bits(await since.encode("졸음이 옵니다")));
});

describe.each(goldenModels())("one answer: %s", (name) => {
  it("a text's bits depend neither on its batch, nor on the budget, nor on the order", async () => {
    const model = await SentenceTransformer.load(goldenFolder(name));
    const alone: Float32Array[] = [];
    for (const sentence of SENTENCES) alone.push(await model.encode(sentence));
    const runs = [
      await model.encode(SENTENCES),
      await model.encode(SENTENCES, { tokensPerBatch: 1 }),
      await model.encode(SENTENCES, { tokensPerBatch: 7 }),
      (await model.encode([...SENTENCES].reverse())).reverse(),
      (await model.encode([...SENTENCES, ...SENTENCES])).slice(SENTENCES.length),
    ];
    for (const rows of runs) expect(rows.map(bits)).toEqual(alone.map(bits));
    await model.dispose();
  });

  it("encode and the pieces agree to the bit", async () => {
    const model = await SentenceTransformer.load(goldenFolder(name), { prompts: {} });
    const tokenizer = await BertTokenizer.load(goldenFolder(name));
    const bert = await BertModel.load(goldenFolder(name));
    const encodings = SENTENCES.map((s) => tokenizer.encode(s, { maxLength: model.maxSeqLength }));
    const { tokenEmbeddings } = await bert.forward(encodings);
    const [, L, H] = tokenEmbeddings.shape;
    const all = await model.encode(encodings, { outputValue: "all" });
    for (const [n, { tokenEmbeddings: own }] of all.entries()) {
      if (name.includes("dense-on-tokens")) break; // there the model's own modules change the tokens
      const rows = tokenEmbeddings.data.subarray(n * L * H, n * L * H + own.data.length);
      expect(bits(own.data)).toEqual(bits(rows));
    }
    await Promise.all([model.dispose(), bert.dispose()]);
  });
});

function mapped<V>(
  files: Record<string, Uint8Array<ArrayBuffer>>,
  change: (bytes: Uint8Array<ArrayBuffer>, path: string) => V,
): Record<string, V> {
  return Object.fromEntries(Object.entries(files).map(([path, bytes]) => [path, change(bytes, path)]));
}

describe("encode", () => {
  let model: SentenceTransformer;
  beforeAll(async () => {
    model = await SentenceTransformer.load(goldenFolder("plain"), { tokensPerBatch: 64 });
  });
  afterAll(() => model.dispose());
  const many = Array.from({ length: 200 }, (_, i) => SENTENCES[i % SENTENCES.length] + i);

  it("nothing gives nothing", async () => expect(await model.encode([])).toEqual([]));

  it("one text gives a row, a list of one a list of one", async () => {
    const row = await model.encode("잠이 옵니다");
    expect(row).toBeInstanceOf(Float32Array);
    expect(row.length).toBe(model.dimension);
    expect(await model.encode(["잠이 옵니다"])).toEqual([row]);
  });

  it("rows own their memory", async () => {
    const [a, b] = await model.encode(["a", "b"]);
    expect(a.buffer).not.toBe(b.buffer);
    expect(a.buffer.byteLength).toBe(4 * model.dimension);
  });

  it("a text that is there more than once is computed once, and every row is its own", async () => {
    const tokens: number[] = [];
    const counting: Kernels<Float32Array> = {
      ...js(),
      embed(...args) {
        tokens.push(args[3].ids.length);
        js().embed(...args);
      },
    };
    const other = await SentenceTransformer.load(goldenFolder("plain"), { backend: counting });
    const [a, b] = SENTENCES;
    const progress: number[] = [];
    const rows = await other.encode([a, b, a, a, b], { onProgress: ({ done }) => progress.push(done) });
    expect(tokens.reduce((sum, n) => sum + n)).toBe(other.tokenize(a).ids.length + other.tokenize(b).ids.length);
    expect(progress.at(-1)).toBe(5);
    expect([rows[2], rows[3]].map(bits)).toEqual([rows[0], rows[0]].map(bits));
    expect(bits(rows[4])).toEqual(bits(rows[1]));
    expect(new Set(rows.map((row) => row.buffer)).size).toBe(5);
    await other.dispose();
  });

  it("takes encodings as it takes texts, padded or not", async () => {
    const encodings = model.tokenizer.encodeBatch(SENTENCES, { padding: true, maxLength: model.maxSeqLength });
    expect((await model.encode(encodings)).map(bits)).toEqual((await model.encode(SENTENCES)).map(bits));
  });

  it("calls that overlap give the bits of calls one after the other", async () => {
    const sequential: Float32Array[][] = [];
    for (let i = 0; i < 4; i++) sequential.push(await model.encode(many.slice(i * 50, i * 50 + 50)));
    const overlapping = await Promise.all([0, 1, 2, 3].map((i) => model.encode(many.slice(i * 50, i * 50 + 50))));
    expect(overlapping.map((rows) => rows.map(bits))).toEqual(sequential.map((rows) => rows.map(bits)));
  });

  it("calls that overlap wait for each other on a backend that answers later, as GPUs do", async () => {
    const late: Kernels<Float32Array> = {
      ...js(),
      read: (from, length) => new Promise((resolve) => setTimeout(() => resolve(from.slice(0, length)), 1)),
    };
    const other = await SentenceTransformer.load(goldenFolder("plain"), { backend: late, tokensPerBatch: 64 });
    const sequential: Float32Array[] = [];
    for (const sentence of SENTENCES) sequential.push(await other.encode(sentence));
    const overlapping = await Promise.all(SENTENCES.map((sentence) => other.encode(sentence)));
    expect(overlapping.map(bits)).toEqual(sequential.map(bits));
    await other.dispose();
  });

  it("takes turns batch by batch: a short call does not wait for a long one to end", async () => {
    const order: string[] = [];
    const long = model.encode(many).then(() => order.push("long"));
    const short = model.encode("짧다").then(() => order.push("short"));
    await Promise.all([long, short]);
    expect(order).toEqual(["short", "long"]);
  });

  it("lets timers run between batches", async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 0);
    await model.encode([...many, ...many, ...many, ...many]);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(0);
  });

  it("lets timers run between any two batches, even when called from one", async () => {
    const mini = await SentenceTransformer.load("munjang-mini-ko", { tokensPerBatch: 64 });
    await new Promise((resolve) => setTimeout(resolve, 1));
    const events: string[] = [];
    const timer = setInterval(() => events.push("tick"), 1);
    await mini.encode(many.slice(0, 60), { onProgress: () => events.push("batch") });
    clearInterval(timer);
    await mini.dispose();
    expect(events.filter((event) => event === "batch").length).toBeGreaterThan(5);
    expect(events.join(" ")).not.toContain("batch batch");
  });

  it("loads from a source written as a class", async () => {
    const files = tinyFiles();
    class Source implements ModelSource {
      readonly name = "a class";
      async open(path: string): Promise<ArrayBuffer | undefined> {
        return files[path]?.slice().buffer;
      }
      async close(): Promise<void> {}
    }
    const other = await SentenceTransformer.load(new Source());
    expect((await other.encode(SENTENCES)).map(bits)).toEqual((await model.encode(SENTENCES)).map(bits));
    await other.dispose();
  });

  it("encodeQuery with promptName undefined still asks a query", async () => {
    const prompted = await SentenceTransformer.load(goldenFolder("prompts"));
    expect(bits(await prompted.encodeQuery("잠", { promptName: undefined }))).toEqual(
      bits(await prompted.encodeQuery("잠")),
    );
    expect(bits(await prompted.encodeQuery("잠"))).not.toEqual(bits(await prompted.encodeDocument("잠")));
    await prompted.dispose();
  });

  it("reports progress: rising, and ending at all", async () => {
    const seen: number[] = [];
    await model.encode(many, {
      onProgress: ({ done, total }) => {
        expect(total).toBe(many.length);
        seen.push(done);
      },
    });
    expect(seen.length).toBeGreaterThan(10);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(many.length);
  });

  it("an abort before the work, and one in the middle, reject with their reason", async () => {
    const reason = new Error("changed my mind");
    await expect(model.encode(many, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const control = new AbortController();
    let batches = 0;
    const work = model.encode(many, {
      signal: control.signal,
      onProgress: () => {
        if (++batches === 3) control.abort(reason);
      },
    });
    await expect(work).rejects.toBe(reason);
    expect(batches).toBe(3);
    expect(await model.encode("still works")).toBeInstanceOf(Float32Array);
  });

  it("an abort while texts are read", async () => {
    const control = new AbortController();
    const texts = new Array<string>(50_000).fill("잠이 옵니다");
    setTimeout(() => control.abort(), 1);
    await expect(model.encode(texts, { signal: control.signal })).rejects.toThrow("abort");
  });

  it("dispose in the middle of a call rejects it, and waits for its batch", async () => {
    const other = await SentenceTransformer.load(goldenFolder("plain"), { tokensPerBatch: 64 });
    const work = expect(other.encode(many)).rejects.toThrow("disposed of");
    await new Promise((resolve) => setTimeout(resolve, 2));
    await other.dispose();
    await work;
  });

  it("a vector that is not a number names its text", async () => {
    const broken: Kernels<Float32Array> = {
      ...js(),
      read: async (from, length) => {
        const values = from.slice(0, length);
        values[length - 1] = Number.NaN; // in the last sentence of the batch
        return values;
      },
    };
    const other = await SentenceTransformer.load(goldenFolder("plain"), { backend: broken });
    await expect(other.encode(["a longer text stands first in its batch", "b"])).rejects.toThrow("input[1]");
    await other.dispose();
  });

  it("streams rows in order from any iterable, without reading it all first", async () => {
    const expected = await model.encode(many);
    let taken = 0;
    async function* source(): AsyncGenerator<string> {
      for (let i = 0; ; i++) {
        taken++;
        yield many[i % many.length];
      }
    }
    const rows: Float32Array[] = [];
    for await (const row of model.encodeStream(source())) {
      rows.push(row);
      if (rows.length === many.length) break;
    }
    expect(rows.map(bits)).toEqual(expected.map(bits));
    expect(taken).toBeLessThan(many.length + 600);
    const fromList: Float32Array[] = [];
    for await (const row of model.encodeStream(many)) fromList.push(row);
    expect(fromList.map(bits)).toEqual(expected.map(bits));
  });

  it("streams what has come while the source is slow", async () => {
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    async function* slow(): AsyncGenerator<string> {
      yield "first";
      await gate;
      yield "second";
    }
    const stream = model.encodeStream(slow());
    expect((await stream.next()).value).toBeInstanceOf(Float32Array); // would hang if it waited for a full window
    release();
    expect((await stream.next()).value).toBeInstanceOf(Float32Array);
    expect((await stream.next()).done).toBe(true);
  });

  it("gives no bytes for no texts", async () => {
    for (const precision of ["int8", "uint8", "binary", "ubinary"] as const) {
      expect(await model.encode([], { precision })).toEqual([]);
    }
  });

  it("takes ids with more padding than there is room for texts", async () => {
    const encoding = model.tokenizer.encodeBatch(["잠이 옵니다"], { padding: "max_length", maxLength: 5000 });
    expect(encoding[0].ids.length).toBe(5000);
    expect(await model.encode(encoding)).toEqual([await model.encode("잠이 옵니다")]);
  });

  it("leaves an idle source at once, and obeys an abort while it idles", async () => {
    async function* idle(): AsyncGenerator<string> {
      yield "first";
      await new Promise(() => {}); // for ever
    }
    for await (const row of model.encodeStream(idle())) {
      expect(row).toBeInstanceOf(Float32Array);
      break;
    }
    const reason = new Error("enough");
    const control = new AbortController();
    const stream = model.encodeStream(idle(), { signal: control.signal });
    await stream.next();
    setTimeout(() => control.abort(reason), 5);
    await expect(stream.next()).rejects.toBe(reason);
  });

  it("streams rows in every precision, the bytes of encode, and says how far it is", async () => {
    const texts = [...many, ...many, ...many]; // more than two windows
    const vectors = await model.encode(texts);
    const ranges = {
      least: new Float32Array(model.dimension).fill(-1),
      most: new Float32Array(model.dimension).fill(1),
    };
    for (const precision of ["float32", "int8", "uint8", "binary", "ubinary"] as const) {
      const expected = await model.encode(texts, { precision, ranges });
      const seen: { done: number; total: number }[] = [];
      const rows: unknown[] = [];
      const options = { precision, ranges, onProgress: (at: { done: number; total: number }) => void seen.push(at) };
      for await (const row of model.encodeStream(texts, options)) rows.push(row);
      expect(rows, precision).toEqual(expected);
      expect(rows.every((row) => (row as object).constructor === (expected[0] as object).constructor)).toBe(true);
      expect(seen.map(({ done }) => done)).toEqual([...new Set(seen.map(({ done }) => done))].sort((a, b) => a - b));
      expect(seen.at(-1)).toEqual({ done: texts.length, total: texts.length });
      for (const { done, total } of seen) expect(done).toBeLessThanOrEqual(total);
    }
    // Bits need no ranges, so each row is what it is alone.
    const rows: Uint8Array[] = [];
    for await (const row of model.encodeStream(texts, { precision: "ubinary" })) rows.push(row);
    expect(rows[7]).toEqual(await model.encode(texts[7], { precision: "ubinary" }));
    expect(vectors.length).toBe(rows.length);
  });

  it("closes its source when it is left", async () => {
    let closed = false;
    function* source(): Generator<string> {
      try {
        for (;;) yield "again";
      } finally {
        closed = true;
      }
    }
    for await (const _ of model.encodeStream(source())) break;
    expect(closed).toBe(true);
  });

  it.skipIf(process.platform !== "linux")("keeps no more than the weights open for it", async () => {
    const open = (): string[] =>
      readdirSync("/proc/self/fd").flatMap((fd) => {
        try {
          return [readlinkSync(`/proc/self/fd/${fd}`)];
        } catch {
          return []; // closed meanwhile
        }
      });
    const within = (): string[] => open().filter((path) => path.includes("golden/models/dense-chain"));
    const other = await SentenceTransformer.load(goldenFolder("dense-chain"), { rows: "source" });
    expect(
      within()
        .map((path) => path.slice(path.lastIndexOf("/") + 1))
        .filter((name) => name !== "model.safetensors"),
    ).toEqual([]);
    expect(within().length).toBeGreaterThan(0);
    await other.dispose();
    expect(within()).toEqual([]);
  });

  it("reads the word table from its file with the same bits", async () => {
    const other = await SentenceTransformer.load(goldenFolder("plain"), { rows: "source" });
    expect((await other.encode(SENTENCES)).map(bits)).toEqual((await model.encode(SENTENCES)).map(bits));
    expect(other.identity).toEqual(model.identity);
    await other.dispose();
  });

  it("loads from every form of bytes in memory, with the same bits", async () => {
    const files = tinyFiles();
    const forms: ModelFiles["files"][] = [
      files,
      mapped(files, (bytes) => Buffer.from(bytes)), // a view of a pool
      mapped(files, (bytes) => bytes.slice().buffer),
      mapped(files, (bytes) => new Blob([bytes])),
      mapped(files, (bytes, path) => (path.endsWith(".safetensors") ? bytes : new TextDecoder().decode(bytes))),
      mapped(files, (_, path) => pathToFileURL(join(goldenFolder("plain"), path))),
      mapped(
        files,
        (bytes) => new URL(`data:application/octet-stream;base64,${Buffer.from(bytes).toString("base64")}`),
      ),
    ];
    const expected = (await model.encode(SENTENCES)).map(bits);
    for (const form of forms) {
      const other = await SentenceTransformer.load({ files: form });
      expect((await other.encode(SENTENCES)).map(bits)).toEqual(expected);
      await other.dispose();
    }
  });

  it("tells what it is", async () => {
    expect(model.backend).toMatchObject({ name: "wasm", threads: Math.min(availableParallelism(), 8), width: 128 });
    expect(model.backend.reason).toMatch(/^auto: /);
    expect(model.identity).toMatchObject({
      numerics: 1,
      backend: "wasm",
      dtype: "float32",
      pooling: "mean",
      prompt: "",
    });
    expect(model.identity.model).toMatch(/^[0-9a-f]{64}$/);
    const other = await SentenceTransformer.load(goldenFolder("relu-one-type"));
    expect(other.identity.model).not.toBe(model.identity.model);
    await other.dispose();
  });

  it("says what was cut", () => {
    expect(model.tokenize("잠이 옵니다 ".repeat(1000))).toMatchObject({ truncated: true });
    const [short, long] = model.tokenize(["잠이", "잠이 옵니다 ".repeat(1000)]);
    expect([short.truncated, long.truncated]).toEqual([false, true]);
    expect(long.ids.length).toBe(model.maxSeqLength);
  });

  it("reports what it reads while loading", async () => {
    const files = new Map<string, number>();
    const other = await SentenceTransformer.load(goldenFolder("plain"), {
      onProgress: ({ file, loaded, total }) => {
        expect(loaded).toBeLessThanOrEqual(total);
        files.set(file, loaded / total);
      },
    });
    await other.dispose();
    expect(files.get("config.json")).toBe(1);
    expect(files.get("model.safetensors")).toBeGreaterThan(0.9);
  });
});

describe("similarity", () => {
  const random = randomNumbers(1);
  const rows = [random(5), random(5), new Float32Array(5)];
  const load = (similarityFunction: "cosine" | "dot" | "euclidean" | "manhattan"): Promise<SentenceTransformer> =>
    SentenceTransformer.load(goldenFolder("plain"), { similarityFunction });

  it.each(["cosine", "dot", "euclidean", "manhattan"] as const)(
    "%s: symmetric, pairwise is its diagonal, zeros are no NaN",
    async (by) => {
      const model = await load(by);
      const table = model.similarity(rows, rows);
      for (let i = 0; i < 3; i++) for (let j = 0; j < 3; j++) expect(table[i][j]).toBe(table[j][i]);
      expect(Array.from(model.similarityPairwise(rows, rows))).toEqual([table[0][0], table[1][1], table[2][2]]);
      expect(table.flatMap((row) => Array.from(row)).every(Number.isFinite)).toBe(true);
      if (by === "cosine") expect(table[0][0]).toBeCloseTo(1, 6);
      if (by === "euclidean" || by === "manhattan") expect(table[0][0]).toBe(-0);
      await model.dispose();
    },
  );
});

describe("the model card's snippets, line by line", () => {
  const sentences = ["잠이 옵니다", "졸음이 옵니다", "기차가 옵니다"];

  it("with sentence-transformers' words, then with the pieces: the same bits", async () => {
    const model = await SentenceTransformer.load("munjang-mini-ko");
    const embeddings = await model.encode(sentences);
    const similarities = model.similarity(embeddings, embeddings);
    expect(similarities[0][1]).toBeGreaterThan(similarities[0][2]); // drowsiness, not a train

    const tokenizer = await BertTokenizer.load("munjang-mini-ko");
    const bert = await BertModel.load("munjang-mini-ko");
    const encoded = tokenizer.encodeBatch(sentences, { padding: true, maxLength: 128 });
    const { tokenEmbeddings, attentionMask } = await bert.forward(encoded);
    const pooled = meanPooling(tokenEmbeddings, attentionMask);

    expect(tokenEmbeddings.shape).toEqual([3, encoded[0].ids.length, model.dimension]);
    expect(pooled.map(bits)).toEqual(embeddings.map(bits));
    await Promise.all([model.dispose(), bert.dispose()]);
  });

  it("in bundlers: the weights package as an object, the same bits", async () => {
    const { mini } = await import("munjang-mini-ko");
    const byName = await SentenceTransformer.load("munjang-mini-ko");
    const byObject = await SentenceTransformer.load(mini);
    expect((await byObject.encode(sentences)).map(bits)).toEqual((await byName.encode(sentences)).map(bits));
    expect(byObject.identity).toEqual(byName.identity);
    await Promise.all([byName.dispose(), byObject.dispose()]);
  });
});
