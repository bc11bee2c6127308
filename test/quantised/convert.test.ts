import { afterEach, describe, expect, it, vi } from "vitest";
import { float16ToFloat32, float32ToFloat16 } from "../../src/base/half.ts";
import { openSafetensors } from "../../src/formats/safetensors.ts";
import { reference } from "../../src/kernels/reference.ts";
import { BertModel, SentenceTransformer } from "../../src/node.ts";
import { convert, inMemory } from "../../src/quantize.ts";
import { tinyFiles, withJson } from "../tiny.ts";

/* A converted model is the model, in whole numbers: the same whether it was converted before or as it was loaded. */

const TEXTS = [
  "안녕하세요",
  "가나다 라마바",
  "the quick brown fox",
  "",
  "길고 긴 문장은 여러 조각으로 나뉘어 있습니다. 그래도 하나입니다.",
];
const NAMES = [
  "plain",
  "odd-widths",
  "outliers",
  "roberta",
  "old-names",
  "relu-one-type",
  "float16",
  "old-subfolder",
  "dense-chain",
];

const bits = (rows: readonly Float32Array[]): number[][] =>
  rows.map((row) => [...new Uint32Array(row.buffer, row.byteOffset, row.length)]);

async function encode(
  model: Parameters<typeof SentenceTransformer.load>[0],
  options: object = {},
): Promise<number[][]> {
  const loaded = await SentenceTransformer.load(model, { threads: 0, ...options });
  const rows = await loaded.encode(TEXTS);
  await loaded.dispose();
  return bits(rows);
}

describe.each(NAMES)("%s", (name) => {
  const files = tinyFiles(name);

  it("converted or quantised as it is loaded: the same bits, in wasm and js, int8 and int8-12", async () => {
    const small = inMemory();
    await convert({ files }, small);
    for (const backend of ["wasm", "js"] as const) {
      for (const dtype of ["int8", "int8-12"] as const) {
        expect(await encode(small.model(), { dtype, backend })).toEqual(await encode({ files }, { dtype, backend }));
      }
    }
    expect(await encode(small.model())).toEqual(await encode(small.model(), { dtype: "int8" }));
  });
});

describe("convert", () => {
  const files = tinyFiles();

  it("writes ordinary safetensors that say what was done, and copies the rest", async () => {
    const small = inMemory();
    const { files: written, cosine } = await convert({ files }, small);
    const weights = await openSafetensors(small.files["model.safetensors"]);
    expect(JSON.parse(weights.metadata.get("munjang") ?? "")).toMatchObject({ weights: "int8", words: "int8" });
    const types = Object.fromEntries(
      [...weights.tensors].map(([key, { dtype }]) => [key.replace(/^encoder\.layer\.\d+\./, ""), dtype]),
    );
    expect(types).toMatchObject({
      "embeddings.word_embeddings.weight": "int8",
      "embeddings.word_embeddings.weight_scale": "float32",
      "embeddings.position_embeddings.weight": "float32",
      "embeddings.LayerNorm.weight": "float32",
      "attention.self.query.weight": "int8",
      "attention.self.query.weight_scale": "float32",
      "attention.self.query.weight_sum": "int32",
      "attention.self.query.weight_balance": "float32",
      "attention.self.query.bias": "float32",
      "output.LayerNorm.bias": "float32",
    });
    expect([...weights.tensors.keys()].filter((key) => key.includes("pooler"))).toEqual([]);
    expect(new Set(written.map(({ file }) => file))).toEqual(new Set(Object.keys(small.files)));
    for (const [path, bytes] of Object.entries(small.files)) {
      if (!path.startsWith("model") && path !== "config.json") expect(bytes, path).toEqual(files[path]);
    }
    // transformers knows no such type, and says so.
    const [config, original] = [small.files, files].map((of) =>
      JSON.parse(new TextDecoder().decode(of["config.json"])),
    );
    expect(config).toEqual({ ...original, model_type: `munjang-${original.model_type ?? "bert"}` });
    expect(cosine?.texts).toBe(27);
    expect(cosine?.mean).toBeGreaterThan(0.99);
    expect(cosine?.least).toBeLessThanOrEqual(cosine?.mean as number);
  });

  it("believes config.json in nothing that the weights do not have", async () => {
    const claims: [string, number, RegExp][] = [
      ["num_hidden_layers", 1e9, /encoder\.layer\.\d+\./],
      ["vocab_size", 1e13, /word_embeddings/],
      ["intermediate_size", 1e13, /intermediate/],
    ];
    for (const [field, value, message] of claims) {
      const claimed = withJson(files, "config.json", (json) => ({ ...json, [field]: value }));
      await expect(convert({ files: claimed }, inMemory(), { dtype: "float16" }), field).rejects.toThrow(message);
    }
  });

  it("aborts the files that were begun where it fails, and closes none of them", async () => {
    const calls: string[] = [];
    const sink = (fails: (path: string) => boolean, abort = true) => ({
      create: async (path: string) => {
        if (fails(path)) throw new Error("no room");
        const told = (what: string) => () => void calls.push(`${what} ${path}`);
        return { write: () => {}, close: told("close"), ...(abort ? { abort: told("abort") } : {}) };
      },
    });
    const options = { dtype: "float16", maxShardSize: 8000 } as const;
    const second = (path: string): boolean => path.startsWith("model-00002");
    await expect(convert({ files }, sink(second), options)).rejects.toThrow("no room");
    expect(calls).toEqual([expect.stringMatching(/^abort model-00001-of-/)]);
    calls.length = 0;
    const broken = {
      ...options,
      onConvert: () => {
        throw new Error("my own mistake");
      },
    };
    await expect(
      convert(
        { files },
        sink(() => false),
        broken,
      ),
    ).rejects.toThrow("my own mistake");
    expect(calls.length).toBeGreaterThan(1);
    expect(calls.every((call) => call.startsWith("abort"))).toBe(true);
    calls.length = 0;
    await expect(
      convert(
        { files },
        sink(() => false, false),
        broken,
      ),
    ).rejects.toThrow("my own mistake");
    expect(calls.every((call) => call.startsWith("close"))).toBe(true); // a sink of old
  });

  it("gives the same bytes twice, and others for other texts", async () => {
    const of = async (calibration?: string[]): Promise<Uint8Array> => {
      const small = inMemory();
      await convert({ files }, small, { calibration });
      return small.files["model.safetensors"];
    };
    const [one, two, three] = [await of(), await of(), await of(["다른 글"])];
    expect(two).toEqual(one);
    expect(three).not.toEqual(one);
    expect(three.length).toBe(one.length);
    // All of a text counts, and it is read as the model reads it.
    const long = "가 나 다 라 마 바 사 아 자 차 카 타 파 하 a b c d e f g h";
    expect(await of([long])).not.toEqual(await of([long.slice(0, 12)]));
    const lower = async (calibration: string[]): Promise<Uint8Array> => {
      const small = inMemory();
      await convert({ files: tinyFiles("lower-in-sbert") }, small, { calibration });
      return small.files["model.safetensors"];
    };
    expect(await lower(["ABC abc XYZ"])).toEqual(await lower(["abc abc xyz"]));
  });

  it("float16: every number rounded to nearest, half the size", async () => {
    const small = inMemory();
    await convert({ files }, small, { dtype: "float16" });
    const [before, after] = [
      await openSafetensors(files["model.safetensors"]),
      await openSafetensors(small.files["model.safetensors"]),
    ];
    for (const [key, { dtype }] of after.tensors) {
      expect(dtype).toBe("float16");
      const stored = [...before.tensors.keys()].find((other) => other.endsWith(key)) as string;
      const { data } = await before.readFloat32(stored);
      expect((await after.readFloat32(key)).data, key).toEqual(float16ToFloat32(float32ToFloat16(data)));
    }
    const [a, b] = await Promise.all([SentenceTransformer.load({ files }), SentenceTransformer.load(small.model())]);
    const [x, y] = [await a.encode(TEXTS[0]), await b.encode(TEXTS[0])];
    for (const [i, value] of x.entries()) expect(Math.abs(value - y[i])).toBeLessThan(0.02);
    await Promise.all([a.dispose(), b.dispose()]);
  });

  it("int8 weights beside a word table of float16", async () => {
    const small = inMemory();
    await convert({ files }, small, { words: "float16" });
    const weights = await openSafetensors(small.files["model.safetensors"]);
    expect(weights.tensors.get("embeddings.word_embeddings.weight")?.dtype).toBe("float16");
    expect(weights.tensors.has("embeddings.word_embeddings.weight_scale")).toBe(false);
    await encode(small.model());
  });

  it.each(["int8", "float16"] as const)(
    "%s in several files, the word table by rows: the same bits from memory and from the files",
    async (dtype) => {
      const [whole, parts] = [inMemory(), inMemory()];
      await convert({ files }, whole, { dtype });
      await convert({ files }, parts, { dtype, maxShardSize: dtype === "int8" ? 3100 : 5000 });
      const names = Object.keys(parts.files).filter((path) => path.endsWith(".safetensors"));
      expect(names.length).toBeGreaterThan(3);
      const index = JSON.parse(new TextDecoder().decode(parts.files["model.safetensors.index.json"]));
      expect(new Set(Object.values(index.weight_map))).toEqual(new Set(names));
      expect(Object.keys(index.weight_map).filter((key) => key.includes(".rows.")).length).toBeGreaterThan(1);
      for (const name of names) {
        const shard = await openSafetensors(parts.files[name]);
        const sizes = [...shard.tensors.values()].map(({ byteLength }) => byteLength);
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(dtype === "int8" ? 3100 : 5000);
      }
      const wanted = await encode(whole.model());
      expect(await encode(parts.model())).toEqual(wanted);
      expect(await encode(parts.model(), { rows: "source" })).toEqual(wanted);
      expect(await encode(whole.model(), { rows: "source" })).toEqual(wanted);
      const [a, b] = [await SentenceTransformer.load(whole.model()), await SentenceTransformer.load(parts.model())];
      // The index is no part of it; that a float16 model in such parts is marked in config.json is.
      const model = dtype === "int8" ? a.identity.model : b.identity.model;
      expect(b.identity).toEqual({ ...a.identity, model });
      await Promise.all([a.dispose(), b.dispose()]);
    },
  );

  it("float16 in parts becomes the int8 of float16 in one piece", async () => {
    const [whole, parts] = [inMemory(), inMemory()];
    await convert({ files }, whole, { dtype: "float16" });
    await convert({ files }, parts, { dtype: "float16", maxShardSize: 5000 });
    const made = await Promise.all(
      [whole, parts].map(async (half) => {
        const small = inMemory();
        await convert(half.model(), small);
        return small;
      }),
    );
    expect(made[1].files).toEqual(made[0].files);
    expect(await encode(made[1].model())).toEqual(await encode(made[0].model()));
  });

  it("rows read from the float32 file become whole numbers too", async () => {
    const wanted = await encode({ files }, { dtype: "int8" });
    expect(await encode({ files }, { dtype: "int8", rows: "source" })).toEqual(wanted);
  });

  it("tells how far it is", async () => {
    const seen: string[] = [];
    await convert({ files }, inMemory(), { onConvert: ({ done, total }) => seen.push(`${done}/${total}`) });
    expect(seen).toEqual(["1/3", "2/3", "3/3"]);
  });

  it("stops when it is told to", async () => {
    const stop = new AbortController();
    const run = convert({ files }, inMemory(), {
      signal: stop.signal,
      onConvert: () => stop.abort(new Error("enough")),
    });
    await expect(run).rejects.toThrow("enough");
  });

  it("says in the identity what the numbers are", async () => {
    const small = inMemory();
    await convert({ files }, small);
    for (const dtype of ["int8", "int8-12"] as const) {
      const model = await SentenceTransformer.load(small.model(), { dtype });
      expect(model.identity.dtype).toBe(dtype);
      await model.dispose();
    }
  });

  it.each([
    ["twice", { files: {} }, /is one of whole numbers already: convert the float32 model/],
    ["to nothing known", { dtype: "int4" }, /dtype = "int4"/],
    ["words to nothing known", { words: "float32" }, /words = "float32"/],
    ["float16 with words of int8", { dtype: "float16", words: "int8" }, /int8 beside float16 weights/],
    ["into crumbs", { maxShardSize: 10 }, /maxShardSize = 10: is too small: .* has \d+ bytes and cannot be divided/],
    ["half a byte", { maxShardSize: 1.5 }, /maxShardSize = 1.5/],
    ["measured with nothing", { calibration: [] }, /calibration.*must be a list of texts/],
  ])("is refused %s", async (_, options, message) => {
    const small = inMemory();
    if ("files" in options) await convert({ files }, small);
    const model = "files" in options ? small.model() : { files };
    await expect(convert(model, inMemory(), options as object)).rejects.toThrow(message);
  });
});

describe("without WebAssembly", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("a float32 model is not quantised, and the error names what does; a converted one computes", async () => {
    const files = tinyFiles();
    const small = inMemory();
    await convert({ files }, small);
    const wanted = await encode(small.model(), { backend: "js" });
    vi.stubGlobal("WebAssembly", undefined);
    expect(await encode(small.model())).toEqual(wanted);
    await expect(SentenceTransformer.load({ files }, { dtype: "int8" })).rejects.toThrow(/munjang convert/);
  });
});

it("float32 is not what a model of whole numbers is loaded as", async () => {
  const small = inMemory();
  await convert({ files: tinyFiles() }, small);
  await expect(BertModel.load(small.model(), { dtype: "float32" })).rejects.toThrow(
    'dtype = "float32": the weights are whole numbers: leave it out',
  );
});

it("the naive backend, and a caller's own, compute with the weights that whole numbers stand for", async () => {
  const small = inMemory();
  await convert({ files: tinyFiles() }, small);
  const [exact, own, whole] = await Promise.all([
    SentenceTransformer.load(small.model(), { backend: "reference" }),
    SentenceTransformer.load(small.model(), { backend: reference() }),
    SentenceTransformer.load(small.model(), { dtype: "int8-12" }),
  ]);
  const [a, b, c] = [await exact.encode(TEXTS), await own.encode(TEXTS), await whole.encode(TEXTS)];
  expect(bits(b)).toEqual(bits(a));
  for (const cosine of exact.similarityPairwise(a, c)) expect(cosine).toBeGreaterThan(0.9999);
  await expect(BertModel.load(small.model(), { backend: "wasmm" as "wasm" })).rejects.toThrow(/use one of auto, /);
});

it("the identity knows what a model was measured with", async () => {
  const of = async (
    options: object,
    model: Parameters<typeof SentenceTransformer.load>[0] = { files: tinyFiles() },
  ) => {
    const loaded = await SentenceTransformer.load(model, { threads: 0, ...options });
    await loaded.dispose();
    return loaded.identity;
  };
  const [one, same, other] = [["가"], ["가"], ["나"]].map((calibration) => of({ dtype: "int8", calibration }));
  expect(await same).toEqual(await one);
  expect((await one).dtype).toMatch(/^int8, calibration [0-9a-f]{16}$/);
  expect(await other).not.toEqual(await one);
  expect((await of({ dtype: "int8" })).dtype).toBe("int8");
  // What is not quantised now was measured with something else, and its numbers are in the hash.
  const small = inMemory();
  await convert({ files: tinyFiles() }, small);
  expect(await of({ calibration: ["가"] }, small.model())).toEqual(await of({}, small.model()));
  expect((await of({ calibration: ["가"] })).dtype).toBe("float32");
});

it("a calibration that is no list of texts is refused", async () => {
  for (const calibration of [{}, "text", new Set(["a"]), null] as never[]) {
    await expect(BertModel.load({ files: tinyFiles() }, { dtype: "int8", calibration })).rejects.toThrow(
      /calibration.*must be a list of texts/,
    );
  }
  const many = Array.from({ length: 1200 }, () => ({ ids: Int32Array.of(2, 5, 6, 7, 8, 9, 3) }));
  await expect(convert({ files: tinyFiles() }, inMemory(), { calibration: many })).rejects.toThrow(
    "calibration = 8400: has too many tokens to run at once; 8192 are plenty",
  );
});
