import { type BackendInfo, type BackendOptions, chooseBackend, type WholeBackends } from "./backend.ts";
import type { EncodingIds } from "./base/batch.ts";
import { letGo } from "./base/bytes.ts";
import { checkFields, checkOneOf, checkWhole, refuse } from "./base/door.ts";
import { fail } from "./base/errors.ts";
import { Json } from "./base/json.ts";
import type { RowSource, RowsPlace, TensorSource } from "./base/tensor.ts";
import { layOut } from "./bert/batch.ts";
import { type BertConfig, readConfig } from "./bert/config.ts";
import type { BertWeights } from "./bert/forward.ts";
import { checkFinite, loadWeights, loadWords } from "./bert/weights.ts";
import type { EncodingLike } from "./bert-model.ts";
import type { Loading } from "./kernels/kernels.ts";
import { openTensors } from "./open-tensors.ts";
import type { Runner, SeeValues } from "./run/runner.ts";
import { inFolder, type ModelSource, readText } from "./source.ts";

/** Options of everything that runs a forward pass. */
export interface EncoderOptions extends BackendOptions {
  /**
   * What the weights are while running: `"float32"`, or whole numbers of 8 bits, with activations of 7 bits (`"int8"`) or 12 (`"int8-12"`: closer
   * to float32, and slower). A float32 model is quantised as it is loaded, which takes seconds; `munjang convert` does it once. Default: what
   * the file holds.
   */
  dtype?: DTypeName;
  /** Texts, or token ids, that a float32 model is measured with as it is quantised. Default: some lines of Korean and English. */
  calibration?: readonly (string | EncodingLike)[];
  /**
   * Where the word table stays: in memory in its stored precision (default), or in its file, read a few rows at a time; or in its file behind
   * a function that keeps some of it (`munjang/edge`).
   */
  rows?: RowsPlace;
  /**
   * Tokens computed together, a whole number of at least 1. Memory grows with it (30 KB a token for BERT-base), and so does the time
   * after which an abort is noticed; vectors do not depend on it. Default: a few tenths of a second of the backend's work, which for
   * BERT-base is 94 in WebAssembly on the calling thread, 282 on workers, 32 in plain JavaScript, and for small models some hundreds.
   */
  tokensPerBatch?: number;
  /** Stops loading; the promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** What the weights of a loaded model are. */
export type DTypeName = "float32" | "int8" | "int8-12";

/** Models of whole numbers: `munjang/int8` brings them, as only some pages have a use for them. */
export interface WholeNumbers {
  /** What the weights of a file are. */
  stored(tensors: TensorSource): DTypeName;
  backends(dtype: DTypeName): WholeBackends;
  load<B>(
    kernels: Loading<B>,
    tensors: TensorSource,
    from: { readonly source: ModelSource; readonly folder: string; readonly config: BertConfig },
    options: EncoderOptions,
  ): Promise<Loaded<B>>;
}

/** What an encoder computes with. */
interface Loaded<B> {
  readonly words: RowSource;
  readonly weights: BertWeights<B>;
  /** Added to the dtype of a model that was quantised just now with the caller's texts: they decide about its vectors. */
  readonly measured?: string;
}

let wholeNumbers: WholeNumbers | undefined;

export function addWholeNumbers(to: WholeNumbers): void {
  wholeNumbers = to;
}

export function defaultTokensPerBatch(
  { layers, hiddenSize: H, intermediateSize: I }: BertConfig,
  work: number,
): number {
  const workPerToken = 2 * layers * (4 * H * H + 2 * H * I);
  return Math.max(32, Math.min(512, Math.floor(work / workPerToken)));
}

/** config.json of a model's transformer folder. */
export async function loadConfig(source: ModelSource, folder: string): Promise<BertConfig> {
  const file = inFolder(folder, "config.json");
  const problem = `is missing: ${source.name} is not a model folder (it needs config.json, a vocabulary and weights)`;
  const text = (await readText(source, file)) ?? fail(file, undefined, problem);
  return readConfig(Json.parse(file, text));
}

/** Encodings to hidden states: a backend, the weights, and room for one batch. */
export interface Encoder {
  readonly config: BertConfig;
  readonly backend: BackendInfo;
  /** `"int8"`, and where it was quantised just now with the caller's texts a hash of them: they decide about its vectors. */
  readonly dtype: string;
  /** Tokens there is room for: a batch, or the longest text. */
  readonly tokens: number;
  /** Tokens a batch is filled up to; a longer text is a batch of its own. */
  readonly budget: number;
  readonly tensors: TensorSource;
  /** What a user should know of the backend; usually nothing. */
  readonly warnings: readonly string[];
  /** Hidden states [T,H] of texts laid end to end, at most `tokens` of them. */
  run(encodings: readonly EncodingIds[], see?: SeeValues): Promise<Float32Array>;
  /** @throws ModelError once the model has been disposed of. */
  checkUsable(): void;
  /** Waits for the batch in flight, then lets go of the memory. Calls not finished by then are rejected. */
  dispose(): Promise<void>;
}

/**
 * `longest` is the longest text that will be asked for, which may be a batch of its own; `then` makes something of the encoder, whose workers and
 * memory go where that fails.
 */
export async function loadEncoder<R>(
  source: ModelSource,
  folder: string,
  config: BertConfig,
  longest: number,
  options: EncoderOptions,
  then: (encoder: Encoder) => Promise<R>,
): Promise<R> {
  const tensors = await openTensors(source, folder);
  const stored = wholeNumbers?.stored(tensors) ?? "float32";
  const { dtype = stored } = options;
  if (dtype === "float32" && stored !== dtype) refuse("dtype", "the weights are whole numbers: leave it out", dtype);
  const whole =
    dtype === "float32" ? undefined : (wholeNumbers ?? refuse("dtype", 'needs `import "munjang/int8"` here', dtype));
  const chosen = await chooseBackend(options, whole?.backends(dtype), config);
  const { engine, name, reason, width, work, figures } = chosen;
  const budget = options.tokensPerBatch ?? chosen.tokens ?? defaultTokensPerBatch(config, work);
  const tokens = Math.max(budget, longest);
  const load = async <B>(to: Loading<B>, tensors: TensorSource, options: EncoderOptions): Promise<Loaded<B>> =>
    (await whole?.load(to, tensors, { source, folder, config }, options)) ?? loadFloats(to, tensors, config, options);
  try {
    const { words, weights, measured } = await load(engine.kernels, tensors, options);
    const runner = await engine.start(weights, config, tokens, async (kernels) => {
      // The word table is where it was, and the signal was for loading.
      const again = await load(kernels, await openTensors(source, folder), {
        ...options,
        rows: "source",
        signal: undefined,
      });
      if ((options.rows ?? "memory") === "memory") await source.close();
      return again.weights;
    });
    const backend: BackendInfo = { name, threads: runner.threads, width, reason, ...(figures && { figures }) };
    return await then({
      config,
      backend,
      dtype: dtype + (measured ?? ""),
      tokens,
      budget,
      tensors,
      warnings: chosen.warnings ?? [],
      ...running(config, tensors.file, words, runner),
    });
  } catch (error) {
    await engine.dispose();
    throw error;
  }
}

async function loadFloats<B>(
  kernels: Loading<B>,
  tensors: TensorSource,
  config: BertConfig,
  { rows = "memory", signal }: EncoderOptions,
): Promise<Loaded<B>> {
  const reading = loadWords(tensors, config, rows);
  reading.catch(() => {}); // awaited below: a quarter of KR-SBERT is read while the rest is packed
  const weights = await loadWeights(kernels, tensors, config, signal);
  return { words: await reading, weights };
}

function running(
  config: BertConfig,
  file: string,
  words: RowSource,
  runner: Runner,
): Pick<Encoder, "run" | "checkUsable" | "dispose"> {
  let disposed = false;
  const checkUsable = (): void => {
    if (disposed) refuse("dispose", "the model has been disposed of; load it again");
  };
  return {
    checkUsable,
    async run(encodings, see) {
      checkUsable();
      const batch = layOut(encodings, config);
      const rows = new Float32Array(batch.ids.length * config.hiddenSize);
      try {
        await words.read(batch.ids, rows);
      } catch (error) {
        checkUsable(); // dispose closes the file under a read
        throw error;
      }
      checkFinite(rows, file, "word embeddings of this batch");
      checkUsable();
      const hidden = await runner.run(batch, rows, see);
      letGo(rows.buffer);
      return hidden;
    },
    async dispose() {
      if (disposed) return;
      disposed = true;
      await runner.dispose();
    },
  };
}

/** Refuses what `load` cannot mean. */
export function checkEncoderOptions(options: EncoderOptions): void {
  /** A number of workers beyond all sense, each of which takes megabytes. */
  const MOST_THREADS = 256;
  checkFields(options, { wide: "boolean", verify: "boolean" });
  const { threads, dtype, rows, tokensPerBatch } = options;
  if (threads !== undefined && threads !== "auto") {
    checkWhole("threads", threads, 0, MOST_THREADS, "all sense");
  }
  if (dtype !== undefined) checkOneOf("dtype", dtype, ["float32", "int8", "int8-12"]);
  if (rows !== undefined && typeof rows !== "function") checkOneOf("rows", rows, ["memory", "source"]);
  if (tokensPerBatch !== undefined) checkWhole("tokensPerBatch", tokensPerBatch, 1);
}
