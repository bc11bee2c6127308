import { fail } from "../base/errors.ts";
import type { QuantisedTensor, RowSource, RowsPlace, Tensor, TensorSource } from "../base/tensor.ts";
import type { BertConfig } from "../bert/config.ts";
import { letGoOf, reader, readTensor, type WholeLinears, wordsOf } from "../bert/weights.ts";
import { scaled } from "./words.ts";

/*
 * Whole numbers in a file: beside `x.weight`, int8 [out, in], stand `x.weight_scale` [out], `x.weight_sum` [out], int32, and
 * `x.weight_balance` [in]; beside the word table, int8 [vocab_size, H], `…weight_scale` [vocab_size]. Everything in a file may be wrong, and
 * wrong numbers would give wrong vectors in silence: all are checked.
 */

/** Whether the weights are whole numbers already. */
export function isQuantised({ tensors }: TensorSource): boolean {
  return [...tensors.keys()].some((name) => name.endsWith(".weight_balance"));
}

/**
 * Finds weights that are stored as whole numbers. With `reuse`, the arrays it answers with are written anew by the next call: memory that is
 * let go of stays resident for long.
 */
export function storedLinears(
  source: TensorSource,
  reuse: boolean,
  signal?: AbortSignal,
): { readonly next: WholeLinears; letGo(): void } {
  const read = reader(source, signal);
  const spare = new Map<string, ArrayBuffer>();
  /** Memory of so many bytes for one purpose. */
  const memory = (purpose: string, bytes: number): ArrayBuffer => {
    const known = spare.get(`${purpose} ${bytes}`);
    const buffer = known ?? new ArrayBuffer(bytes);
    if (reuse) spare.set(`${purpose} ${bytes}`, buffer);
    return buffer;
  };
  const next: WholeLinears = async (stem, parts, out, K) => {
    const N = parts.length * out;
    for (const part of parts) read.find(`${stem}.${part}.weight`, [out, K]); // before any memory: what config.json claims may be anything
    const whole = {
      data: new Int8Array(memory("all", N * K)),
      shape: [N, K] as const,
      scale: new Float32Array(N),
      sum: new Int32Array(N),
      balance: new Float32Array(K),
    };
    for (const [p, part] of parts.entries()) {
      const name = read.find(`${stem}.${part}.weight`, [out, K]);
      const into = parts.length === 1 ? (whole.data.buffer as ArrayBuffer) : memory("part", out * K);
      const own = await readWhole(source, name, out, K, into);
      if (p > 0 && own.balance.some((value, k) => value !== whole.balance[k])) {
        const problem = "differs between query, key and value, which have one input: the file is damaged";
        fail(source.file, `${name}_balance`, problem);
      }
      if (own.data.buffer !== whole.data.buffer) whole.data.set(own.data, p * out * K);
      whole.scale.set(own.scale, p * out);
      whole.sum.set(own.sum, p * out);
      whole.balance.set(own.balance);
    }
    const bias = await read.stacked(
      parts.map((part) => `${stem}.${part}.bias`),
      [out],
    );
    return { weight: whole, bias };
  };
  return { next, letGo: () => letGoOf(spare) };
}

async function readWhole(
  source: TensorSource,
  name: string,
  N: number,
  K: number,
  into: ArrayBuffer,
): Promise<QuantisedTensor> {
  const { file, tensors } = source;
  const dtype = tensors.get(name)?.dtype;
  if (dtype !== "int8") fail(file, name, `is ${dtype} among weights of whole numbers, int8`);
  const [stored, scale, balance, sums] = await Promise.all([
    source.read(name, into),
    positive(source, `${name}_scale`, N),
    positive(source, `${name}_balance`, K),
    vector(source, `${name}_sum`, N),
  ]);
  const [data, sum] = [stored.data as Int8Array, sums.data];
  if (!(sum instanceof Int32Array)) fail(file, `${name}_sum`, `is ${sums.dtype}, not int32`);
  const totals = sumsOf(data, N, K);
  for (let n = 0; n < N; n++) {
    if (Number.isNaN(totals[n])) {
      const at = data.indexOf(-128, n * K);
      fail(file, name, `element ${at} is -128: whole numbers of weights are -127 to 127`);
    }
    if (totals[n] !== sum[n]) {
      fail(file, `${name}_sum`, `row ${n} sums up to ${totals[n]}, not to ${sum[n]}: the file is damaged`);
    }
  }
  return { data, shape: [N, K], scale, sum, balance };
}

/** The sums of N rows; NaN for one with a -128 in it. Four bytes at a time where rows are such: a model has 85 million of them. */
function sumsOf(data: Int8Array, N: number, K: number): Float64Array {
  /** Words that two sums of 16 bits hold: 128 · 2 · 255. */
  const WORDS = 128;
  const BIAS = 0x80808080 | 0; // to each byte 128 is added: then -128 is 0, and none is negative
  const sums = new Float64Array(N);
  const fours = K % 4 === 0 && data.byteOffset % 4 === 0;
  const words = fours ? new Int32Array(data.buffer, data.byteOffset, data.length / 4) : new Int32Array(0);
  for (let n = 0; n < N; n++) {
    let [total, zeros] = [0, 0];
    if (fours) {
      const end = ((n + 1) * K) / 4;
      for (let from = (n * K) / 4; from < end; from += WORDS) {
        let both = 0;
        for (let i = from; i < Math.min(from + WORDS, end); i++) {
          const word = words[i] ^ BIAS;
          zeros |= (word - 0x01010101) & ~word & BIAS; // a bit for each byte of 0
          both += (word & 0x00ff00ff) + ((word >>> 8) & 0x00ff00ff);
        }
        total += (both & 0xffff) + (both >>> 16);
      }
      total -= 128 * K;
    } else {
      for (let i = n * K; i < (n + 1) * K; i++) {
        if (data[i] === -128) zeros = 1;
        total += data[i];
      }
    }
    sums[n] = zeros === 0 ? total : Number.NaN;
  }
  return sums;
}

/** A vector of a length that is known. */
async function vector(source: TensorSource, name: string, length: number): Promise<Tensor> {
  const shape = source.tensors.get(name)?.shape;
  if (shape === undefined) fail(source.file, name, "is missing beside the whole numbers: convert the model again");
  if (`${shape}` !== `${[length]}`) fail(source.file, name, `has the shape [${shape}], not [${length}]`);
  return source.read(name);
}

/** A vector of positive numbers. */
async function positive(source: TensorSource, name: string, length: number): Promise<Float32Array> {
  const { dtype } = await vector(source, name, length);
  if (dtype !== "float32") fail(source.file, name, `is ${dtype}, not float32`);
  const { data } = await readTensor(source, name, [length]);
  for (let i = 0; i < data.length; i++) {
    if (!(data[i] > 0)) fail(source.file, name, `element ${i} is ${data[i]}, not a positive number`);
  }
  return data;
}

/** The word table: whole numbers with a scale for each row, or floats. */
export async function storedWords(source: TensorSource, config: BertConfig, where: RowsPlace): Promise<RowSource> {
  const name = wordsOf(source, config);
  if (source.tensors.get(name)?.dtype !== "int8") return source.rows(name, where);
  const scale = await positive(source, `${name}_scale`, config.vocabularySize);
  return scaled(await source.rows(name, where, true), scale);
}
