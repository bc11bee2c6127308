import { breathe } from "../base/breathe.ts";
import { letGo } from "../base/bytes.ts";
import { fail } from "../base/errors.ts";
import type { QuantisedTensor, RowSource, RowsPlace, Tensor, TensorSource } from "../base/tensor.ts";
import { sizeOf, tensor } from "../base/tensor.ts";
import type { Linear, Loading, Norm } from "../kernels/kernels.ts";
import type { BertConfig } from "./config.ts";
import type { BertLayer, BertWeights } from "./forward.ts";

/** Finds the weights of a layer, or of several of one input as one, as whole numbers: [parts · out, input]. */
export type WholeLinears = (
  stem: string,
  parts: readonly string[],
  out: number,
  input: number,
) => Promise<{ readonly weight: QuantisedTensor; readonly bias: Tensor<Float32Array> }>;

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
  whole?: WholeLinears,
): Promise<BertWeights<B>> {
  const read = reader(source, signal, kernels.copies);
  const { hiddenSize: H, intermediateSize: I } = config;
  kernels.expect?.(whole === undefined ? read.floats : read.floats / 4);

  const table = async (name: string, rows: number): Promise<B> => {
    return upload(await read.tensor(`embeddings.${name}_embeddings.weight`, [rows, H]));
  };
  const upload = (t: Tensor<Float32Array>): B => {
    const buffer = kernels.alloc(sizeOf(t.shape));
    kernels.write(buffer, t.data);
    read.done(t);
    return buffer;
  };
  /** A layer, or several of one input as one, [parts · out, input]: one pass over x instead of three. */
  const linear = async (stem: string, parts: readonly string[], out: number, input: number): Promise<Linear<B>> => {
    if (whole !== undefined && kernels.prepareWhole !== undefined) {
      const { weight, bias } = await whole(stem, parts, out, input);
      return kernels.prepareWhole(weight, bias);
    }
    const weight = await read.stacked(
      parts.map((part) => `${stem}.${part}.weight`),
      [out, input],
    );
    const bias = await read.stacked(
      parts.map((part) => `${stem}.${part}.bias`),
      [out],
    );
    const prepared = kernels.prepare(weight, bias);
    read.done(weight);
    read.done(bias);
    return prepared;
  };
  const norm = async (name: string): Promise<Norm<B>> => ({
    gain: upload(await read.tensor(`${name}.LayerNorm.weight`, [H])),
    shift: upload(await read.tensor(`${name}.LayerNorm.bias`, [H])),
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
  read.letGo();
  return { embeddings: { position, type }, embeddingNorm, layers };
}

/** The word table, [vocab_size, H]: in memory in the file's own precision, or read row by row from where the file lies. */
export async function loadWords(source: TensorSource, config: BertConfig, where: RowsPlace): Promise<RowSource> {
  return source.rows(wordsOf(source, config), where);
}

/** The name of the word table, [vocab_size, H]. */
export function wordsOf(source: TensorSource, config: BertConfig): string {
  return reader(source).find("embeddings.word_embeddings.weight", [config.vocabularySize, config.hiddenSize]);
}

/** An encoder's tensors by their names without prefix. */
export interface Reader {
  /** Numbers in all layers, as far as the file has any. */
  readonly floats: number;
  /** The file's own name for a tensor, its shape checked. */
  find(name: string, shape: readonly number[]): string;
  tensor(name: string, shape: readonly number[]): Promise<Tensor<Float32Array>>;
  /** Tensors of one shape, one above the other. */
  stacked(names: readonly string[], shape: readonly number[]): Promise<Tensor<Float32Array>>;
  /** Told that nobody needs a tensor's numbers any more. */
  done(tensor: Tensor<Float32Array>): void;
  /** Lets go of the spare memory now, where the language can: collected later, 20 MB of BERT-base would stay resident. */
  letGo(): void;
}

export function reader(source: TensorSource, signal?: AbortSignal, reuse = false): Reader {
  /** Memory of tensors that have been taken in, by its length: the next of the same length are read into it. */
  const spare = new Map<number, ArrayBuffer>();
  /** Memory that was made here. A source that answers with memory of its own may mean to keep it. */
  const own = new WeakSet<ArrayBuffer>();
  const { tensors } = source;
  const stem = "embeddings.word_embeddings.weight";
  const table =
    [...tensors.keys()].find((key) => key === stem || key.endsWith(`.${stem}`)) ??
    fail(source.file, stem, "is missing: these are not the weights of a BERT encoder");
  const prefix = table.slice(0, -stem.length);

  const find: Reader["find"] = (name, shape) => {
    const full = prefix + name;
    const old = full.replace(/LayerNorm\.weight$/, "LayerNorm.gamma").replace(/LayerNorm\.bias$/, "LayerNorm.beta");
    const key = tensors.has(old) && !tensors.has(full) ? old : full;
    checkShape(source, key, shape);
    return key;
  };

  const take = (bytes: number): ArrayBuffer => {
    const buffer = spare.get(bytes) ?? new ArrayBuffer(bytes);
    spare.delete(bytes);
    own.add(buffer);
    return buffer;
  };

  const read: Reader["tensor"] = async (name, shape) => {
    // What is at hand already comes without a turn of the event loop: KR-SBERT from memory took a page 1.7 s at a stretch.
    await breathe();
    signal?.throwIfAborted();
    const key = find(name, shape);
    const into = reuse ? take(4 * sizeOf(shape)) : undefined;
    const t = await readTensor(source, key, shape, into);
    if (into !== undefined && t.data.buffer !== into) spare.set(into.byteLength, into); // it was not wanted
    return t;
  };

  const done: Reader["done"] = ({ data }) => {
    const buffer = data.buffer as ArrayBuffer;
    if (reuse && own.has(buffer)) spare.set(buffer.byteLength, buffer);
  };

  let floats = 0;
  for (const [name, { shape }] of tensors) if (name.startsWith(`${prefix}encoder.`)) floats += sizeOf(shape);

  return {
    floats,
    find,
    tensor: read,
    done,
    async stacked(names, shape) {
      if (names.length === 1) return read(names[0], shape);
      for (const name of names) find(name, shape); // all shapes before any memory: what config.json claims may be anything
      const length = sizeOf(shape);
      const all = new Float32Array(take(4 * length * names.length));
      for (const [i, name] of names.entries()) {
        const part = await read(name, shape);
        all.set(part.data, i * length);
        done(part);
      }
      return tensor(all, [names.length * shape[0], ...shape.slice(1)]);
    },
    letGo: () => letGoOf(spare),
  };
}

/** Empties memory where the language can, instead of leaving it to be collected some time. */
export function letGoOf(spare: Map<unknown, ArrayBuffer>): void {
  spare.forEach(letGo);
  spare.clear();
}

function checkShape({ tensors, file }: TensorSource, name: string, shape: readonly number[]): void {
  const info = tensors.get(name) ?? fail(file, name, "is missing: the file is cut short, or belongs to another model");
  if (`${info.shape}` !== `${shape}`) {
    fail(file, name, `has the shape [${info.shape}], but config.json asks for [${shape}]`);
  }
}

/** A tensor of a shape that is known beforehand, of finite numbers. */
export async function readTensor(
  source: TensorSource,
  name: string,
  shape: readonly number[],
  into?: ArrayBuffer,
): Promise<Tensor<Float32Array>> {
  checkShape(source, name, shape);
  const t = await source.readFloat32(name, into);
  checkFinite(t.data, source.file, name);
  return t;
}

export function checkFinite(data: Float32Array, file: string, field: string): void {
  // 0 · x is 0 for every finite number and NaN otherwise. Four sums, because one would wait for itself at every step.
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = 0; i + 3 < data.length; i += 4) {
    a += 0 * data[i];
    b += 0 * data[i + 1];
    c += 0 * data[i + 2];
    d += 0 * data[i + 3];
  }
  const rest = data.subarray(data.length - (data.length % 4));
  if (a + b + c + d === 0 && rest.every(Number.isFinite)) return;
  const i = data.findIndex((x) => !Number.isFinite(x));
  fail(file, field, `element ${i} is ${data[i]}; the weights are damaged, or training went wrong`);
}
