import { checkNames, checkOneOf, checkOptional, refuse } from "./base/door.ts";
import { type FeatureTensor, featureTensor } from "./feature-tensor.ts";
import { type CallOptions, lazily } from "./lazy-model.ts";
import type { LoadOptions, LoadProgress, NoOptions } from "./options.ts";
import { normalizeRows, type PoolingMode, pool, quantizeRows } from "./pooling/index.ts";
import type { SentenceTransformer } from "./sentence-transformer.ts";
import type { ModelInput } from "./source.ts";

/** `pipeline("feature-extraction", model)` as Transformers.js has it: `munjang/pipeline`. Nothing of its package is imported. */

export type { FeatureTensor, NestedNumbers, PartOf } from "./feature-tensor.ts";

/** Options of `pipeline`: those of `SentenceTransformer.load`, and what Transformers.js calls some of them. */
export interface PipelineOptions extends Omit<LoadOptions, "dtype"> {
  /** `"fp32"` is float32; `"q8"`, `"int8"` and `"uint8"` are munjang's int8. Default: what the files hold. */
  dtype?: LoadOptions["dtype"] | "auto" | "fp32" | "q8" | "uint8";
  /** Where it computes; all three are WebAssembly here. For a GPU give `backend: webgpu()` of `munjang/webgpu`. */
  device?: "auto" | "cpu" | "wasm";
  progress_callback?: ((progress: ProgressInfo) => void) | null;
  /** `cacheDir`. */
  cache_dir?: string | null;
  /** `localFilesOnly`. */
  local_files_only?: boolean;
}

/** What `progress_callback` is told. */
export type ProgressInfo =
  | {
      readonly status: "progress";
      readonly name: string;
      readonly file: string;
      /** Percent. */
      readonly progress: number;
      readonly loaded: number;
      readonly total: number;
    }
  | { readonly status: "ready"; readonly task: string; readonly model: string };

/** Options of a call. */
export interface FeatureOptions {
  /**
   * `"none"`, the default, gives every token's vector; `"model"` does what the model's own files say, as `SentenceTransformer.encode` does;
   * the others are those of Transformers.js.
   */
  pooling?: "none" | "mean" | "cls" | "first_token" | "eos" | "last_token" | "model";
  /** Divide every vector by its length. Default: false. */
  normalize?: boolean;
  /** One bit a number, eight in a byte. Default: false. */
  quantize?: boolean;
  precision?: "binary" | "ubinary";
  /** Stops between batches. */
  signal?: AbortSignal;
}

/** What `pipeline` answers: a function of texts, with what it stands on. */
export interface FeatureExtractor {
  /**
   * Vectors of a text or of some: [N, D] with pooling, [N, L, D] without, where L is the longest text's number of tokens; behind shorter
   * texts stand zeros.
   */
  <O extends FeatureOptions = NoOptions>(
    texts: string | readonly string[],
    options?: O,
  ): Promise<FeatureTensor<ListOf<O>, DataOf<O>>>;
  readonly task: "feature-extraction";
  readonly model: SentenceTransformer;
  /** Lets go of a model that was loaded here. */
  dispose(): Promise<void>;
}

/** What `tolist` answers: rows, or rows of tokens for every text. */
export type ListOf<O> = O extends { pooling: infer P } ? (P extends "none" ? number[][][] : number[][]) : number[][][];

/** The array that vectors under options of type `O` lie in. */
export type DataOf<O> = O extends { quantize: true }
  ? O extends { precision: "ubinary" }
    ? Uint8Array
    : Int8Array
  : Float32Array;

const POOLING: Readonly<Record<string, PoolingMode>> = {
  mean: "mean",
  cls: "cls",
  first_token: "cls",
  eos: "lasttoken",
  last_token: "lasttoken",
};
const DTYPES = { auto: undefined, fp32: "float32", q8: "int8", uint8: "int8" } as const;

/**
 * What turns texts into vectors; the model is loaded when this resolves.
 *
 * @throws ModelError for another task, for options that cannot be meant, and those of `load`.
 * @example
 * const extractor = await pipeline("feature-extraction", "munjang-mini-ko");
 * const output = await extractor(["잠이 옵니다"], { pooling: "mean", normalize: true });
 */
export async function pipeline(task: "feature-extraction", model: SentenceTransformer): Promise<FeatureExtractor>;
export async function pipeline(
  task: "feature-extraction",
  model: ModelInput,
  options?: PipelineOptions,
): Promise<FeatureExtractor>;
export async function pipeline(
  task: "feature-extraction",
  model: SentenceTransformer | ModelInput,
  options: PipelineOptions = {},
): Promise<FeatureExtractor> {
  checkOneOf("task", task, ["feature-extraction"]);
  const { progress_callback: progress, ...rest } = options ?? refuse("options", "must be an object", options);
  checkOptional("progress_callback", progress ?? undefined, "function");
  const lazy = lazily(model, loadOptions(rest, progress ? (info) => progress(asInfo(lazy.name, info)) : undefined), []);
  const loaded = await lazy.get();
  progress?.({ status: "ready", task, model: lazy.name });
  const extract = (texts: string | string[], options: FeatureOptions = {}): Promise<FeatureTensor> =>
    features(loaded, Array.isArray(texts) ? texts : [texts], options, lazy.encode);
  return Object.assign(extract as FeatureExtractor, { task, model: loaded, dispose: () => lazy.dispose() });
}

function loadOptions(
  { dtype, device, cache_dir, local_files_only, ...rest }: Omit<PipelineOptions, "progress_callback">,
  onProgress: LoadOptions["onProgress"],
): LoadOptions {
  if (device !== undefined) {
    const problem = "must be auto, cpu or wasm; for a GPU give `backend: webgpu()` of munjang/webgpu";
    if (!["auto", "cpu", "wasm"].includes(device)) refuse("device", problem, device);
  }
  const both: LoadOptions["onProgress"] = (info) => {
    rest.onProgress?.(info);
    onProgress?.(info);
  };
  return {
    ...rest,
    dtype:
      dtype !== undefined && Object.hasOwn(DTYPES, dtype)
        ? DTYPES[dtype as keyof typeof DTYPES]
        : (dtype as LoadOptions["dtype"]),
    cacheDir: rest.cacheDir ?? cache_dir ?? undefined,
    localFilesOnly: rest.localFilesOnly ?? local_files_only,
    onProgress: onProgress === undefined ? rest.onProgress : both,
  };
}

function asInfo(name: string, { file, loaded, total }: LoadProgress): ProgressInfo {
  return { status: "progress", name, file, progress: total === 0 ? 100 : (100 * loaded) / total, loaded, total };
}

const FEATURES: readonly (keyof FeatureOptions)[] = ["pooling", "normalize", "quantize", "precision", "signal"];

async function features(
  model: SentenceTransformer,
  texts: string[],
  options: FeatureOptions,
  own: CallOptions,
): Promise<FeatureTensor> {
  checkNames(options, FEATURES);
  const { pooling = "none", normalize = false, quantize = false, precision = "binary", signal } = options;
  checkOneOf("pooling", pooling, ["none", "model", ...Object.keys(POOLING)]);
  checkOneOf("precision", precision, ["binary", "ubinary"]);
  if (quantize && pooling === "none") refuse("quantize", "is for one vector a text: give a pooling");
  const [given] = Object.keys(own);
  if (pooling !== "model" && given !== undefined)
    refuse(given, 'is for the model\'s own vectors: give pooling: "model"');
  const { data, dims } =
    pooling === "model"
      ? await sentences(model, texts, own, signal)
      : await tokens(model, texts, POOLING[pooling], signal);
  const D = dims[dims.length - 1];
  const values = normalize ? normalizeRows(data, D) : data;
  if (!quantize) return featureTensor(values, dims);
  if (D % 8 !== 0) refuse("quantize", `needs a multiple of 8 numbers, and this model has ${D}`);
  return featureTensor(quantizeRows(values, D, precision), [dims[0], D / 8]);
}

interface Values {
  readonly data: Float32Array;
  readonly dims: number[];
}

/** [N, D] by the model's own modules. */
async function sentences(
  model: SentenceTransformer,
  texts: string[],
  own: CallOptions,
  signal?: AbortSignal,
): Promise<Values> {
  const rows = await model.encode(texts as readonly string[], { ...own, signal });
  const D = rows[0]?.length ?? Math.min(model.dimension, own.truncateDim ?? model.dimension);
  const data = new Float32Array(rows.length * D);
  for (const [n, row] of rows.entries()) data.set(row, n * D);
  return { data, dims: [rows.length, D] };
}

/** [N, W] in some mode, or [N, L, W] without. */
async function tokens(
  model: SentenceTransformer,
  texts: string[],
  mode: PoolingMode | undefined,
  signal?: AbortSignal,
): Promise<Values> {
  const states = await model.encode(texts as readonly string[], { outputValue: "token_embeddings", signal });
  const N = states.length;
  const W = states[0]?.shape[1] ?? model.dimension;
  if (mode === undefined) {
    const L = states.reduce((longest, { shape }) => Math.max(longest, shape[0]), 0);
    const data = new Float32Array(N * L * W);
    for (const [n, { data: rows }] of states.entries()) data.set(rows, n * L * W);
    return { data, dims: [N, L, W] };
  }
  const data = new Float32Array(N * W);
  for (const [n, { data: rows, shape }] of states.entries()) {
    pool(data, n * W, rows, W, { start: 0, length: shape[0], skip: 0 }, mode);
  }
  return { data, dims: [N, W] };
}
