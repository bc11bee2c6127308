import type { BackendInfo } from "./backend.ts";
import { ModelError } from "./base/errors.ts";
import { rowMajor, type Tensor } from "./base/tensor.ts";
import { intoBatches } from "./bert/batch.ts";
import { type EncodingLike, withoutPadding } from "./bert-model.ts";
import { type BertTokenizer, loadTokenizer, readTokenizerFiles } from "./bert-tokenizer.ts";
import { checkWhole, Encoder, type EncoderOptions, loadConfig } from "./encoder.ts";
import { hashModel, type Identity, NUMERICS_VERSION } from "./identity.ts";
import { type ModuleList, readModules } from "./modules.ts";
import {
  applyModules,
  firstColumns,
  normalizeRows,
  PRECISIONS,
  type Precision,
  quantizeRows,
  type Ranges,
  type Segment,
  type SimilarityFunction,
  similarity,
  similarityPairwise,
} from "./pooling/index.ts";
import { choosePrompt, type ModelDefaults, readDefaults } from "./prompts.ts";
import { breathe } from "./run/turns.ts";
import { type ModelInput, type ModelSource, openModel, readText } from "./source.ts";
import type { Encoding, TokenizerOptions } from "./tokenizer/index.ts";
import { readTransformerSettings } from "./transformer-settings.ts";

/** Options of `SentenceTransformer.load`. */
export interface LoadOptions extends EncoderOptions {
  /** Longest text in tokens, [CLS] and [SEP] included; longer ones are cut. Default: what the model says. */
  maxSeqLength?: number;
  /** Keep the first so many numbers of every vector (for models trained to allow it). Default: what the model says. */
  truncateDim?: number;
  /** Texts put before texts, by name; beside and over those of the model. */
  prompts?: Readonly<Record<string, string>>;
  /** What `similarity` computes. Default: what the model says, else cosine. */
  similarityFunction?: SimilarityFunction;
  tokenizer?: TokenizerOptions;
  /** Called as files are read. */
  onProgress?: (progress: LoadProgress) => void;
  /** Called for everything a user should know about the model as loaded; the same stand in `warnings`. */
  onWarning?: (warning: string) => void;
}

export interface LoadProgress {
  readonly file: string;
  /** Bytes of the file read so far; a file that is read in parts may never be read whole. */
  readonly loaded: number;
  readonly total: number;
}

/** Options of `encode`. */
export interface EncodeOptions {
  /** Name of a prompt of the model to put before every text. */
  promptName?: string;
  /** Text to put before every text; goes before `promptName`. */
  prompt?: string;
  /** Divide every vector by its length, after everything else but `precision`. */
  normalizeEmbeddings?: boolean;
  /** Keep the first so many numbers of every vector. */
  truncateDim?: number;
  /** `"token_embeddings"` gives a [L, W] tensor a text instead of a row, special tokens included; `"all"` gives both, and the encoding. */
  outputValue?: OutputValue;
  /** Element type of the rows; bytes as `quantize_embeddings` of sentence-transformers makes them. */
  precision?: Precision;
  /** For `int8` and `uint8`: smallest and largest value of every dimension. Default: those of this call's own vectors. */
  ranges?: Ranges;
  /** Lowers the budget given to `load`, for this call. */
  tokensPerBatch?: number;
  /** Called after every batch with the number of texts done. */
  onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
  /** Stops between batches; the promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

export type OutputValue = "sentence_embedding" | "token_embeddings" | "all";

/** What `outputValue: "all"` gives for a text. */
export interface TextFeatures {
  /** [D] */
  readonly sentenceEmbedding: Float32Array;
  /** [L, W] */
  readonly tokenEmbeddings: Tensor<Float32Array>;
  /** What the model read: an `Encoding`, or the ids that were given. */
  readonly encoding: Encoding | EncodingLike;
}

/** A text, or one already turned into ids. */
export type EncodeInput = string | EncodingLike;

type Tokens = { outputValue: "token_embeddings" };
type All = { outputValue: "all" };
type Signed = { precision: "int8" | "binary" };
type Unsigned = { precision: "uint8" | "ubinary" };

/** Any row `encode` may return. */
export type Row = Float32Array | Int8Array | Uint8Array | Tensor<Float32Array> | TextFeatures;

/** A model that turns texts into vectors. Words and results are those of Python's sentence-transformers. */
export class SentenceTransformer {
  /** The model's tokenizer, without the model's limit. */
  readonly tokenizer: BertTokenizer;
  /** Longest text in tokens, [CLS] and [SEP] included; longer ones are cut. */
  readonly maxSeqLength: number;
  /** Numbers in a vector. */
  readonly dimension: number;
  readonly similarityFunction: SimilarityFunction;
  /** What a user should know about the model as it was loaded; usually nothing. */
  readonly warnings: readonly string[];
  /** What must be equal for stored vectors to be comparable. */
  readonly identity: Identity;
  readonly #encoder: Encoder;
  readonly #list: ModuleList;
  readonly #defaults: ModelDefaults;
  readonly #source: ModelSource;

  private constructor(parts: Parts) {
    this.tokenizer = parts.tokenizer;
    this.maxSeqLength = parts.maxSeqLength;
    this.dimension = parts.identity.dimension;
    this.similarityFunction = parts.defaults.similarityFunction;
    this.warnings = parts.warnings;
    this.identity = parts.identity;
    this.#encoder = parts.encoder;
    this.#list = parts.list;
    this.#defaults = parts.defaults;
    this.#source = parts.source;
  }

  /**
   * Loads a model: a folder or an installed weights package by name, or `{ files }` in memory or behind URLs.
   *
   * @throws ModelError naming file, field and value, for anything missing, damaged, or not supported exactly.
   * @example
   * const model = await SentenceTransformer.load("munjang-mini-ko");
   * const [a, b] = await model.encode(["잠이 옵니다", "졸음이 옵니다"]);
   */
  static async load(model: ModelInput, options: LoadOptions = {}): Promise<SentenceTransformer> {
    const source = watched(await openModel(model), options);
    try {
      return new SentenceTransformer(await loadParts(source, options));
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  /** What really computes. */
  get backend(): BackendInfo {
    return this.#encoder.backend;
  }

  /** The model's prompts by name. */
  get prompts(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#defaults.prompts);
  }

  /**
   * Turns a text into a vector, or many into many, in the caller's order. A text's vector does not depend on the texts beside it.
   *
   * Order of work, as in the reference: the model's modules (its own Normalize too), `truncateDim`, `normalizeEmbeddings`, `precision`.
   * Longer texts than `maxSeqLength` are cut; `tokenize` shows which.
   */
  async encode(input: EncodeInput, options: EncodeOptions & Tokens): Promise<Tensor<Float32Array>>;
  async encode(input: readonly EncodeInput[], options: EncodeOptions & Tokens): Promise<Tensor<Float32Array>[]>;
  async encode(input: EncodeInput, options: EncodeOptions & All): Promise<TextFeatures>;
  async encode(input: readonly EncodeInput[], options: EncodeOptions & All): Promise<TextFeatures[]>;
  async encode(input: EncodeInput, options: EncodeOptions & Signed): Promise<Int8Array>;
  async encode(input: readonly EncodeInput[], options: EncodeOptions & Signed): Promise<Int8Array[]>;
  async encode(input: EncodeInput, options: EncodeOptions & Unsigned): Promise<Uint8Array>;
  async encode(input: readonly EncodeInput[], options: EncodeOptions & Unsigned): Promise<Uint8Array[]>;
  async encode(
    input: EncodeInput,
    options?: EncodeOptions & { outputValue?: "sentence_embedding"; precision?: "float32" },
  ): Promise<Float32Array>;
  async encode(
    input: readonly EncodeInput[],
    options?: EncodeOptions & { outputValue?: "sentence_embedding"; precision?: "float32" },
  ): Promise<Float32Array[]>;
  async encode(input: EncodeInput | readonly EncodeInput[], options?: EncodeOptions): Promise<Row | Row[]>;
  async encode(input: EncodeInput | readonly EncodeInput[], options: EncodeOptions = {}): Promise<Row | Row[]> {
    this.#encoder.checkUsable();
    checkOptions(options, this.#encoder.tokens, this.#list.dimension);
    options.signal?.throwIfAborted();
    const many = Array.isArray(input);
    const rows = await this.#encodeAll(many ? input : [input as EncodeInput], options, many);
    return many ? rows : rows[0];
  }

  /**
   * Encodes texts as they come and yields their rows in order, holding no more than a window of them. A slow source is not waited for:
   * what has come is encoded meanwhile.
   */
  async *encodeStream(
    texts: Iterable<EncodeInput> | AsyncIterable<EncodeInput>,
    options: Omit<EncodeOptions, "outputValue" | "precision" | "ranges" | "onProgress"> = {},
  ): AsyncGenerator<Float32Array, void, undefined> {
    for await (const window of windows(texts, STREAM_WINDOW)) yield* await this.encode(window, options);
  }

  /** `encode` with the prompt named `query`, unless another is asked for. */
  encodeQuery(input: string, options?: EncodeOptions): Promise<Float32Array>;
  encodeQuery(input: readonly string[], options?: EncodeOptions): Promise<Float32Array[]>;
  encodeQuery(input: string | readonly string[], options: EncodeOptions = {}): Promise<Row | Row[]> {
    return this.encode(input, { promptName: "query", ...options });
  }

  /** `encode` with the prompt named `document`, unless another is asked for. */
  encodeDocument(input: string, options?: EncodeOptions): Promise<Float32Array>;
  encodeDocument(input: readonly string[], options?: EncodeOptions): Promise<Float32Array[]>;
  encodeDocument(input: string | readonly string[], options: EncodeOptions = {}): Promise<Row | Row[]> {
    return this.encode(input, { promptName: "document", ...options });
  }

  /** Every row of `a` against every row of `b`, by the model's own function: row i holds the similarities of a[i]. */
  similarity(a: Float32Array | readonly Float32Array[], b: Float32Array | readonly Float32Array[]): Float32Array[] {
    return similarity(asRows(a), asRows(b), this.similarityFunction);
  }

  /** Row i of `a` against row i of `b`. */
  similarityPairwise(
    a: Float32Array | readonly Float32Array[],
    b: Float32Array | readonly Float32Array[],
  ): Float32Array {
    return similarityPairwise(asRows(a), asRows(b), this.similarityFunction);
  }

  /** A text as the model reads it, cut at `maxSeqLength`: ids, tokens, where they stand, and whether anything was cut. */
  tokenize(text: string): Encoding;
  tokenize(texts: readonly string[]): Encoding[];
  tokenize(input: string | readonly string[]): Encoding | Encoding[] {
    const maxLength = this.maxSeqLength;
    if (Array.isArray(input)) return this.tokenizer.encodeBatch(input, { maxLength });
    return this.tokenizer.encode(input as string, { maxLength });
  }

  /** Waits for the batch in flight, then lets go of memory and files. Calls not finished by then reject. */
  async dispose(): Promise<void> {
    await this.#encoder.dispose();
    await this.#source.close();
  }

  async #encodeAll(input: readonly EncodeInput[], options: EncodeOptions, many: boolean): Promise<Row[]> {
    const prompt = choosePrompt(this.#defaults, options);
    const encodings = await this.#read(input, prompt, options.signal, many);
    const texts = encodings.map(withoutPadding);
    const lengths = texts.map((text) => text.ids.length);
    const skip = this.#promptLength(prompt);
    const budget = Math.min(options.tokensPerBatch ?? this.#encoder.tokens, this.#encoder.tokens);
    const D = Math.min(options.truncateDim ?? this.dimension, this.#list.dimension);
    const outputs = new Array<Row>(input.length);
    let done = 0;
    for (const batch of intoBatches(lengths, budget)) {
      options.signal?.throwIfAborted();
      const hidden = await this.#encoder.run(batch.map((n) => texts[n]));
      const segments = segmentsOf(batch, lengths, skip, input);
      const { tokens, sentences } = applyModules(this.#list.modules, { data: hidden, width: this.#width }, segments);
      let rows = firstColumns(sentences?.data ?? hidden, this.#list.dimension, D);
      if (options.normalizeEmbeddings === true) rows = normalizeRows(rows, D);
      for (const [i, n] of batch.entries()) {
        const row = rows.slice(i * D, (i + 1) * D);
        checkRow(row, n);
        const matrix = (): Tensor<Float32Array> => rowsOf(tokens.data, tokens.width, segments[i]);
        if (options.outputValue === "token_embeddings") outputs[n] = matrix();
        else if (options.outputValue !== "all") outputs[n] = row;
        else outputs[n] = { sentenceEmbedding: row, tokenEmbeddings: matrix(), encoding: encodings[n] };
      }
      done += batch.length;
      options.onProgress?.({ done, total: input.length });
    }
    return options.precision === undefined || options.precision === "float32"
      ? outputs
      : quantize(outputs as Float32Array[], D, options.precision, options.ranges);
  }

  get #width(): number {
    return this.#encoder.config.hiddenSize;
  }

  /** Texts to ids; a long list in parts, so that an abort can arrive. */
  async #read(
    input: readonly EncodeInput[],
    prompt: string,
    signal: AbortSignal | undefined,
    many: boolean,
  ): Promise<(Encoding | EncodingLike)[]> {
    const encodings: (Encoding | EncodingLike)[] = [];
    for (const [n, item] of input.entries()) {
      if (n > 0 && n % 1000 === 0) {
        await breathe();
        signal?.throwIfAborted();
      }
      if (typeof item === "string") {
        encodings.push(this.tokenizer.encode(prompt + item, { maxLength: this.maxSeqLength }));
      } else if (typeof item === "object" && item !== null && "ids" in item) {
        if (item.ids.length > this.#encoder.tokens) {
          throw new ModelError(`has ${item.ids.length} tokens; the model was loaded for ${this.#encoder.tokens}`, {
            field: many ? `input[${n}]` : "input",
          });
        }
        encodings.push(item);
      } else {
        throw new ModelError("must be a string or an Encoding", { field: many ? `input[${n}]` : "input", value: item });
      }
    }
    return encodings;
  }

  /**
   * Tokens at the start of every text that a pooling module leaves out (`include_prompt: false`): those of the prompt alone, [CLS]
   * among them, [SEP] not.
   */
  #promptLength(prompt: string): number {
    if (prompt === "" || this.#list.modules.every((m) => m.kind !== "pooling" || m.includePrompt)) return 0;
    return this.tokenizer.encode(prompt, { maxLength: this.maxSeqLength }).ids.length - 1;
  }
}

/** Texts gathered for one call by `encodeStream`. */
const STREAM_WINDOW = 256;

interface Parts {
  readonly source: ModelSource;
  readonly tokenizer: BertTokenizer;
  readonly encoder: Encoder;
  readonly list: ModuleList;
  readonly defaults: ModelDefaults;
  readonly maxSeqLength: number;
  readonly warnings: readonly string[];
  readonly identity: Identity;
}

async function loadParts(source: ModelSource, options: LoadOptions): Promise<Parts> {
  options.signal?.throwIfAborted();
  const warnings: string[] = [];
  const warn = (warning: string): void => {
    warnings.push(warning);
    options.onWarning?.(warning);
  };
  const list = await readModules(source, async (folder) => (await loadConfig(source, folder)).hiddenSize);
  list.warnings.forEach(warn);
  const folder = list.transformer;
  const config = await loadConfig(source, folder);
  const settings = list.listed
    ? await readTransformerSettings(source, folder)
    : { maxSeqLength: undefined, lowerCase: false };
  const defaults = readDefaults(
    list.listed ? await readText(source, "config_sentence_transformers.json") : undefined,
    options,
  );
  const tokenizer = await loadTokenizer(source, folder, { lowerCase: settings.lowerCase, ...options.tokenizer });
  tokenizer.warnings.forEach(warn);
  checkVocabulary(tokenizer, config.vocabularySize);

  const saved = settings.maxSeqLength ?? tokenizer.modelMaxLength ?? config.longestText;
  if (settings.maxSeqLength !== undefined && saved > config.longestText) {
    warn(`max_seq_length is ${saved}, but the model has positions for ${config.longestText}: texts are cut there`);
  }
  const maxSeqLength = options.maxSeqLength ?? Math.min(saved, config.longestText);
  checkWhole("maxSeqLength", maxSeqLength, 2);
  if (maxSeqLength > config.longestText) {
    throw new ModelError(`is beyond the model's positions, ${config.longestText}`, {
      field: "maxSeqLength",
      value: maxSeqLength,
    });
  }
  const truncateDim = defaults.truncateDim ?? list.dimension;
  checkTruncateDim(truncateDim, list.dimension);

  const encoder = await Encoder.load(source, folder, config, maxSeqLength, options);
  const identity = {
    numerics: NUMERICS_VERSION,
    backend: encoder.backend.name,
    dtype: options.dtype ?? "float32",
    pooling: list.modules.flatMap((m) => (m.kind === "pooling" ? m.modes : [])).join("+"),
    normalize: list.modules.some((m) => m.kind === "normalize"),
    dimension: truncateDim,
    maxSeqLength,
    prompt: choosePrompt(defaults, {}),
    model: await hashModel(await textFiles(source, folder), encoder.tensors),
  };
  if (options.rows !== "source") await source.close(); // everything has been read
  return { source, tokenizer, encoder, list, defaults, maxSeqLength, warnings, identity };
}

/** The text files that decide about vectors, by name. */
async function textFiles(source: ModelSource, folder: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const within = folder === "" ? "" : `${folder}/`;
  const add = (name: string, text: string | undefined): void => {
    if (text !== undefined) files.set(name, text);
  };
  add("modules.json", await readText(source, "modules.json"));
  add(`${within}config.json`, await readText(source, `${within}config.json`));
  for (const [name, text] of Object.entries(await readTokenizerFiles(source, folder))) add(within + name, text);
  return files;
}

function checkVocabulary(tokenizer: BertTokenizer, rows: number): void {
  const { vocabularySize } = tokenizer;
  if (vocabularySize === rows) return;
  const problem =
    vocabularySize > rows
      ? "the vocabulary belongs to another model"
      : "it is cut short, or belongs to another model (if the table was padded on purpose, add [unused…] lines)";
  throw new ModelError(`the vocabulary has ${vocabularySize} entries, the word table ${rows}: ${problem}`, {
    file: "vocab.txt",
  });
}

function checkOptions(options: EncodeOptions, tokens: number, dimension: number): void {
  if (typeof options !== "object" || options === null)
    throw new ModelError("must be an object", { field: "options", value: options });
  const { outputValue = "sentence_embedding", precision = "float32", tokensPerBatch, truncateDim } = options;
  if (!["sentence_embedding", "token_embeddings", "all"].includes(outputValue)) {
    throw new ModelError("must be sentence_embedding, token_embeddings or all", {
      field: "outputValue",
      value: outputValue,
    });
  }
  if (!PRECISIONS.includes(precision)) {
    throw new ModelError(`must be one of ${PRECISIONS.join(", ")}`, { field: "precision", value: precision });
  }
  if (precision !== "float32" && outputValue !== "sentence_embedding") {
    throw new ModelError("is for sentence embeddings only", { field: "precision", value: precision });
  }
  if (tokensPerBatch !== undefined) {
    checkWhole("tokensPerBatch", tokensPerBatch, 1);
    if (tokensPerBatch > tokens) {
      throw new ModelError(`is above the ${tokens} the model was loaded for; give it to load`, {
        field: "tokensPerBatch",
        value: tokensPerBatch,
      });
    }
  }
  if (truncateDim !== undefined) checkTruncateDim(truncateDim, dimension);
}

function checkTruncateDim(truncateDim: number, dimension: number): void {
  checkWhole("truncateDim", truncateDim, 1);
  if (truncateDim > dimension) {
    throw new ModelError(`is beyond the model's dimension, ${dimension}`, { field: "truncateDim", value: truncateDim });
  }
}

/** A NaN means damaged weights or arithmetic gone wrong: better no vector than one that is near nothing and far from nothing. */
function checkRow(row: Float32Array, n: number): void {
  if (row.some(Number.isNaN))
    throw new ModelError("its vector is not a number; the weights are damaged", { field: `input[${n}]` });
}

function segmentsOf(
  batch: readonly number[],
  lengths: readonly number[],
  skip: number,
  input: readonly EncodeInput[],
): Segment[] {
  let start = 0;
  return batch.map((n) => {
    const length = lengths[n];
    start += length;
    return { start: start - length, length, skip: typeof input[n] === "string" ? Math.min(skip, length) : 0 };
  });
}

/** One text's rows of [T, W] as a tensor of its own, [L, W]. */
function rowsOf(data: Float32Array, W: number, { start, length }: Segment): Tensor<Float32Array> {
  const shape = [length, W];
  return {
    data: data.slice(start * W, (start + length) * W),
    shape,
    stride: rowMajor(shape),
    offset: 0,
    dtype: "float32",
  };
}

function quantize(
  rows: readonly Float32Array[],
  D: number,
  precision: Exclude<Precision, "float32">,
  ranges: Ranges | undefined,
): (Int8Array | Uint8Array)[] {
  if (ranges !== undefined && (ranges.least?.length !== D || ranges.most?.length !== D)) {
    throw new ModelError(`must hold ${D} numbers each, least and most`, { field: "ranges" });
  }
  const all = new Float32Array(rows.length * D);
  for (const [n, row] of rows.entries()) all.set(row, n * D);
  const bytes = quantizeRows(all, D, precision, ranges);
  const width = rows.length === 0 ? 0 : bytes.length / rows.length;
  return rows.map((_, n) => bytes.slice(n * width, (n + 1) * width));
}

function asRows(rows: Float32Array | readonly Float32Array[]): readonly Float32Array[] {
  return rows instanceof Float32Array ? [rows] : rows;
}

/** Counts the bytes read from each file, where somebody wants to know. */
function watched(source: ModelSource, { onProgress }: LoadOptions): ModelSource {
  if (onProgress === undefined) return source;
  return {
    name: source.name,
    close: () => source.close(),
    open: async (file) => {
      const bytes = await source.open(file);
      if (bytes === undefined) return undefined;
      let loaded = 0;
      return {
        byteLength: bytes.byteLength,
        slice: async (start, end) => {
          const part = await bytes.slice(start, end);
          loaded = Math.min(loaded + part.byteLength, bytes.byteLength);
          onProgress({ file, loaded, total: bytes.byteLength });
          return part;
        },
      };
    },
  };
}

/** Gathers items into lists of at most `size`; a list is given out early when the next item is not there yet. */
async function* windows<V>(items: Iterable<V> | AsyncIterable<V>, size: number): AsyncGenerator<V[]> {
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  let window: V[] = [];
  try {
    let next = Promise.resolve(iterator.next());
    for (;;) {
      const come = await Promise.race([next, breathe()]);
      if (come === undefined && window.length > 0) {
        yield window;
        window = [];
      }
      const item = await next;
      if (item.done === true) break;
      window.push(item.value);
      if (window.length === size) {
        yield window;
        window = [];
      }
      next = Promise.resolve(iterator.next());
    }
    if (window.length > 0) yield window;
  } finally {
    await iterator.return?.();
  }
}
