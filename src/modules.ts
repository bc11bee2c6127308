import { fail } from "./base/errors.ts";
import { Json, parseJson } from "./base/json.ts";
import { readTensor } from "./bert/weights.ts";
import { openTensors } from "./open-tensors.ts";
import { type DenseActivation, type Feature, type Module, POOLING_MODES, type PoolingMode } from "./pooling/index.ts";
import { inFolder, insideModel, type ModelSource, OUTSIDE, readText } from "./source.ts";

/*
 * modules.json: what follows the Transformer, module by module, each with a folder of its own. Everything sentence-transformers
 * writes is honoured or refused by name, never skipped: a vector that misses its Dense layer looks like any other vector.
 */

const FILE = "modules.json";

/** The module list of a model. */
export interface ModuleList {
  /** Folder of the Transformer, "" for the model's own. */
  readonly transformer: string;
  /** The rest, in order. */
  readonly modules: readonly Module[];
  readonly warnings: readonly string[];
  /** Numbers in a sentence vector. */
  readonly dimension: number;
  /** True where there is a modules.json: only then are the prompts and the similarity function of the model read. */
  readonly listed: boolean;
}

/** Reads modules.json, or answers mean pooling where there is none, as the reference does. `H` is the encoder's width. */
export async function readModules(
  source: ModelSource,
  widthOf: (transformer: string) => Promise<number>,
): Promise<ModuleList> {
  const text = await readText(source, FILE);
  if (text === undefined) {
    return {
      transformer: "",
      modules: [{ kind: "pooling", modes: ["mean"], includePrompt: true }],
      warnings: [`${source.name} has no modules.json: its tokens are averaged (mean pooling)`],
      dimension: await widthOf(""),
      listed: false,
    };
  }
  const [first, ...rest] = listEntries(text);
  if (first.kind !== "Transformer") first.json.fail("type", "must begin with a Transformer module");
  const modules: Module[] = [];
  const width = { token_embeddings: await widthOf(first.path), sentence_embedding: 0 };
  for (const entry of rest) {
    const module = await readModule(source, entry, width);
    if (module !== undefined) modules.push(module);
  }
  if (width.sentence_embedding === 0) {
    fail(FILE, undefined, "has no Pooling module, so there is no sentence vector");
  }
  return { transformer: first.path, modules, warnings: [], dimension: width.sentence_embedding, listed: true };
}

/** Folder of the Transformer alone: what `BertModel` and `BertTokenizer` need to know of modules.json. */
export async function readTransformerFolder(source: ModelSource): Promise<string> {
  const text = await readText(source, FILE);
  return text === undefined ? "" : (listEntries(text).find((entry) => entry.kind === "Transformer")?.path ?? "");
}

interface Entry {
  /** As in the file. */
  readonly json: Json;
  /** The class, the last part of its `type`. */
  readonly kind: string;
  /** Folder inside the model. */
  readonly path: string;
}

function listEntries(text: string): Entry[] {
  const list = parseJson(FILE, text);
  if (!Array.isArray(list) || list.length === 0) fail(FILE, undefined, "must be a list of modules", list);
  return list.map((value, i) => {
    const json: Json = new Json(FILE, value, `${i}`);
    const type = json.string("type", "");
    // `sentence_transformers.models.Pooling`, `sentence_transformers.models.Pooling.Pooling`, `….modules.pooling.Pooling`
    if (!type.startsWith("sentence_transformers.")) json.fail("type", "is code of the model's own, which is never run");
    const path = insideModel(json.string("path", "")) ?? json.fail("path", OUTSIDE);
    return { json, kind: type.slice(type.lastIndexOf(".") + 1), path };
  });
}

type Widths = Record<Feature, number>;

async function readModule(source: ModelSource, entry: Entry, width: Widths): Promise<Module | undefined> {
  const { kind, path } = entry;
  const file = inFolder(path, "config.json");
  const text = await readText(source, file);
  if (text === undefined && ["Pooling", "Dense", "LayerNorm"].includes(kind)) {
    fail(file, undefined, `is missing: it says what the ${kind} module does`);
  }
  const json = Json.parse(file, text);
  const read: Read = async (name, shape) => (await readTensor(await openTensors(source, path), name, shape)).data;
  switch (kind) {
    case "Pooling":
      return readPooling(json, width);
    case "Dense":
      return readDense(read, json, width);
    case "Normalize":
      return { kind: "normalize", on: readFeature(json) };
    case "LayerNorm":
      return readLayerNorm(read, json, width);
    case "Dropout": // the identity, once training is over
      return undefined;
    default:
      return entry.json.fail(
        "type",
        "is not supported; use one of Transformer, Pooling, Dense, LayerNorm, Normalize, Dropout",
      );
  }
}

/** What POOLING_MODES were called before version 6, each a boolean; in this order their vectors stand side by side. */
const OLD_NAMES = [
  "cls_token",
  "max_tokens",
  "mean_tokens",
  "mean_sqrt_len_tokens",
  "weightedmean_tokens",
  "lasttoken",
].map((name) => `pooling_mode_${name}`);

function readPooling(json: Json, width: Widths): Module {
  const named = json.get("embedding_dimension") === undefined ? "word_embedding_dimension" : "embedding_dimension";
  json.need(named, 1);
  checkWidth(json, named, width.token_embeddings);
  const modes = poolingModes(json);
  width.sentence_embedding = modes.length * width.token_embeddings;
  return { kind: "pooling", modes, includePrompt: json.boolean("include_prompt", true) };
}

function poolingModes(json: Json): PoolingMode[] {
  const field = "pooling_mode";
  const named = json.get(field);
  if (Array.isArray(named)) {
    const names = json.list(field);
    if (names.keys.length > POOLING_MODES.length) json.fail(field, "is too long");
    return names.keys.map((i) => names.oneOf(i, "", POOLING_MODES));
  }
  if (named !== undefined) return [json.oneOf(field, "", POOLING_MODES)];
  for (const key of json.keys) {
    if (key.startsWith("pooling_mode") && !OLD_NAMES.includes(key)) {
      json.fail(key, "is a field this engine does not know");
    }
  }
  const modes = POOLING_MODES.filter((_, i) => json.boolean(OLD_NAMES[i], false));
  return modes.length === 0 ? ["mean"] : modes;
}

/** Classes of torch.nn; in lower case our own names. */
const DENSE_ACTIVATIONS = ["Identity", "Tanh", "ReLU", "GELU", "Sigmoid"] as const;

/** Reads a tensor of one module by its name. */
type Read = (name: string, shape: readonly number[]) => Promise<Float32Array>;

async function readDense(read: Read, json: Json, width: Widths): Promise<Module> {
  const on = readFeature(json);
  const input = json.need("in_features", 1);
  const out = json.need("out_features", 1);
  checkWidth(json, "in_features", width[on]);
  const name = json.string("activation_function", "torch.nn.modules.activation.Tanh");
  // The class alone; what is not of torch.nn stays whole, and is not found.
  const type = name.replace(/^torch\.nn\..*?(\w+)$/, "$1");
  const known =
    DENSE_ACTIVATIONS.find((one) => one === type) ??
    json.fail("activation_function", `is not supported; use one of torch.nn's ${DENSE_ACTIVATIONS.join(", ")}`);
  let residual: "none" | "input" | Float32Array = "none";
  if (json.boolean("use_residual", false)) {
    residual = input === out ? "input" : await read("residual.weight", [out, input]);
  }
  const layer = {
    weight: await read("linear.weight", [out, input]),
    bias: json.boolean("bias", true) ? await read("linear.bias", [out]) : new Float32Array(out),
    in: input,
    out,
    activation: known.toLowerCase() as DenseActivation,
    residual,
  };
  width[on] = out;
  return { kind: "dense", layer, on };
}

async function readLayerNorm(read: Read, json: Json, width: Widths): Promise<Module> {
  checkWidth(json, "dimension", width.sentence_embedding);
  const D = width.sentence_embedding;
  return {
    kind: "layerNorm",
    gain: await read("norm.weight", [D]),
    shift: await read("norm.bias", [D]),
  };
}

/** Which feature a module changes. Reading one and writing the other is something no module here does. */
function readFeature(json: Json): Feature {
  const input = json.oneOf<Feature>("module_input_name", "sentence_embedding", [
    "sentence_embedding",
    "token_embeddings",
  ]);
  if (json.string("module_output_name", input) !== input) {
    json.fail("module_output_name", `must be the input's, ${input}`);
  }
  return input;
}

function checkWidth(json: Json, field: string, width: number): void {
  if (json.whole(field, 1, width) !== width) json.fail(field, `must be ${width}, the width of what comes in`);
}
