import type { Batch } from "../base/batch.ts";
import type { QuantisedTensor, Tensor } from "../base/tensor.ts";

/**
 * Arithmetic, and where numbers live. BERT needs four operations, so a backend has four.
 *
 * `B` is a buffer this backend understands: a `Float32Array`, an offset into WebAssembly memory, a GPU buffer. A backend may defer
 * its work but keeps the order of the calls; only `read` waits. Sizes are single capitals: T tokens, H hidden, N sentences.
 * In every operation the output comes first, then inputs, weights, sizes; nothing is returned and nothing is allocated.
 * `layerNorm` may write over its inputs; the others may not.
 */
export interface Kernels<B> {
  readonly name: string;
  /** `prepare` and `write` keep none of the arrays they are given: whoever gave them may write them anew. */
  readonly copies?: boolean;

  /** Told how many floats `alloc` and `prepare` will take in all, about: memory that grows step by step costs V8 a collection a step. */
  expect?(floats: number): void;
  /** Takes the room that batches of so many tokens need beside their activations, once the weights are there. */
  reserve?(sizes: Sizes, tokens: number): void;
  /** A buffer of `length` floats. At load only. */
  alloc(length: number): B;
  /** Copies `values` to the start of `to`, in order with the operations. Allocates nothing. */
  write(to: B, values: Float32Array): void;
  /** Takes a weight [out, in] and a bias [out] in, packed as this backend likes them. At load only; never quantises. */
  prepare(weight: Tensor<Float32Array>, bias: Tensor<Float32Array>): Linear<B>;
  /** The same for a weight of whole numbers, in backends that compute with them. */
  prepareWhole?(weight: QuantisedTensor, bias: Tensor<Float32Array>): Linear<B>;
  /**
   * The first `length` floats of a buffer, as they are after everything asked for so far: a copy, which is the caller's. The only place that
   * waits.
   */
  read(from: B, length: number): Promise<Float32Array>;
  /** Lets go of its memory; no buffer may be used afterwards. */
  dispose(): Promise<void>;

  /** out[t] = (words[t] + position[positions[t]]) + type[typeIds[t]].   [T,H] */
  embed(out: B, words: B, tables: Embeddings<B>, batch: Batch, H: number): void;

  /** out[t][o] = act(bias[o] + Σi x[t][i] · weight[o][i]).   [T,in] -> [T,out] */
  linear(out: B, x: B, w: Linear<B>, T: number, act?: Activation): void;

  /**
   * Scaled dot-product attention inside each sentence and head, on rows [q | k | v] of H each.
   * out = softmax(q kᵀ / √(H/heads)) v.   [T,3H] -> [T,H]
   */
  attention(out: B, qkv: B, batch: Batch, heads: number, H: number): void;

  /** out[t] = gain · (y - mean y) / √(var y + epsilon) + shift, where y = x[t] + residual[t].   [T,H] -> [T,H] */
  layerNorm(out: B, x: B, residual: B | null, norm: Norm<B>, T: number, H: number): void;
}

/** The part that takes weights and makes room, before anything runs. */
export type Loading<B> = Pick<
  Kernels<B>,
  "alloc" | "write" | "prepare" | "prepareWhole" | "copies" | "expect" | "reserve"
>;

/** What room depends on, by the names it has in a model's configuration. */
export interface Sizes {
  readonly hiddenSize: number;
  readonly heads: number;
  readonly intermediateSize: number;
  /** Tokens of a sentence, at most. */
  readonly longestText: number;
}

/** A prepared linear layer. Plain data, so that it can be posted to a worker. */
export interface Linear<B> {
  /** [out, in], in the backend's own packing. */
  readonly weight: B;
  /** [out] */
  readonly bias: B;
  readonly in: number;
  readonly out: number;
  /** [in] of a weight of whole numbers; a weight of floats has none. */
  readonly balance?: B;
}

/** LayerNorm's weights. */
export interface Norm<B> {
  /** [H]; `LayerNorm.weight`, once called gamma. */
  readonly gain: B;
  /** [H]; `LayerNorm.bias`, once called beta. */
  readonly shift: B;
  readonly epsilon: number;
}

/** The two small embedding tables. The word table is not here: its rows arrive with each batch. */
export interface Embeddings<B> {
  /** [positions, H] */
  readonly position: B;
  /** [types, H] */
  readonly type: B;
}

/**
 * The function between BERT's two wide layers. `gelu` is x · Φ(x) by erf; `gelu_tanh` its tanh approximation, 4.7e-4 away at worst, so
 * never used in its place.
 */
export type Activation = "gelu" | "gelu_tanh" | "relu";
