import { fail } from "../base/errors.ts";
import { float32ToFloat16 } from "../base/half.ts";
import type { QuantisedTensor, TensorSource } from "../base/tensor.ts";
import type { BertConfig } from "../bert/config.ts";
import { type Reader, reader, type WholeLinears } from "../bert/weights.ts";
import type { TensorPlan, Writer } from "./files.ts";
import { eachRows, quantiseRows } from "./words.ts";

/** Types a converted model's tables and weights can have. */
export type StoredType = "int8" | "float16";

const WORDS = "embeddings.word_embeddings.weight";

/** The matrix products of a layer: their names, output and input sizes. */
function products({ hiddenSize: H, intermediateSize: I }: BertConfig, layer: number) {
  const stem = `encoder.layer.${layer}`;
  return [
    { stem: `${stem}.attention.self`, parts: ["query", "key", "value"], out: H, input: H },
    { stem: `${stem}.attention.output`, parts: ["dense"], out: H, input: H },
    { stem: `${stem}.intermediate`, parts: ["dense"], out: I, input: H },
    { stem: `${stem}.output`, parts: ["dense"], out: H, input: I },
  ] as const;
}

/** The tensors that stay what they are: LayerNorm, positions, token types. */
function others({ hiddenSize: H, layers, positions, types }: BertConfig): [string, readonly number[]][] {
  const norms = ["embeddings"];
  for (let i = 0; i < layers; i++) norms.push(`encoder.layer.${i}.attention.output`, `encoder.layer.${i}.output`);
  return [
    ["embeddings.position_embeddings.weight", [positions, H]],
    ["embeddings.token_type_embeddings.weight", [types, H]],
    ...norms.flatMap((norm): [string, readonly number[]][] => [
      [`${norm}.LayerNorm.weight`, [H]],
      [`${norm}.LayerNorm.bias`, [H]],
    ]),
  ];
}

/** Whether the weights have what the configuration says, layer by layer: one that is made up ends at the first that is missing. @throws ModelError */
export function checkTensors(source: TensorSource, config: BertConfig): void {
  const { find } = reader(source);
  find(WORDS, [config.vocabularySize, config.hiddenSize]);
  for (let i = 0; i < config.layers; i++) {
    for (const { stem, parts, out, input } of products(config, i)) {
      for (const part of parts) find(`${stem}.${part}.weight`, [out, input]);
    }
  }
}

/** Everything a converted model holds: an encoder without pooler and heads. */
export function tensorsOf(config: BertConfig, dtype: StoredType, words: StoredType): TensorPlan[] {
  const { vocabularySize, hiddenSize: H } = config;
  const floats = dtype === "int8" ? "float32" : "float16";
  const plan: TensorPlan[] = [{ name: WORDS, dtype: words, shape: [vocabularySize, H], rows: true }];
  if (words === "int8") plan.push({ name: `${WORDS}_scale`, dtype: "float32", shape: [vocabularySize] });
  for (const [name, shape] of others(config)) plan.push({ name, dtype: floats, shape });
  for (let i = 0; i < config.layers; i++) {
    for (const { stem, parts, out, input } of products(config, i)) {
      for (const part of parts) {
        const name = `${stem}.${part}.weight`;
        plan.push({ name, dtype, shape: [out, input] }, { name: `${stem}.${part}.bias`, dtype: floats, shape: [out] });
        if (dtype !== "int8") continue;
        plan.push({ name: `${name}_scale`, dtype: "float32", shape: [out] });
        plan.push({ name: `${name}_sum`, dtype: "int32", shape: [out] });
        plan.push({ name: `${name}_balance`, dtype: "float32", shape: [input] });
      }
    }
  }
  return plan;
}

/** Reads, converts and writes all tensors. `whole` gives the weights where they become whole numbers. */
export async function writeTensors(
  source: TensorSource,
  config: BertConfig,
  words: StoredType,
  whole: WholeLinears | undefined,
  to: Writer,
  progress: (done: number, total: number) => void,
): Promise<void> {
  const read = reader(source);
  const steps = config.layers + 1;
  await writeWords(source, config, words, to);
  for (const [name, shape] of others(config))
    await writeFloats(read, name, shape, whole === undefined, source.file, to);
  progress(1, steps);
  for (let i = 0; i < config.layers; i++) {
    for (const { stem, parts, out, input } of products(config, i)) {
      if (whole === undefined) {
        for (const part of parts) {
          await writeFloats(read, `${stem}.${part}.weight`, [out, input], true, source.file, to);
          await writeFloats(read, `${stem}.${part}.bias`, [out], true, source.file, to);
        }
        continue;
      }
      const { weight, bias } = await whole(stem, parts, out, input);
      for (const [p, part] of parts.entries()) {
        const rows = (values: Float32Array): Float32Array => values.subarray(p * out, (p + 1) * out);
        await to.write(`${stem}.${part}.bias`, rows(bias.data));
        await writeWhole(`${stem}.${part}.weight`, weight, p * out, out, to);
      }
    }
    progress(i + 2, steps);
  }
}

/** Rows `first` to `first + count` of a weight of whole numbers. */
async function writeWhole(
  name: string,
  { data, shape: [, K], scale, sum, balance }: QuantisedTensor,
  first: number,
  count: number,
  to: Writer,
): Promise<void> {
  await to.write(name, data.subarray(first * K, (first + count) * K));
  await to.write(`${name}_scale`, scale.subarray(first, first + count));
  await to.write(`${name}_sum`, sum.subarray(first, first + count));
  await to.write(`${name}_balance`, balance);
}

async function writeFloats(
  read: Reader,
  name: string,
  shape: readonly number[],
  half: boolean,
  file: string,
  to: Writer,
): Promise<void> {
  const { data } = await read.tensor(name, shape);
  await to.write(name, half ? narrow(data, file, name) : data);
}

async function writeWords(source: TensorSource, config: BertConfig, words: StoredType, to: Writer): Promise<void> {
  const { vocabularySize, hiddenSize: H } = config;
  const scale = new Float32Array(vocabularySize);
  await eachRows(source, config, async (first, rows) => {
    if (words === "float16") return to.write(WORDS, narrow(rows, source.file, WORDS), first * H);
    const q = new Int8Array(rows.length);
    quantiseRows(q, scale.subarray(first), rows, H);
    return to.write(WORDS, q, first * H);
  });
  if (words === "int8") await to.write(`${WORDS}_scale`, scale);
}

/** As float16, where that can hold them. */
function narrow(values: Float32Array, file: string, name: string): Uint16Array {
  /** The nearest float16 from here up is infinity. */
  const BEYOND = 65520;
  const i = values.findIndex((value) => Math.abs(value) >= BEYOND);
  if (i >= 0)
    fail(file, name, `element ${i} is ${values[i]}, which float16 cannot hold: convert to int8, or leave it float32`);
  return float32ToFloat16(values);
}
