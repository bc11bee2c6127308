import type { BackendInfo } from "./backend.ts";
import { breathe } from "./base/breathe.ts";
import { letGo } from "./base/bytes.ts";
import { refuse } from "./base/door.ts";
import { type Tensor, tensor } from "./base/tensor.ts";
import { intoBatches, placesOf } from "./bert/batch.ts";
import { type EncodingLike, withoutPadding } from "./bert-model.ts";
import type { BertTokenizer } from "./bert-tokenizer.ts";
import type { Identity } from "./identity.ts";
import { loadParts, type Parts } from "./load.ts";
import {
  type Callbacks,
  checkLoadOptions,
  checkOptions,
  type Encoded,
  type EncodeInput,
  type EncodeOptions,
  type LoadOptions,
  type NoOptions,
  type Row,
  type RowOf,
  type StreamOptions,
} from "./options.ts";
import {
  applyModules,
  firstColumns,
  normalizeRows,
  quantizeEach,
  type Segment,
  type SimilarityFunction,
  similarity,
  similarityPairwise,
} from "./pooling/index.ts";
import { choosePrompt } from "./prompts.ts";
import { type ModelInput, openModel } from "./source.ts";
import type { Encoding } from "./tokenizer/index.ts";
import { windows } from "./windows.ts";

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
  readonly #parts: Parts;

  private constructor(parts: Parts) {
    this.tokenizer = parts.tokenizer;
    this.maxSeqLength = parts.maxSeqLength;
    this.dimension = parts.identity.dimension;
    this.similarityFunction = parts.defaults.similarityFunction;
    this.warnings = parts.warnings;
    this.identity = parts.identity;
    this.#parts = parts;
  }

  /**
   * Loads a model: a folder, an installed weights package or a model of the hub by name, a URL, or files in memory. See docs/sources.md.
   *
   * @throws ModelError naming file, field and value, for anything missing, damaged, or not supported exactly.
   * @example
   * const model = await SentenceTransformer.load("munjang-mini-ko");
   * const [a, b] = await model.encode(["잠이 옵니다", "졸음이 옵니다"]);
   */
  static async load(model: ModelInput, options: LoadOptions = {}): Promise<SentenceTransformer> {
    checkLoadOptions(options);
    const own = { ...options };
    const source = await openModel(model, own);
    try {
      const parts = await loadParts(source, own);
      own.signal = undefined; // it stops loading; rows may be read later
      return new SentenceTransformer(parts);
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  /** What really computes. */
  get backend(): BackendInfo {
    return this.#parts.encoder.backend;
  }

  /** The model's prompts by name. */
  get prompts(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#parts.defaults.prompts);
  }

  /**
   * Turns a text into a vector, or many into many, in the caller's order. A text's vector does not depend on the texts beside it.
   *
   * Order of work, as in the reference: the model's modules (its own Normalize too), `truncateDim`, `normalizeEmbeddings`, `precision`.
   * Longer texts than `maxSeqLength` are cut; `tokenize` shows which.
   */
  async encode<I extends EncodeInput | readonly EncodeInput[], O extends EncodeOptions = NoOptions>(
    input: I,
    options?: O & Callbacks,
  ): Promise<Encoded<I, O>>;
  async encode(input: EncodeInput | readonly EncodeInput[], options: EncodeOptions = {}): Promise<Row | Row[]> {
    this.#parts.encoder.checkUsable();
    checkOptions(options, this.#parts.encoder.tokens, this.#parts.list.dimension);
    options.signal?.throwIfAborted();
    const many = Array.isArray(input);
    const rows = await this.#encodeAll(many ? input : [input as EncodeInput], options, many);
    return many ? rows : rows[0];
  }

  /**
   * Encodes texts as they come and yields their rows in order, holding no more than a window of them. A slow source is not waited for:
   * what has come is encoded meanwhile.
   */
  encodeStream<O extends StreamOptions = NoOptions>(
    texts: Iterable<EncodeInput> | AsyncIterable<EncodeInput>,
    options?: O & Callbacks,
  ): AsyncGenerator<RowOf<O>, void, undefined>;
  async *encodeStream(
    texts: Iterable<EncodeInput> | AsyncIterable<EncodeInput>,
    options: StreamOptions = {},
  ): AsyncGenerator<Row, void, undefined> {
    /** Texts gathered for one call. */
    const STREAM_WINDOW = 256;
    checkOptions(options, this.#parts.encoder.tokens, this.#parts.list.dimension, true);
    let before = 0;
    for await (const window of windows(texts, STREAM_WINDOW, options.signal)) {
      const onProgress: EncodeOptions["onProgress"] = ({ done, total }) =>
        options.onProgress?.({ done: before + done, total: before + total });
      yield* await this.encode(window, { ...options, onProgress });
      before += window.length;
    }
  }

  /** `encode` with the prompt named `query`, unless another is asked for. */
  encodeQuery<I extends EncodeInput | readonly EncodeInput[], O extends EncodeOptions = NoOptions>(
    input: I,
    options?: O & Callbacks,
  ): Promise<Encoded<I, O>>;
  encodeQuery(input: EncodeInput | readonly EncodeInput[], options: EncodeOptions = {}): Promise<Row | Row[]> {
    return this.encode(input, options && { ...options, promptName: options.promptName ?? "query" }); // null is refused there
  }

  /** `encode` with the prompt named `document`, unless another is asked for. */
  encodeDocument<I extends EncodeInput | readonly EncodeInput[], O extends EncodeOptions = NoOptions>(
    input: I,
    options?: O & Callbacks,
  ): Promise<Encoded<I, O>>;
  encodeDocument(input: EncodeInput | readonly EncodeInput[], options: EncodeOptions = {}): Promise<Row | Row[]> {
    return this.encode(input, options && { ...options, promptName: options.promptName ?? "document" }); // null is refused there
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
    const options = { maxLength: this.maxSeqLength };
    if (Array.isArray(input)) return this.tokenizer.encodeBatch(input, options);
    return this.tokenizer.encode(input as string, options);
  }

  /** Waits for the batch in flight, then lets go of memory and files. Calls not finished by then reject. */
  async dispose(): Promise<void> {
    await this.#parts.encoder.dispose();
    await this.#parts.source.close();
  }

  async #encodeAll(input: readonly EncodeInput[], options: EncodeOptions, many: boolean): Promise<Row[]> {
    const prompt = choosePrompt(this.#parts.defaults, options);
    const encodings = await this.#read(input, prompt, options.signal, many);
    const texts = encodings.map(withoutPadding);
    const lengths = texts.map((text) => text.ids.length);
    const groups = placesOf(input);
    const skip = this.#promptLength(prompt);
    const budget = options.tokensPerBatch ?? this.#parts.encoder.budget;
    const D = Math.min(options.truncateDim ?? this.dimension, this.#parts.list.dimension);
    const outputs = new Array<Row>(input.length);
    let done = 0;
    const batches = intoBatches(
      groups.map(([first]) => lengths[first]),
      budget,
    );
    for (const part of batches) {
      options.signal?.throwIfAborted();
      const batch = part.map((group) => groups[group][0]);
      const hidden = await this.#parts.encoder.run(batch.map((n) => texts[n]));
      const segments = segmentsOf(batch, lengths, skip, input);
      const states = { data: hidden, width: this.#parts.encoder.config.hiddenSize };
      const { tokens, sentences } = applyModules(this.#parts.list.modules, states, segments);
      let rows = firstColumns(sentences?.data ?? hidden, this.#parts.list.dimension, D);
      if (options.normalizeEmbeddings === true) rows = normalizeRows(rows, D);
      for (const [i, group] of part.entries()) {
        for (const n of groups[group]) {
          const row = rows.slice(i * D, (i + 1) * D);
          // A NaN means damaged weights or arithmetic gone wrong: better no vector than one that is near nothing and far from nothing.
          if (row.some(Number.isNaN)) refuse(`input[${n}]`, "its vector is not a number; the weights are damaged");
          const matrix = (): Tensor<Float32Array> => rowsOf(tokens.data, tokens.width, segments[i]);
          if (options.outputValue === "token_embeddings") outputs[n] = matrix();
          else if (options.outputValue !== "all") outputs[n] = row;
          else outputs[n] = { sentenceEmbedding: row, tokenEmbeddings: matrix(), encoding: encodings[n] };
        }
        done += groups[group].length;
      }
      letGo(hidden.buffer as ArrayBuffer);
      options.onProgress?.({ done, total: input.length });
    }
    return options.precision === undefined || options.precision === "float32"
      ? outputs
      : quantizeEach(outputs as Float32Array[], D, options.precision, options.ranges);
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
      const field = many ? `input[${n}]` : "input";
      if (typeof item === "string") {
        encodings.push(this.tokenize(prompt + item));
      } else if (typeof item === "object" && item !== null && "ids" in item) {
        const { length } = withoutPadding(item).ids;
        const { tokens } = this.#parts.encoder;
        if (length > tokens) refuse(field, `has ${length} tokens; the model was loaded for ${tokens}`);
        encodings.push(item);
      } else {
        refuse(field, "must be a string or an Encoding", item);
      }
    }
    return encodings;
  }

  /**
   * Tokens at the start of every text that a pooling module leaves out (`include_prompt: false`): those of the prompt alone, [CLS]
   * among them, [SEP] not.
   */
  #promptLength(prompt: string): number {
    if (prompt === "" || this.#parts.list.modules.every((m) => m.kind !== "pooling" || m.includePrompt)) return 0;
    return this.tokenize(prompt).ids.length - 1;
  }
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
  return tensor(data.slice(start * W, (start + length) * W), [length, W]);
}

/** One row as a list of one; what is neither is refused as a row. */
function asRows(rows: Float32Array | readonly Float32Array[]): readonly Float32Array[] {
  return Array.isArray(rows) ? rows : [rows as Float32Array];
}
