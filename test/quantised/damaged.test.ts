import { beforeAll, describe, expect, it } from "vitest";
import type { Tensor } from "../../src/base/tensor.ts";
import { openSafetensors, writeSafetensors } from "../../src/formats/safetensors.ts";
import { BertModel } from "../../src/node.ts";
import { convert, inMemory } from "../../src/quantize.ts";
import { tinyFiles } from "../tiny.ts";

/* Whole numbers that were damaged on their way end in an error that names the tensor and the value, never in vectors. */

const small = inMemory();
const tensors = new Map<string, Tensor>();

beforeAll(async () => {
  await convert({ files: tinyFiles() }, small);
  const weights = await openSafetensors(small.files["model.safetensors"]);
  for (const name of weights.tensors.keys()) tensors.set(name, await weights.read(name));
});

/** Loads the model with one tensor changed, or left out. */
async function load(name: string, change: (tensor: Tensor) => Tensor | undefined, options: object = {}): Promise<void> {
  const all = new Map(tensors);
  const before = tensors.get(name) as Tensor;
  const after = change({ ...before, data: before.data.slice() as Tensor["data"] });
  if (after === undefined) all.delete(name);
  else all.set(name, after);
  const files = { ...small.files, "model.safetensors": writeSafetensors(all) };
  const model = await BertModel.load({ files }, { threads: 0, ...options });
  await model.forward({ ids: Int32Array.of(2, 5, 3) });
  await model.dispose();
}

const set =
  (i: number, value: number) =>
  (tensor: Tensor): Tensor => {
    tensor.data[i] = value as never;
    return tensor;
  };
const shaped =
  (...shape: number[]) =>
  (tensor: Tensor): Tensor => ({
    ...tensor,
    shape,
    stride: shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1)),
    data: tensor.data.slice(
      0,
      shape.reduce((a, b) => a * b, 1),
    ) as Tensor["data"],
  });

const QUERY = "encoder.layer.0.attention.self.query.weight";
const DOWN = "encoder.layer.1.output.dense.weight";
const WORDS = "embeddings.word_embeddings.weight";

describe("a model of whole numbers", () => {
  it("loads while nothing is changed", () => load(QUERY, (tensor) => tensor));

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, -0])("with a scale of %d", async (value) => {
    const wrong = Number.isFinite(value) ? /element 2 is -?[01], not a positive number/ : /element 2 is (NaN|Infinity)/;
    await expect(load(`${QUERY}_scale`, set(2, value))).rejects.toThrow(wrong);
    await expect(load(`${WORDS}_scale`, set(2, value))).rejects.toThrow(wrong);
    await expect(load(`${DOWN}_balance`, set(2, value))).rejects.toThrow(wrong);
  });

  it("with a wrong sum, or a wrong number", async () => {
    const sum = tensors.get(`${DOWN}_sum`)?.data[1] as number;
    await expect(load(`${DOWN}_sum`, set(1, sum + 1))).rejects.toThrow(
      `row 1 sums up to ${sum}, not to ${sum + 1}: the file is damaged`,
    );
    const q = tensors.get(DOWN)?.data[0] as number;
    await expect(load(DOWN, set(0, q === 0 ? 1 : 0))).rejects.toThrow(/row 0 sums up to/);
    await expect(load(DOWN, set(0, -128))).rejects.toThrow(
      /element 0 is -128: whole numbers of weights are -127 to 127/,
    );
  });

  it.each([`${QUERY}_scale`, `${QUERY}_sum`, `${QUERY}_balance`, `${WORDS}_scale`])("without %s", async (name) => {
    await expect(load(name, () => undefined)).rejects.toThrow(
      `${name}: is missing beside the whole numbers: convert the model again`,
    );
  });

  it.each([
    [`${QUERY}_scale`, shaped(3), /has the shape \[3\], not \[\d+\]/],
    [`${QUERY}_sum`, shaped(3), /has the shape \[3\], not \[\d+\]/],
    [`${DOWN}_balance`, shaped(5), /has the shape \[5\], not \[\d+\]/],
    [`${WORDS}_scale`, shaped(7), /has the shape \[7\], not \[\d+\]/],
    [QUERY, shaped(4, 4), /has the shape \[4,4\], but config.json asks for/],
  ] as const)("with %s of another size", async (name, change, message) => {
    await expect(load(name, change)).rejects.toThrow(message);
  });

  it("with other types", async () => {
    const floats = (tensor: Tensor): Tensor => ({
      ...tensor,
      dtype: "float32",
      data: Float32Array.from(tensor.data as Int8Array),
    });
    await expect(load(QUERY, floats)).rejects.toThrow(/is float32 among weights of whole numbers, int8/);
    await expect(load(`${QUERY}_sum`, floats)).rejects.toThrow(/is float32, not int32/);
    const wholes = (tensor: Tensor): Tensor => ({
      ...tensor,
      dtype: "int32",
      data: Int32Array.from(tensor.data as Float32Array, () => 1),
    });
    await expect(load(`${QUERY}_scale`, wholes)).rejects.toThrow(/is int32, not float32/);
  });

  it("whose query, key and value differ in balance", async () => {
    const key = QUERY.replace("query", "key");
    const value = tensors.get(`${key}_balance`)?.data[1] as number;
    await expect(load(`${key}_balance`, set(1, value * 2))).rejects.toThrow(/differs between query, key and value/);
  });

  it("in plain JavaScript is checked the same way", async () => {
    await expect(load(`${QUERY}_scale`, set(0, 0), { backend: "js" })).rejects.toThrow(/not a positive number/);
  });
});

it("a -128 is found in rows of any width", async () => {
  const files = tinyFiles("odd-widths");
  const odd = inMemory();
  await convert({ files }, odd);
  const weights = await openSafetensors(odd.files["model.safetensors"]);
  const all = new Map<string, Tensor>();
  for (const name of weights.tensors.keys()) all.set(name, await weights.read(name));
  const name = [...all.keys()].find((key) => key.endsWith(".weight_sum"))?.replace("_sum", "") as string;
  const { data, shape } = all.get(name) as Tensor;
  expect(shape[1] % 4).not.toBe(0);
  const sum = all.get(`${name}_sum`) as Tensor;
  (sum.data as Int32Array)[0] += -128 - Number(data[0]); // the sum is right
  (data as Int8Array)[0] = -128;
  const damaged = { ...odd.files, "model.safetensors": writeSafetensors(all) };
  await expect(BertModel.load({ files: damaged })).rejects.toThrow(/element 0 is -128/);
});
