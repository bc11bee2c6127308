import { fail } from "../base/errors.ts";
import type { QuantisedTensor, RowSource, Tensor, TensorSource } from "../base/tensor.ts";
import type { BertConfig } from "../bert/config.ts";
import { reader, readTensor, type WholeLinears, wordsOf } from "../bert/weights.ts";

/*
 * Whole numbers in a file: beside `x.weight`, int8 [out, in], stand `x.weight_scale` [out], `x.weight_sum` [out], int32, and
 * `x.weight_balance` [in]; beside the word table, int8 [vocab_size, H], `…weight_scale` [vocab_size]. Everything in a file may be wrong, and
 * wrong numbers would give wrong vectors in silence: all are checked.
 */

/** Whether the weights are whole numbers already. */
export function isQuantised({ tensors }: TensorSource): boolean {
  return [...tensors.keys()].some((name) => name.endsWith(".weight_balance"));
}

/** Finds weights that are stored as whole numbers. */
export function storedLinears(source: TensorSource, signal?: AbortSignal): WholeLinears {
  const read = reader(source, signal);
  return async (stem, parts, out, K) => {
    const each: QuantisedTensor[] = [];
    for (const part of parts) each.push(await readWhole(source, read.find(`${stem}.${part}.weight`, [out, K]), out, K));
    const bias = await read.stacked(
      parts.map((part) => `${stem}.${part}.bias`),
      [out],
    );
    return { weight: each.length === 1 ? each[0] : stack(each, source.file, stem), bias };
  };
}

async function readWhole(source: TensorSource, name: string, N: number, K: number): Promise<QuantisedTensor> {
  const { file } = source;
  const stored = await source.read(name);
  if (!(stored.data instanceof Int8Array)) fail(file, name, `is ${stored.dtype} among weights of whole numbers, int8`);
  const data = stored.data;
  const scale = await positive(source, `${name}_scale`, N);
  const balance = await positive(source, `${name}_balance`, K);
  const sums = await info(source, `${name}_sum`, N);
  const sum = sums.data;
  if (!(sum instanceof Int32Array)) fail(file, `${name}_sum`, `is ${sums.dtype}, not int32`);
  for (let n = 0; n < N; n++) {
    let total = 0;
    for (let i = n * K; i < (n + 1) * K; i++) {
      if (data[i] === -128) fail(file, name, `element ${i} is -128: whole numbers of weights are -127 to 127`);
      total += data[i];
    }
    if (total !== sum[n]) {
      fail(file, `${name}_sum`, `row ${n} sums up to ${total}, not to ${sum[n]}: the file is damaged`);
    }
  }
  return { data, shape: [N, K], scale, sum, balance };
}

/** A vector of a length that is known. */
async function info(source: TensorSource, name: string, length: number): Promise<Tensor> {
  const shape = source.tensors.get(name)?.shape;
  if (shape === undefined) fail(source.file, name, "is missing beside the whole numbers: convert the model again");
  if (`${shape}` !== `${[length]}`) fail(source.file, name, `has the shape [${shape}], not [${length}]`);
  return source.read(name);
}

/** A vector of positive numbers. */
async function positive(source: TensorSource, name: string, length: number): Promise<Float32Array> {
  const { dtype } = await info(source, name, length);
  if (dtype !== "float32") fail(source.file, name, `is ${dtype}, not float32`);
  const { data } = await readTensor(source, name, [length]);
  const wrong = data.findIndex((value) => !(value > 0));
  if (wrong >= 0) fail(source.file, name, `element ${wrong} is ${data[wrong]}, not a positive number`);
  return data;
}

/** Layers of one input as one. They were quantised together, so they have one balance. */
function stack(parts: readonly QuantisedTensor[], file: string, stem: string): QuantisedTensor {
  const { balance, shape } = parts[0];
  for (const part of parts) {
    if (part.balance.some((value, k) => value !== balance[k])) {
      fail(
        file,
        `${stem} weight_balance`,
        "differs between query, key and value, which have one input: the file is damaged",
      );
    }
  }
  const joined = <A extends Int8Array | Float32Array | Int32Array>(all: A, each: (part: QuantisedTensor) => A): A => {
    let at = 0;
    for (const part of parts) {
      all.set(each(part), at);
      at += each(part).length;
    }
    return all;
  };
  const [out, K] = shape;
  const N = out * parts.length;
  return {
    data: joined(new Int8Array(N * K), ({ data }) => data),
    shape: [N, K],
    scale: joined(new Float32Array(N), ({ scale }) => scale),
    sum: joined(new Int32Array(N), ({ sum }) => sum),
    balance,
  };
}

/** The word table: whole numbers with a scale for each row, or floats. */
export async function storedWords(
  source: TensorSource,
  config: BertConfig,
  where: "memory" | "source",
): Promise<RowSource> {
  const name = wordsOf(source, config);
  if (source.tensors.get(name)?.dtype !== "int8") return source.rows(name, where);
  return source.rows(name, where, await positive(source, `${name}_scale`, config.vocabularySize));
}
