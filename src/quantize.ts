import { checkFields, checkOneOf, checkWhole, refuse } from "./base/door.ts";
import type { BertConfig } from "./bert/config.ts";
import { BertModel, type EncodingLike } from "./bert-model.ts";
import { loadTokenizer } from "./bert-tokenizer.ts";
import { loadConfig } from "./encoder.ts";
import { calibrationTexts } from "./int8.ts";
import { readModules } from "./modules.ts";
import { openTensors, WEIGHTS } from "./open-tensors.ts";
import { pool, similarityPairwise } from "./pooling/index.ts";
import { DEFAULTS } from "./prompts.ts";
import { calibrate } from "./quantised/calibrate.ts";
import { checkTensors, type StoredType, tensorsOf, writeTensors } from "./quantised/convert.ts";
import { openWriter, planFiles, type Sink } from "./quantised/files.ts";
import { isQuantised } from "./quantised/stored.ts";
import {
  inFolder,
  type ModelFiles,
  type ModelInput,
  type ModelSource,
  openModel,
  readText,
  type SourceOptions,
} from "./source.ts";
import { readTransformerSettings } from "./transformer-settings.ts";

/** Converting models to int8 or float16: `munjang/quantize`. */

export type { StoredType } from "./quantised/convert.ts";
export type { SinkFile } from "./quantised/files.ts";

/** Where a converted model goes. */
export interface ModelSink extends Sink {
  /** The model as `load` takes it, once all files are closed; where there is one, it is compared with what it was made from. */
  model?(): ModelInput;
}

/** Options of `convert`. */
export interface ConvertOptions extends SourceOptions {
  /** What the weights become. Default: `"int8"`. */
  dtype?: StoredType;
  /** What the word table becomes. Default: the same. */
  words?: StoredType;
  /** Bytes of tensors in a file, at most. Default: all in one file. */
  maxShardSize?: number;
  /** Texts, or token ids, that the model is measured with. Default: some lines of Korean and English. */
  calibration?: readonly (string | EncodingLike)[];
  /** Called after the tables and after every layer. */
  onConvert?: (progress: { readonly done: number; readonly total: number }) => void;
}

/** What `convert` has written. */
export interface Converted {
  readonly files: readonly { readonly file: string; readonly bytes: number }[];
  /**
   * Cosines between the mean token vectors of the calibration texts by the float32 model and by the converted one; undefined where the sink
   * cannot be read back.
   */
  readonly cosine?: { readonly texts: number; readonly mean: number; readonly least: number };
}

/**
 * Writes a model with smaller weights: int8, a quarter of float32, or float16, half of it. All else that `load` reads is copied. What runs
 * with less memory than the float32 model takes: one of its weights at a time, beside the texts it is measured with.
 *
 * @throws ModelError where the model is not complete, or is one of whole numbers already.
 * @example
 * const small = inMemory();
 * await convert("snunlp/KR-SBERT-V40K-klueNLI-augSTS", small);
 * const model = await SentenceTransformer.load(small.model());
 */
export async function convert(model: ModelInput, sink: ModelSink, options: ConvertOptions = {}): Promise<Converted> {
  const { dtype = "int8", words = dtype, maxShardSize, calibration, onConvert, signal } = options;
  checkFields(options, { onConvert: "function", calibration: "object" });
  checkOneOf("dtype", dtype, ["int8", "float16"]);
  checkOneOf("words", words, ["int8", "float16"]);
  if (dtype === "float16" && words === "int8") refuse("words", "int8 beside float16 weights is not read", words);
  if (maxShardSize !== undefined) checkWhole("maxShardSize", maxShardSize, 1);
  const opened = await openModel(model, options);
  try {
    const { source, files: opens } = recorded(opened);
    const list = await readModules(source, async (folder) => (await loadConfig(source, folder)).hiddenSize);
    const folder = list.transformer;
    const config = await loadConfig(source, folder);
    if (list.listed) {
      await readTransformerSettings(source, folder);
      await readText(source, DEFAULTS);
    }
    await loadTokenizer(source, folder);
    const copies = [...opens];
    const tensors = await openTensors(opened, folder);
    if (isQuantised(tensors)) {
      refuse("model", "is one of whole numbers already: convert the float32 model it was made from", opened.name);
    }
    checkTensors(tensors, config); // before anything is made of what config.json claims
    const plan = planFiles(
      tensorsOf(config, dtype, words),
      { format: "pt", munjang: metadata(dtype, words) },
      maxShardSize,
    );
    const ours = dtype === "int8" || Object.keys(plan.map).some((name) => /\.rows\.\d+$/.test(name));
    const texts = dtype === "int8" ? await calibrationTexts(opened, folder, config, calibration) : [];
    const measured = dtype === "int8" ? await calibrate(tensors, config, texts, signal) : undefined;

    const written: { file: string; bytes: number }[] = [];
    const put = async (file: string, bytes: Uint8Array): Promise<void> => {
      const to = await sink.create(file, bytes.length);
      await to.write(bytes, 0);
      await to.close();
      written.push({ file, bytes: bytes.length });
    };
    signal?.throwIfAborted();
    const writer = await openWriter(plan, sink, folder);
    try {
      await writeTensors(tensors, config, words, measured?.next, writer, (done, total) => {
        signal?.throwIfAborted();
        onConvert?.({ done, total });
      });
    } catch (error) {
      await writer.abort();
      throw error;
    }
    await writer.close();
    for (const { path, layout } of plan.files) written.push({ file: inFolder(folder, path), bytes: layout.byteLength });
    if (plan.files.length > 1) {
      const index = { metadata: { total_size: plan.bytes }, weight_map: plan.map };
      await put(inFolder(folder, "model.safetensors.index.json"), utf8(`${JSON.stringify(index, null, 2)}\n`));
    }
    for (const file of copies) {
      if (WEIGHTS.test(file) && file.startsWith(inFolder(folder, "")) && isOf(folder, file)) continue;
      const bytes = await opened.open(file);
      if (bytes === undefined) continue;
      const copy = new Uint8Array(await bytes.slice(0, bytes.byteLength));
      await put(file, file === inFolder(folder, "config.json") && ours ? withMark(copy) : copy);
    }
    const reread = sink.model?.();
    if (measured === undefined || reread === undefined) return { files: written };
    const hidden = await measured.hidden();
    return { files: written, cosine: await compare(reread, texts, hidden, config) };
  } finally {
    await opened.close();
  }
}

/** A model in memory, to convert to: `model()` is what `load` takes. */
export function inMemory(): ModelSink & {
  readonly files: Record<string, Uint8Array<ArrayBuffer>>;
  model(): ModelFiles;
} {
  const files: Record<string, Uint8Array<ArrayBuffer>> = {};
  return {
    files,
    model: () => ({ name: "converted", files }),
    async create(path, byteLength) {
      const bytes = new Uint8Array(byteLength);
      files[path] = bytes;
      return { write: (part, at) => bytes.set(part, at), close() {} };
    },
  };
}

function metadata(dtype: StoredType, words: StoredType): string {
  return JSON.stringify({ weights: dtype, words, scheme: dtype === "int8" ? "scale by row, balance 1/2" : undefined });
}

/**
 * config.json of a model that only munjang reads names a type that transformers does not know: it refuses the model, instead of taking whole
 * numbers for weights, or starting with a random word table because its own lies in parts.
 */
function withMark(config: Uint8Array): Uint8Array {
  const json = JSON.parse(new TextDecoder().decode(config));
  const type: string = json.model_type ?? "bert";
  const marked = type.startsWith("munjang-") ? type : `munjang-${type}`; // float16 in parts bears it already
  return utf8(`${JSON.stringify({ ...json, model_type: marked }, null, 2)}\n`);
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Whether a file lies in the folder itself. */
function isOf(folder: string, file: string): boolean {
  return !file.slice(inFolder(folder, "").length).includes("/");
}

/** The source, which remembers the files there are that were opened. */
function recorded(from: ModelSource): { source: ModelSource; files: Set<string> } {
  const files = new Set<string>();
  const open: ModelSource["open"] = async (path) => {
    const bytes = await from.open(path);
    if (bytes !== undefined) files.add(path);
    return bytes;
  };
  return { source: { name: from.name, open, close: () => from.close() }, files };
}

/** Cosines of mean vectors: of hidden states [T,H], and of a model. */
async function compare(
  model: ModelInput,
  texts: readonly EncodingLike[],
  hidden: Float32Array,
  { hiddenSize: H }: BertConfig,
): Promise<Converted["cosine"]> {
  const bert = await BertModel.load(model, { backend: "wasm", threads: 0 });
  let start = 0;
  const [before, after]: Float32Array[][] = [[], []];
  for (const text of texts) {
    const length = text.ids.length;
    const [a, b] = [new Float32Array(H), new Float32Array(H)];
    const { tokenEmbeddings } = await bert.forward(text);
    pool(a, 0, hidden, H, { start, length, skip: 0 }, "mean");
    pool(b, 0, tokenEmbeddings.data, H, { start: 0, length, skip: 0 }, "mean");
    before.push(a);
    after.push(b);
    start += length;
  }
  await bert.dispose();
  const cosines = similarityPairwise(before, after, "cosine");
  return {
    texts: texts.length,
    mean: cosines.reduce((sum, c) => sum + c, 0) / texts.length,
    least: Math.min(...cosines),
  };
}
