import type { Batch } from "../base/batch.ts";
import type { Embeddings, Kernels, Linear, Loading, Norm } from "../kernels/kernels.ts";
import type { BertConfig } from "./config.ts";

/*
 * BERT, forward only: Devlin et al. 2018, whose encoder is that of Vaswani et al. 2017 ("AIAYN").
 *
 * T tokens of N sentences lie end to end, H numbers each. Every token thinks alone in the linear layers and in LayerNorm; only
 * attention looks sideways, and never across a sentence. LayerNorm stands after each residual sum ("post-LN"); in GPT-2, which most
 * readers know, it stands before.
 */

/** Everything that is learnt, except the word table: its rows come with each batch. */
export interface BertWeights<B> {
  readonly embeddings: Embeddings<B>;
  readonly embeddingNorm: Norm<B>;
  readonly layers: readonly BertLayer<B>[];
}

export interface BertLayer<B> {
  /** query, key and value side by side, [3H, H] */
  readonly qkv: Linear<B>;
  /** mixes the heads, [H, H] */
  readonly attentionOut: Linear<B>;
  readonly attentionNorm: Norm<B>;
  /** [I, H] */
  readonly up: Linear<B>;
  /** [H, I] */
  readonly down: Linear<B>;
  readonly outputNorm: Norm<B>;
}

/** Every buffer the forward pass writes, allocated once for the largest batch. */
export interface Scratch<B> {
  /** the residual stream  [T,H] */
  readonly x: B;
  /** query, key and value of every token  [T,3H] */
  readonly qkv: B;
  /** what attention gathered  [T,H] */
  readonly context: B;
  /** the words' rows on their way in, then what a branch adds to the stream  [T,H] */
  readonly branch: B;
  /** between the two wide layers  [T,I] */
  readonly wide: B;
  /** tokens there is room for */
  readonly tokens: number;
}

export function scratch<B>(k: Loading<B>, c: BertConfig, tokens: number): Scratch<B> {
  k.expect?.(tokens * (7 * c.hiddenSize + 2 * c.intermediateSize)); // and rows packed for the widest product
  return {
    x: k.alloc(tokens * c.hiddenSize),
    qkv: k.alloc(tokens * 3 * c.hiddenSize),
    context: k.alloc(tokens * c.hiddenSize),
    branch: k.alloc(tokens * c.hiddenSize),
    wide: k.alloc(tokens * c.intermediateSize),
    tokens,
  };
}

/**
 * Called after each stage with the buffer that holds it, before anything overwrites it. The names are `embeddings` [T,H], then for every
 * layer i: `layer i qkv` [T,3H], `layer i context` [T,H], `layer i attention` [T,H], `layer i wide` [T,I], `layer i output` [T,H].
 * `kernels.read` in it sees that stage, because operations keep their order. It is waited for.
 */
export type See<B> = (name: string, buffer: B, shape: readonly [rows: number, columns: number]) => void | Promise<void>;

/** Runs the encoder; the result stands in the returned buffer, [T,H], until the next call. */
export async function forward<B>(
  k: Kernels<B>,
  w: BertWeights<B>,
  c: BertConfig,
  batch: Batch,
  words: Float32Array,
  s: Scratch<B>,
  see?: See<B>,
): Promise<B> {
  const T = batch.ids.length;
  const H = c.hiddenSize;
  const I = c.intermediateSize;

  k.write(s.branch, words); // the rows of the word table  [T,H]
  k.embed(s.x, s.branch, w.embeddings, batch, H); // word + position + type  [T,H]
  k.layerNorm(s.x, s.x, null, w.embeddingNorm, T, H);
  await see?.("embeddings", s.x, [T, H]);

  for (const [i, layer] of w.layers.entries()) {
    // AIAYN 3.2: every token looks at every token of its own sentence
    k.linear(s.qkv, s.x, layer.qkv, T); // [T,H] -> [T,3H]
    await see?.(`layer ${i} qkv`, s.qkv, [T, 3 * H]);
    k.attention(s.context, s.qkv, batch, c.heads, H); // softmax(q kᵀ / √D) v  [T,H]
    await see?.(`layer ${i} context`, s.context, [T, H]);
    k.linear(s.branch, s.context, layer.attentionOut, T); // mix the heads  [T,H]
    k.layerNorm(s.x, s.branch, s.x, layer.attentionNorm, T, H); // LayerNorm(x + branch), AIAYN 3.1
    await see?.(`layer ${i} attention`, s.x, [T, H]);

    // AIAYN 3.3: every token thinks alone
    k.linear(s.wide, s.x, layer.up, T, c.activation); // [T,H] -> [T,I]
    await see?.(`layer ${i} wide`, s.wide, [T, I]);
    k.linear(s.branch, s.wide, layer.down, T); // [T,I] -> [T,H]
    k.layerNorm(s.x, s.branch, s.x, layer.outputNorm, T, H);
    await see?.(`layer ${i} output`, s.x, [T, H]);
  }
  return s.x;
}
