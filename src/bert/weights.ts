import { fail } from "../base/errors.ts";
import type { RowSource, Tensor, TensorSource } from "../base/tensor.ts";
import { sizeOf, tensor } from "../base/tensor.ts";
import type { Linear, Loading, Norm } from "../kernels/kernels.ts";
import type { BertConfig } from "./config.ts";
import type { BertLayer, BertWeights } from "./forward.ts";

/**
 * Takes an encoder's tensors by their Hugging Face names and hands them to a backend, one at a time: peak memory is the packed weights
 * plus one layer's tensor. Every shape is checked against config.json and every number for NaN and infinity before anything runs.
 *
 * Accepts the names as transformers writes them: with or without the `bert.` or `roberta.` prefix, `gamma` and `beta` for LayerNorm in
 * old files, with or without a pooler, with heads of other tasks beside the encoder.
 */
export async function loadWeights<B>(
  kernels: Loading<B>,
  source: TensorSource,
  config: BertConfig,
  signal?: AbortSignal,
): Promise<BertWeights<B>> {
  const read = new Reader(source, signal);
  const { hiddenSize: H, intermediateSize: I } = config;

  const table = async (name: string, rows: number): Promise<B> => {
    return upload(kernels, await read.tensor(`embeddings.${name}_embeddings.weight`, [rows, H]));
  };
  /** A layer, or several of one input as one, [parts · out, input]: one pass over x instead of three. */
  const linear = async (stem: string, parts: readonly string[], out: number, input: number): Promise<Linear<B>> => {
    const weights: Tensor<Float32Array>[] = [];
    const biases: Tensor<Float32Array>[] = [];
    for (const part of parts) {
      weights.push(await read.tensor(`${stem}.${part}.weight`, [out, input]));
      biases.push(await read.tensor(`${stem}.${part}.bias`, [out]));
    }
    return kernels.prepare(stacked(weights), stacked(biases));
  };
  const norm = async (name: string): Promise<Norm<B>> => ({
    gain: upload(kernels, await read.tensor(`${name}.LayerNorm.weight`, [H])),
    shift: upload(kernels, await read.tensor(`${name}.LayerNorm.bias`, [H])),
    epsilon: config.epsilon,
  });

  const position = await table("position", config.positions);
  const type = await table("token_type", config.types);
  const embeddingNorm = await norm("embeddings");

  const layers: BertLayer<B>[] = [];
  for (let i = 0; i < config.layers; i++) {
    const layer = `encoder.layer.${i}`;
    layers.push({
      qkv: await linear(`${layer}.attention.self`, ["query", "key", "value"], H, H),
      attentionOut: await linear(`${layer}.attention.output`, ["dense"], H, H),
      attentionNorm: await norm(`${layer}.attention.output`),
      up: await linear(`${layer}.intermediate`, ["dense"], I, H),
      down: await linear(`${layer}.output`, ["dense"], H, I),
      outputNorm: await norm(`${layer}.output`),
    });
  }
  return { embeddings: { position, type }, embeddingNorm, layers };
}

/** The word table, [vocab_size, H]: in memory in the file's own precision, or read row by row from where the file lies. */
export async function loadWords(
  source: TensorSource,
  config: BertConfig,
  where: "memory" | "source",
): Promise<RowSource> {
  const read = new Reader(source);
  const name = read.find("embeddings.word_embeddings.weight", [config.vocabularySize, config.hiddenSize]);
  return source.rows(name, where);
}

class Reader {
  readonly #source: TensorSource;
  readonly #signal: AbortSignal | undefined;
  readonly #prefix: string;

  constructor(source: TensorSource, signal?: AbortSignal) {
    this.#source = source;
    this.#signal = signal;
    const stem = "embeddings.word_embeddings.weight";
    const name = [...source.tensors.keys()].find((key) => key === stem || key.endsWith(`.${stem}`));
    if (name === undefined) fail(source.file, stem, "is missing: these are not the weights of a BERT encoder");
    this.#prefix = name.slice(0, -stem.length);
  }

  /** The file's own name for a tensor, its shape checked. */
  find(name: string, shape: readonly number[]): string {
    const full = this.#prefix + name;
    const old = full.replace(/LayerNorm\.weight$/, "LayerNorm.gamma").replace(/LayerNorm\.bias$/, "LayerNorm.beta");
    const { tensors } = this.#source;
    const key = tensors.has(old) && !tensors.has(full) ? old : full;
    checkShape(this.#source, key, shape);
    return key;
  }

  tensor(name: string, shape: readonly number[]): Promise<Tensor<Float32Array>> {
    this.#signal?.throwIfAborted();
    return readTensor(this.#source, this.find(name, shape), shape);
  }
}

/** Tensors of one shape, one above the other. */
function stacked(parts: readonly Tensor<Float32Array>[]): Tensor<Float32Array> {
  const [{ data, shape }] = parts;
  if (parts.length === 1) return parts[0];
  const all = new Float32Array(parts.length * data.length);
  for (const [i, part] of parts.entries()) all.set(part.data, i * data.length);
  return tensor(all, [parts.length * shape[0], ...shape.slice(1)]);
}

function upload<B>(kernels: Loading<B>, t: Tensor<Float32Array>): B {
  const buffer = kernels.alloc(sizeOf(t.shape));
  kernels.write(buffer, t.data);
  return buffer;
}

function checkShape({ tensors, file }: TensorSource, name: string, shape: readonly number[]): void {
  const info =
    tensors.get(name) ?? fail(file, name, "is missing: the file is not whole, or config.json belongs to another model");
  if (`${info.shape}` !== `${shape}`) {
    fail(file, name, `has the shape [${info.shape}], but config.json asks for [${shape}]`);
  }
}

/** A tensor of a shape that is known beforehand, of finite numbers. */
export async function readTensor(
  source: TensorSource,
  name: string,
  shape: readonly number[],
): Promise<Tensor<Float32Array>> {
  checkShape(source, name, shape);
  const t = await source.readFloat32(name);
  checkFinite(t.data, source.file, name);
  return t;
}

export function checkFinite(data: Float32Array, file: string, field: string): void {
  for (let i = 0; i < data.length; i++) {
    // x - x is 0 for every finite number and NaN otherwise
    if (data[i] - data[i] !== 0) {
      fail(file, field, `element ${i} is ${data[i]}; the weights are damaged, or training went wrong`);
    }
  }
}
