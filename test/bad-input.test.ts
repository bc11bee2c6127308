import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSafetensors, type Tensor, writeSafetensors } from "../src/formats/safetensors.ts";
import {
  BertModel,
  BertTokenizer,
  download,
  type LoadOptions,
  ModelError,
  meanPooling,
  SentenceTransformer,
} from "../src/node.ts";
import { openModel } from "../src/source.ts";
import { goldenFolder } from "./golden/read.ts";
import { tinyFiles, withJson } from "./tiny.ts";

type Files = Record<string, Uint8Array | string>;

/** `work` must throw a ModelError whose message says all of `parts`. */
async function fails(work: () => unknown, ...parts: (string | RegExp)[]): Promise<void> {
  await failure(work, ...parts);
}

async function failure(work: () => unknown, ...parts: (string | RegExp)[]): Promise<ModelError> {
  const error = await Promise.resolve()
    .then(work)
    .then(
      () => undefined,
      (e: unknown) => e,
    );
  expect(error, "nothing was thrown").toBeInstanceOf(ModelError);
  for (const part of parts) expect((error as ModelError).message).toMatch(part);
  return error as ModelError;
}

const load = (files: Files): Promise<SentenceTransformer> => SentenceTransformer.load({ name: "tiny", files });
const files = tinyFiles();
const width: number = JSON.parse(new TextDecoder().decode(files["config.json"])).hidden_size;

function without(path: string): Files {
  const { [path]: _, ...rest } = files;
  return rest;
}

/** The weights with one tensor changed, or left out. */
async function withTensor(name: string, change: (t: Tensor) => Tensor | undefined): Promise<Files> {
  const weights = await openSafetensors(files["model.safetensors"].slice().buffer);
  const tensors: [string, Tensor][] = [];
  expect(weights.tensors.has(name), name).toBe(true);
  for (const key of weights.tensors.keys()) {
    const tensor = await weights.read(key);
    const changed = key === name ? change(tensor) : tensor;
    if (changed !== undefined) tensors.push([key, changed]);
  }
  return { ...files, "model.safetensors": writeSafetensors(tensors) };
}

describe("a model that is not whole", () => {
  it("loads when nothing is wrong with it", async () => {
    await (await load(files)).dispose();
  });

  it("a folder that is not a model", async () => {
    const folder = mkdtempSync(join(tmpdir(), "munjang-"));
    const error = await failure(
      () => SentenceTransformer.load(folder),
      "config.json: is missing",
      "is not a model folder",
    );
    expect(error.file).toBe("config.json");
    rmSync(folder, { recursive: true });
  });
  it("a name that is neither a folder nor a package", () =>
    fails(
      () => SentenceTransformer.load("no-such/model", { localFilesOnly: true }),
      'model = "no-such/model"',
      "neither a folder nor an installed",
    ));
  it("a file instead of a folder", () =>
    fails(() => SentenceTransformer.load(join(goldenFolder("plain"), "config.json")), "is a file; name the folder"));
  it("an empty name", () => fails(() => SentenceTransformer.load(" "), "must name a model"));
  it("no name at all", () => fails(() => SentenceTransformer.load(undefined as never), "must be a name, a folder"));

  it("missing weights", () => fails(() => load(without("model.safetensors")), "model.safetensors: is missing"));
  it("empty weights", () =>
    fails(() => load({ ...files, "model.safetensors": new Uint8Array(0) }), "model.safetensors", "byteLength = 0"));
  it("truncated weights", () =>
    fails(
      () => load({ ...files, "model.safetensors": files["model.safetensors"].slice(0, -10) }),
      "model.safetensors",
    ));
  it("weights cut inside the header", () =>
    fails(
      () => load({ ...files, "model.safetensors": files["model.safetensors"].slice(0, 100) }),
      "model.safetensors",
      "cut short",
    ));
  it("a PyTorch file that is none", () =>
    fails(
      () => load({ ...without("model.safetensors"), "pytorch_model.bin": "hello" }),
      "pytorch_model.bin",
      "is no PyTorch file",
    ));
  it("an index of shards that are not there", () =>
    fails(
      () =>
        load({
          ...without("model.safetensors"),
          "model.safetensors.index.json": '{"weight_map":{"a":"model-00001-of-00001.safetensors"}}',
        }),
      "model.safetensors.index.json: model-00001-of-00001.safetensors: is missing",
    ));
  it("empty pooling settings", () =>
    fails(
      () => load({ ...files, "1_Pooling/config.json": "{}" }),
      "1_Pooling/config.json",
      "embedding_dimension: is missing",
    ));
  it("missing pooling settings", () =>
    fails(() => load(without("1_Pooling/config.json")), "1_Pooling/config.json: is missing", "Pooling"));
  it("no vocabulary", () => fails(() => load(without("tokenizer.json")), "vocab.txt: is missing"));

  it("config.json that is no JSON", () =>
    fails(() => load({ ...files, "config.json": "{" }), "config.json: is not valid JSON"));
  it("config.json that is not UTF-8", () =>
    fails(() => load({ ...files, "config.json": Uint8Array.of(0xff, 0xfe) }), "config.json: is not UTF-8"));
  it("config.json that is empty", () =>
    fails(() => load({ ...files, "config.json": "" }), "config.json: is not valid JSON"));
  it("config.json that is a list", () => fails(() => load({ ...files, "config.json": "[]" }), "must be a JSON object"));
  it("modules.json that is empty", () =>
    fails(() => load({ ...files, "modules.json": "[]" }), "must be a list of modules"));
});

describe("weights and config that disagree", () => {
  const layer = "encoder.layer.0.attention.self.query.weight";

  it("a shape that differs from the config", async () => {
    const error = await failure(
      () => load(withJson(files, "config.json", (c) => ({ ...c, intermediate_size: 7 }))),
      "model.safetensors",
      "encoder.layer.0.intermediate.dense.weight",
      "config.json asks for [7,",
    );
    expect(error.field).toContain("intermediate.dense");
  });
  it("a width that no memory holds", () => {
    const H = 1_000_000;
    const tables = ["word_embeddings", "position_embeddings", "token_type_embeddings"];
    const weights: [string, Tensor][] = tables.map((name) => [`embeddings.${name}.weight`, floats([1, H])]);
    for (const name of ["weight", "bias"]) weights.push([`embeddings.LayerNorm.${name}`, floats([H])]);
    const sizes = {
      hidden_size: H,
      num_attention_heads: 1,
      vocab_size: 1,
      max_position_embeddings: 1,
      type_vocab_size: 1,
    };
    const huge = withJson(files, "config.json", (c) => ({ ...c, ...sizes }));
    return fails(
      () => BertModel.load({ files: { ...huge, "model.safetensors": writeSafetensors(weights) } }),
      "attention.self.query.weight: is missing",
    );
  });
  it("JSON nested beyond any stack", async () => {
    const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
    await fails(() => load({ ...files, "sentence_bert_config.json": `{"model_args": ${deep}}` }), "model_args");
  });
  it("a missing layer", () => fails(async () => load(await withTensor(layer, () => undefined)), layer, "is missing"));
  it("more layers in the config than in the file", () =>
    fails(
      () => load(withJson(files, "config.json", (c) => ({ ...c, num_hidden_layers: 40 }))),
      "encoder.layer.",
      "is missing",
    ));
  it("NaN in the weights", () =>
    fails(
      async () =>
        load(
          await withTensor(layer, (t) => {
            const data = (t.data as Float32Array).slice();
            data[5] = Number.NaN;
            return { ...t, data };
          }),
        ),
      layer,
      "element 5 is NaN",
    ));
  it("NaN in the row of a word", async () => {
    const model = await load(
      await withTensor("embeddings.word_embeddings.weight", (t) => ({
        ...t,
        data: (t.data as Float32Array).slice().fill(Number.NaN),
      })),
    );
    await fails(() => model.encode("잠"), "word embeddings", "is NaN");
  });
  it("integers where floats belong", () =>
    fails(
      async () => load(await withTensor(layer, (t) => ({ ...t, dtype: "int32", data: new Int32Array(t.data.length) }))),
      layer,
    ));
  it("a vocabulary shorter than the table", () =>
    fails(
      () => load({ ...without("tokenizer.json"), "vocab.txt": "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n잠\n" }),
      "vocab.txt: the vocabulary has 6 entries",
      "cut short",
    ));
  it("a vocabulary longer than the table", () =>
    fails(
      () =>
        load(
          withJson(files, "tokenizer.json", (json) => {
            const { vocab } = json.model as { vocab: Record<string, number> };
            vocab.extra = 100_000;
          }),
        ),
      "belongs to another model",
    ));
  it("weights of something else", async () =>
    fails(
      () => load({ ...files, "model.safetensors": writeSafetensors([["other", floats([2])]]) }),
      "embeddings.word_embeddings.weight",
      "not the weights of a BERT encoder",
    ));
});

function floats(shape: number[]): Tensor {
  const stride = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
  return { data: new Float32Array(shape.reduce((a, b) => a * b, 1)), shape, stride, offset: 0, dtype: "float32" };
}

describe("what this engine cannot compute, by name", () => {
  const config = (changes: object): Files => withJson(files, "config.json", (c) => ({ ...c, ...changes }));
  it.each<[string, object, ...string[]]>([
    ["an unknown activation", { hidden_act: "silu" }, 'hidden_act = "silu"', "gelu_new"],
    ["relative positions", { position_embedding_type: "relative_key" }, 'position_embedding_type = "relative_key"'],
    ["another architecture", { model_type: "modernbert" }, 'model_type = "modernbert"'],
    ["a decoder", { is_decoder: true }, "is_decoder = true"],
    ["heads that do not divide the width", { num_attention_heads: 5 }, "num_attention_heads = 5", "must divide"],
    ["a width of nothing", { hidden_size: 0 }, "hidden_size = 0", "at least 1"],
    ["half a layer", { num_hidden_layers: 1.5 }, "num_hidden_layers = 1.5"],
    ["a size that is text", { vocab_size: "40000" }, 'vocab_size = "40000"'],
    ["no size", { hidden_size: null }, "hidden_size: is missing"],
    ["an epsilon that is none", { layer_norm_eps: -1 }, "layer_norm_eps = -1"],
  ])("%s", (_, changes, ...parts) => fails(() => load(config(changes)), "config.json", ...parts.map(escaped)));

  it("a tokenizer class that only config.json names", () =>
    fails(
      () => {
        const { tokenizer_class: _, ...rest } = JSON.parse(new TextDecoder().decode(files["tokenizer_config.json"]));
        return load({ ...config({ tokenizer_class: "T5Tokenizer" }), "tokenizer_config.json": JSON.stringify(rest) });
      },
      "tokenizer_class",
      "T5Tokenizer",
    ));

  const modules = (type: string): Files =>
    withJson(files, "modules.json", (list) => [
      ...(list as unknown as object[]),
      { idx: 9, name: "9", path: "9_X", type },
    ]);
  it("an unknown module", () =>
    fails(() => load(modules("sentence_transformers.models.CNN")), "modules.json", "sentence_transformers.models.CNN"));
  it("a module with code of its own", () =>
    fails(() => load(modules("evil.code.Module")), "evil.code.Module", "never run"));
  it.each(["../outside", "/etc", "a/../../b", "C:\\x", "a\\b"])(
    "a module path that leads out of the folder: %s",
    (path) =>
      fails(
        () =>
          load(withJson(files, "modules.json", (list) => (list as unknown as object[]).map((m) => ({ ...m, path })))),
        "leads out of the model's folder",
      ),
  );
  it("a module list that does not begin with a Transformer", () =>
    fails(
      () => load(withJson(files, "modules.json", (list) => (list as unknown as object[]).slice(1))),
      "must begin with a Transformer",
    ));
  it("a module list without pooling", () =>
    fails(
      () => load(withJson(files, "modules.json", (list) => (list as unknown as object[]).slice(0, 1))),
      "no Pooling module",
    ));

  it.each<[string, object, ...string[]]>([
    ["a pooling mode", { pooling_mode: "attention" }, 'pooling_mode = "attention"'],
    ["a pooling width", { embedding_dimension: 3 }, "embedding_dimension = 3"],
  ])("%s", (_, changes, ...parts) =>
    fails(() => load(withJson(files, "1_Pooling/config.json", (c) => ({ ...c, ...changes }))), ...parts.map(escaped)),
  );
  it("an old pooling boolean nobody knows", () =>
    fails(
      () =>
        load({
          ...files,
          "1_Pooling/config.json": `{"word_embedding_dimension": ${width}, "pooling_mode_best_tokens": true}`,
        }),
      "pooling_mode_best_tokens",
    ));

  const dense = tinyFiles("dense-chain");
  const densePath = Object.keys(dense).find((path) => /Dense\/config\.json$/.test(path)) ?? "";
  it.each<[string, object, ...string[]]>([
    ["a dense activation", { activation_function: "torch.nn.modules.activation.Mish" }, "Mish"],
    ["an activation from elsewhere", { activation_function: "os.system" }, 'activation_function = "os.system"'],
    ["a feature to read", { module_input_name: "image" }, 'module_input_name = "image"'],
    ["a feature to write", { module_output_name: "other" }, 'module_output_name = "other"'],
    ["a width that does not fit", { in_features: 3 }, "in_features = 3"],
  ])("%s", (_, changes, ...parts) =>
    fails(() => load(withJson(dense, densePath, (c) => ({ ...c, ...changes }))), densePath, ...parts.map(escaped)),
  );

  it.each<[string, object]>([
    ["query_length", { query_length: 32 }],
    ["model_args", { model_args: { a: 1 } }],
    ["module_output_name", { module_output_name: "other" }],
    ["whatever", { whatever: 1 }],
  ])("%s in sentence_bert_config.json", (field, changes) =>
    fails(
      () => load(withJson(files, "sentence_bert_config.json", (c) => ({ ...c, ...changes }))),
      "sentence_bert_config.json",
      field,
    ),
  );
  it("a default prompt that is not there", () =>
    fails(
      () => load(withJson(files, "config_sentence_transformers.json", (c) => ({ ...c, default_prompt_name: "none" }))),
      'default_prompt_name = "none"',
    ));
});

function escaped(text: string): RegExp {
  return new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
}

describe("options that cannot be", () => {
  const bad: [string, object, ...string[]][] = [
    ["tokensPerBatch", { tokensPerBatch: 0 }, "tokensPerBatch = 0"],
    ["tokensPerBatch", { tokensPerBatch: 1.5 }, "tokensPerBatch = 1.5"],
    ["maxSeqLength", { maxSeqLength: 1 }, "maxSeqLength = 1"],
    ["maxSeqLength", { maxSeqLength: 100000 }, "beyond the model's positions"],
    ["truncateDim", { truncateDim: 1000 }, "beyond the model's dimension"],
    ["truncateDim", { truncateDim: 0 }, "truncateDim = 0"],
    ["similarityFunction", { similarityFunction: "jaccard" }, 'similarityFunction = "jaccard"'],
    ["backend", { backend: "cuda" }, 'backend = "cuda"'],
    ["threads", { threads: -1 }, "threads = -1"],
    ["dtype", { dtype: "int4" }, 'dtype = "int4"'],
    ["tokensPerBatch", { tokensPerBatch: 1e12 }, "tokensPerBatch = 1000000000000", "no memory"],
    ["backend", { backend: { linear: () => {} } }, "backend.alloc"],
    ["rows", { rows: "disk" }, 'rows = "disk"'],
  ];
  it.each(bad)("load: %s %o", (_, options, ...parts) =>
    fails(() => SentenceTransformer.load({ files }, options), ...parts.map(escaped)),
  );

  it.each<[string, unknown, ...string[]]>([
    ["no options at all", null, "options = null"],
    ["a number", 5, "options = 5"],
    ["a signal that is none", { signal: 5 }, "signal = 5"],
    ["progress to nobody", { onProgress: 5 }, "onProgress = 5"],
    ["warnings to nobody", { onWarning: {} }, "onWarning"],
    ["a tokenizer that is none", { tokenizer: null }, "tokenizer = null"],
    ["prompts that are none", { prompts: "x" }, 'prompts = "x"'],
    ["a prompt that is no text", { prompts: { query: 5 } }, "prompts.query = 5"],
  ])("load: %s", (_, options, ...parts) =>
    fails(() => SentenceTransformer.load({ files }, options as LoadOptions), ...parts.map(escaped)),
  );

  it("a callback's own error is not taken for a fault of the model", async () => {
    const broken = (): never => {
      throw new TypeError("my own mistake");
    };
    await expect(SentenceTransformer.load({ files }, { onProgress: broken })).rejects.toThrow("my own mistake");
  });

  it("aborted before it began", async () => {
    const reason = new Error("no longer wanted");
    await expect(SentenceTransformer.load({ files }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe("encode", () => {
  let model: SentenceTransformer;
  beforeAll(async () => {
    model = await load(files);
  });
  afterAll(() => model.dispose());

  it.each([[42], [null], [undefined], [{}], [new Date()]])("of %o", (input) =>
    fails(() => model.encode(input as never), "input", "must be a string"),
  );
  it("of a list with a hole in it", () => fails(() => model.encode(["a", 7 as never, "b"]), /input\[1\] = 7/));
  it("of ids the table lacks", () => fails(() => model.encode({ ids: [2, 99999, 3] }), "99999"));
  it("of negative ids", () => fails(() => model.encode({ ids: [-1] }), "ids = -1"));
  it("of no ids", () => fails(() => model.encode({ ids: [] }), "has no tokens"));
  it("of ids beyond the position table", () =>
    fails(() => model.encode({ ids: new Array(model.maxSeqLength + 400).fill(2) }), /tokens/));
  it("of ids that are none", () => fails(() => model.encode({ ids: null } as never), "must be token ids"));
  it("of a mask that is none", () => fails(() => model.encode({ ids: [2, 3], mask: null } as never), "mask = null"));
  it("of ids that int32 would wrap", () => fails(() => model.encode({ ids: [2, 2 ** 32 + 5, 3] }), "ids = 4294967301"));
  it("of type ids that are text", () =>
    fails(() => model.encode({ ids: [2, 3], typeIds: [0, "x"] as never }), "typeIds"));
  it("of a mask of twos", () => fails(() => model.encode({ ids: [2, 3], mask: [1, 2] }), "mask"));
  it("of halves of type ids", () => fails(() => model.encode({ ids: [2, 3], typeIds: [0.5, 0] }), "typeIds = 0.5"));
  it("of a stream that is none", () =>
    fails(() => model.encodeStream("abc" as never).next(), "one text goes to encode"));
  it("of a stream in bytes without ranges", () =>
    fails(() => model.encodeStream(["a"], { precision: "int8" }).next(), "precision", "needs `ranges` in a stream"));
  it("of a stream with options that are none", async () => {
    await fails(() => model.encodeStream([], null as never).next(), "options = null");
    await fails(() => model.encodeStream([], { onProgress: 5 as never }).next(), "onProgress = 5");
    await fails(() => model.encodeStream([], { precision: "int4" as never }).next(), 'precision = "int4"');
  });
  it("of ids and a mask that do not match", () => fails(() => model.encode({ ids: [2, 3], mask: [1] }), "mask"));
  it("of a mask with a hole", () =>
    fails(() => model.encode({ ids: [2, 5, 3], mask: [1, 0, 1] }), "mask = 1", "padding stands at the end"));
  it("of a mask of truth values", () =>
    fails(() => model.encode({ ids: [2, 3], mask: [true, true] as never }), "mask = true", "must be ones"));
  it("of a mask of nothing", () => fails(() => model.encode({ ids: [2, 3], mask: [0, 0] }), "ids", "has no tokens"));
  it("of ids of no length", async () => {
    for (const length of [-1, Number.NaN, 0.5])
      await fails(() => model.encode({ ids: { length } } as never), "token ids");
  });
  it("to queries and documents with options that are none", async () => {
    await expect(model.encodeQuery("a", null as never)).rejects.toThrow("options = null");
    await expect(model.encodeDocument("a", null as never)).rejects.toThrow("options = null");
  });
  it("of ids beyond 32 bits", () => fails(() => model.encode({ ids: [2, 2 ** 31] }), "ids = 2147483648", "table"));

  it.each<[string, unknown, ...string[]]>([
    ["a budget below 1", { tokensPerBatch: 0 }, "tokensPerBatch = 0"],
    ["a budget above that of load", { tokensPerBatch: 1e6 }, "tokensPerBatch = 1000000", "give it to load"],
    ["truncateDim beyond the dimension", { truncateDim: 99999 }, "truncateDim = 99999"],
    ["an unknown prompt name", { promptName: "nothing" }, 'promptName = "nothing"', "query, document"],
    ["a prompt that is no text", { prompt: 5 }, "prompt = 5"],
    ["no options at all", null, "options = null"],
    ["a signal that is none", { signal: 5 }, "signal = 5"],
    ["progress to nobody", { onProgress: 5 }, "onProgress = 5"],
    ["a truth value that is none", { normalizeEmbeddings: "yes" }, 'normalizeEmbeddings = "yes"'],
    ["an unknown output", { outputValue: "logits" }, 'outputValue = "logits"'],
    ["an unknown precision", { precision: "int4" }, 'precision = "int4"'],
    ["no ranges", { precision: "int8", ranges: null }, "ranges = null"],
    ["bytes of tokens", { precision: "int8", outputValue: "token_embeddings" }, "sentence embeddings only"],
    [
      "ranges of another width",
      { precision: "int8", ranges: { least: new Float32Array(1), most: new Float32Array(1) } },
      "ranges",
    ],
  ])("%s", (_, options, ...parts) =>
    fails(() => model.encode(["잠이 옵니다", "졸음"], options as never), ...parts.map(escaped)),
  );
  it("bytes of one text, without ranges", () =>
    fails(() => model.encode("잠", { precision: "int8" }), "needs the ranges"));

  it("similarity of what are no rows", () =>
    fails(() => model.similarity([1, 2] as never, [new Float32Array(2)]), "Float32Array"));
  it("similarity of nothing", () => fails(() => (model.similarity as () => unknown)(), "must be rows of Float32Array"));
  it("meanPooling of nothing", () => fails(() => (meanPooling as () => unknown)(), "tokenEmbeddings"));
  it("meanPooling of no tensors", () => fails(() => meanPooling({} as never, {} as never), "tokenEmbeddings.shape"));
  it("meanPooling of a part of another tensor", () => {
    const states = {
      data: new Float32Array(8),
      shape: [1, 2, 2],
      stride: [4, 2, 1],
      offset: 4,
      dtype: "float32",
    } as const;
    const mask = { data: Int32Array.of(1, 1), shape: [1, 2], stride: [2, 1], offset: 0, dtype: "int32" } as const;
    expect(meanPooling({ ...states, offset: 0 }, mask)).toEqual([new Float32Array(2)]);
    return fails(() => meanPooling(states, mask), "tokenEmbeddings", "a view");
  });
  it("similarity of different widths", () =>
    fails(() => model.similarity(new Float32Array(2), new Float32Array(3)), "rows of 2 and of 3"));

  it("after dispose", async () => {
    const gone = await load(files);
    await gone.dispose();
    await fails(() => gone.encode("잠"), "disposed of");
    await gone.dispose(); // a second time does nothing
  });
});

describe("the parts alone", () => {
  const nothing = undefined as never;
  it.each<[string, () => unknown, ...string[]]>([
    ["tensors that are no list", () => writeSafetensors(null as never), "tensors = null"],
    ["a tensor that is none", () => writeSafetensors([["a", null as never]]), "a = null"],
    ["the name of no model to download", () => download(nothing), "model"],
    [
      "a file of another machine",
      () => SentenceTransformer.load("file://server/x"),
      "model",
      "no file of this machine",
    ],
    [
      "one among files",
      () => SentenceTransformer.load({ files: { "modules.json": new URL("file://server/x") } }),
      "server",
    ],
    ["a token that is no text", () => SentenceTransformer.load("a/b", { token: 5 as never }), "token = 5"],
    ["a folder that is none", () => SentenceTransformer.load("a/b", { cacheDir: 5 as never }), "cacheDir = 5"],
  ])("%s", (_, work, ...parts) => fails(work, ...parts.map(escaped)));

  it("a tokenizer asked with options that are none", async () => {
    const tokenizer = await BertTokenizer.load({ files });
    await fails(() => tokenizer.encode("a", null as never), "options = null");
    await fails(() => tokenizer.encodeBatch(["a"], null as never), "options = null");
  });
  it("a path that is no text", async () => {
    const listed = withJson(files, "modules.json", (json) =>
      (json as never as { path: string }[]).map((m) => ({ ...m, path: `\ud800${m.path}` })),
    );
    await fails(() => load(listed), "leads out");
  });
  it("BertModel without a limit: a text beyond the position table", async () => {
    const tokenizer = await BertTokenizer.load({ files });
    const model = await BertModel.load({ files });
    const long = tokenizer.encode("잠이 옵니다 ".repeat(2000));
    await fails(() => model.forward(long), "max_position_embeddings", "set maxLength");
    await model.dispose();
  });
  it("a folder whose weights vanish between naming and reading", async () => {
    const folder = mkdtempSync(join(tmpdir(), "munjang-"));
    for (const [path, bytes] of Object.entries(files))
      if (!path.includes("/")) writeFileSync(join(folder, path), bytes);
    const named = await openModel(folder);
    rmSync(join(folder, "model.safetensors"));
    await fails(() => BertModel.load(named), "model.safetensors: is missing");
    rmSync(folder, { recursive: true });
  });
});
