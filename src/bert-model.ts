import type { BackendInfo } from "./backend.ts";
import { checkFields, checkObject, checkOptional, checkWhole, isWhole, refuse } from "./base/door.ts";
import { rowMajor, type Tensor, tensor } from "./base/tensor.ts";
import { intoBatches } from "./bert/batch.ts";
import type { BertConfig } from "./bert/config.ts";
import { checkEncoderOptions, type Encoder, type EncoderOptions, loadConfig, loadEncoder } from "./encoder.ts";
import { readTransformerFolder } from "./modules.ts";
import { pool } from "./pooling/index.ts";
import type { SeeValues } from "./run/runner.ts";
import { type ModelInput, openModel, type SourceOptions } from "./source.ts";

/** A text as ids. An `Encoding` is one; so is what you wrote down from another tokenizer. */
export interface EncodingLike {
  /** [L] */
  readonly ids: ArrayLike<number>;
  /** Default 0 everywhere, [L]. */
  readonly typeIds?: ArrayLike<number>;
  /** 1 for tokens, 0 for padding, which must stand at the end; default 1 everywhere, [L]. */
  readonly mask?: ArrayLike<number>;
}

/** What `BertModel.forward` answers. */
export interface BertOutput {
  /** The last layer's hidden states, [N, L, H]; zeros where there is padding. */
  readonly tokenEmbeddings: Tensor<Float32Array>;
  /** 1 for tokens, 0 for padding, [N, L]. */
  readonly attentionMask: Tensor<Int32Array>;
}

/**
 * The encoder alone, as `AutoModel` would load it: ids to hidden states, without pooling. It knows no limit but its position table.
 */
export class BertModel {
  readonly #encoder: Encoder;
  readonly #close: () => Promise<void>;

  private constructor(encoder: Encoder, close: () => Promise<void>) {
    this.#encoder = encoder;
    this.#close = close;
  }

  /** @throws ModelError where a file is missing, damaged, or asks for something this engine cannot compute. */
  static async load(model: ModelInput, options: EncoderOptions & SourceOptions = {}): Promise<BertModel> {
    checkEncoderOptions(options);
    const asked = { ...options };
    const source = await openModel(model, asked);
    try {
      const folder = await readTransformerFolder(source);
      const config = await loadConfig(source, folder);
      return await loadEncoder(source, folder, config, config.longestText, options, async (encoder) => {
        asked.signal = undefined; // it stops loading; rows may be read later
        if ((options.rows ?? "memory") === "memory") await source.close(); // everything has been read
        return new BertModel(encoder, () => source.close());
      });
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  /** The model's sizes, from its config.json. */
  get config(): BertConfig {
    return this.#encoder.config;
  }

  /** What computes, and with how many workers. */
  get backend(): BackendInfo {
    return this.#encoder.backend;
  }

  /**
   * Runs the encoder. Padding is left out of the computation and comes back as zeros. `see` is shown every stage of every batch:
   * `embeddings`, then `layer 0 qkv`, `layer 0 context`, `layer 0 attention`, `layer 0 wide`, `layer 0 output`, and so on.
   */
  async forward(
    encodings: EncodingLike | readonly EncodingLike[],
    options: { signal?: AbortSignal; see?: SeeValues } = {},
  ): Promise<BertOutput> {
    checkFields(options, { see: "function" });
    const texts = (Array.isArray(encodings) ? encodings : [encodings]).map(withoutPadding);
    const N = texts.length;
    const L = texts.reduce((longest, text) => Math.max(longest, text.padded), 0);
    const H = this.config.hiddenSize;
    const tokens = new Float32Array(N * L * H);
    const mask = new Int32Array(N * L);
    const lengths = texts.map((text) => text.ids.length);
    for (const batch of intoBatches(lengths, this.#encoder.budget)) {
      options.signal?.throwIfAborted();
      const hidden = await this.#encoder.run(
        batch.map((n) => texts[n]),
        options.see,
      );
      let from = 0;
      for (const n of batch) {
        tokens.set(hidden.subarray(from, from + lengths[n] * H), n * L * H);
        mask.fill(1, n * L, n * L + lengths[n]);
        from += lengths[n] * H;
      }
    }
    return {
      tokenEmbeddings: tensor(tokens, [N, L, H]),
      attentionMask: { data: mask, shape: [N, L], stride: rowMajor([N, L]), offset: 0, dtype: "int32" },
    };
  }

  /** Waits for the batch in flight, then lets go of the memory. */
  async dispose(): Promise<void> {
    await this.#encoder.dispose();
    await this.#close();
  }
}

interface Text {
  readonly ids: Int32Array;
  readonly typeIds: Int32Array;
  /** Length with padding. */
  readonly padded: number;
}

const ONES_FIRST = "must be ones, then zeros: padding stands at the end";

/** Checks one text as ids, and cuts off the padding at its end. */
export function withoutPadding(encoding: EncodingLike): Text {
  const { ids, typeIds, mask } = encoding ?? {};
  if (!isWhole(ids?.length, 0) || typeof ids === "string") {
    refuse("encoding", "must be token ids: { ids }", encoding);
  }
  for (const [field, values] of Object.entries({ typeIds, mask })) {
    checkOptional(field, values, "object");
    if (values !== undefined && values.length !== ids.length) {
      refuse(field, `has ${values.length} entries beside ${ids.length} ids`);
    }
  }
  const zero = mask === undefined ? -1 : Array.prototype.indexOf.call(mask, 0);
  const used = zero < 0 ? ids.length : zero;
  if (used === 0) refuse("ids", "has no tokens; an empty text is [CLS] [SEP]");
  for (let t = 0; t < ids.length; t++) {
    const real = t < used;
    if (real) checkId("ids", ids[t]);
    if (real && typeIds !== undefined) checkId("typeIds", typeIds[t]);
    if (mask !== undefined && mask[t] !== Number(real)) refuse("mask", ONES_FIRST, mask[t]);
  }
  return {
    ids: Int32Array.from(ids).subarray(0, used),
    typeIds: typeIds === undefined ? new Int32Array(used) : Int32Array.from(typeIds).subarray(0, used),
    padded: ids.length,
  };
}

/** A row of a table; numbers above int32 would come out as others. */
function checkId(field: string, value: number): void {
  checkWhole(field, value, 0, 2 ** 31 - 1, "the end of every table");
}

/**
 * The mean of each text's tokens, padding left out: [N,L,H] -> N rows of [H]. Together with `BertModel.forward` it gives, to the bit, what
 * `SentenceTransformer.encode` gives for a model with mean pooling.
 */
export function meanPooling(tokenEmbeddings: Tensor<Float32Array>, attentionMask: Tensor<Int32Array>): Float32Array[] {
  for (const [name, tensor] of Object.entries({ tokenEmbeddings, attentionMask })) {
    for (const field of ["shape", "stride", "data"] as const) checkObject(`${name}.${field}`, tensor?.[field]);
    if (tensor.offset !== 0 || `${tensor.stride}` !== `${rowMajor(tensor.shape)}`) {
      refuse(name, "must lie in its memory from its beginning, row by row: this is a view of another tensor");
    }
  }
  const [N, L, H] = tokenEmbeddings.shape;
  if (tokenEmbeddings.shape.length !== 3 || attentionMask.shape[0] !== N || attentionMask.shape[1] !== L) {
    refuse("meanPooling", `takes [N,L,H] and [N,L], not [${tokenEmbeddings.shape}] and [${attentionMask.shape}]`);
  }
  return Array.from({ length: N }, (_, n) => {
    const row = attentionMask.data.subarray(n * L, (n + 1) * L);
    const end = row.indexOf(0);
    const length = end < 0 ? L : end;
    if (row.subarray(length).some((m) => m !== 0)) {
      refuse("attentionMask", ONES_FIRST);
    }
    const out = new Float32Array(H);
    pool(out, 0, tokenEmbeddings.data, H, { start: n * L, length, skip: 0 }, "mean");
    return out;
  });
}
