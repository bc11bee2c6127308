import { describe, expect, it } from "vitest";
import type { Tensor } from "../../src/base/tensor.ts";
import { rowsName } from "../../src/formats/row-parts.ts";
import { tensorSource } from "../../src/formats/rows.ts";
import { openSafetensors, writeSafetensors } from "../../src/formats/safetensors.ts";
import { openShards } from "../../src/formats/shards.ts";
import { randomNumbers } from "../random.ts";

/* A table whose rows stand in several files is the table. */

const float32 = (data: Float32Array, ...shape: number[]): Tensor => ({
  data,
  shape,
  stride: [shape[1], 1],
  offset: 0,
  dtype: "float32",
});

async function source(parts: readonly (readonly [name: string, tensor: Tensor])[]) {
  const files: Record<string, Uint8Array> = {};
  const map: Record<string, string> = {};
  for (const [i, part] of parts.entries()) {
    files[`part-${i}.safetensors`] = writeSafetensors([part]);
    map[part[0]] = `part-${i}.safetensors`;
  }
  const index = new TextEncoder().encode(JSON.stringify({ weight_map: map }));
  return openShards(
    { byteLength: index.length, slice: (a, b) => index.slice(a, b).buffer },
    "model.safetensors.index.json",
    async (name) => {
      return tensorSource(await openSafetensors(files[name], name));
    },
  );
}

/** The rows of a table cut before these. */
function cut(name: string, data: Float32Array, width: number, ...at: number[]): [string, Tensor][] {
  const ends = [...at, data.length / width];
  return [0, ...at].map((first, i) => [
    rowsName(name, first),
    float32(data.slice(first * width, ends[i] * width), ends[i] - first, width),
  ]);
}

describe.each([
  [40, 5, [7, 8, 30]],
  [3000, 4, [1000, 1001, 2999]],
  [2, 3, [1]],
] as const)("%i rows of %i numbers", (rows, width, at) => {
  const data = randomNumbers(rows)(rows * width);
  const parts = cut("a.weight", data, width, ...at).reverse(); // in no order
  const whole = async () =>
    tensorSource(await openSafetensors(writeSafetensors([["a.weight", float32(data, rows, width)]])));

  it("is one tensor", async () => {
    const joined = await source([...parts, ["b", float32(Float32Array.of(1, 2), 1, 2)]]);
    expect([...joined.tensors.keys()].sort()).toEqual(["a.weight", "b"]);
    expect(joined.tensors.get("a.weight")).toMatchObject({ dtype: "float32", shape: [rows, width] });
    expect((await joined.read("a.weight")).data).toEqual(data);
    const floats = await joined.readFloat32("a.weight");
    expect(floats).toMatchObject({ shape: [rows, width], stride: [width, 1], offset: 0, dtype: "float32" });
    expect(floats.data).toEqual(data);
  });

  it("has the ends of one", async () => {
    expect(await (await source(parts)).ends("a.weight")).toEqual(await (await whole()).ends("a.weight"));
  });

  it.each(["memory", "source"] as const)("has rows, in %s", async (where) => {
    const table = await (await source(parts)).rows("a.weight", where);
    expect([table.rows, table.width]).toEqual([rows, width]);
    const ids = Int32Array.from({ length: 50 }, (_, i) => (i * 7) % rows);
    const out = new Float32Array(50 * width);
    await table.read(ids, out);
    for (const [t, id] of ids.entries()) {
      expect(out.slice(t * width, (t + 1) * width)).toEqual(data.slice(id * width, (id + 1) * width));
    }
    for (const id of [-1, rows])
      await expect((async () => table.read(Int32Array.of(0, id), out))()).rejects.toThrow(/has rows 0 to/);
  });
});

describe("parts that do not fit", () => {
  const data = randomNumbers(1)(20);
  const [a, b, c] = cut("w", data, 2, 3, 6);
  it.each([
    ["one is missing in the middle", [a, c], /"?w\.rows\.6"?: rows from 3 on are missing: fetch all the parts/],
    ["the first is missing", [b, c], /w\.rows\.3"?: rows from 0 on are missing/],
    [
      "another width",
      [a, [b[0], float32(data.slice(0, 9), 3, 3)], c],
      /w\.rows\.3"?: is another kind of table than its first part, float32 \[3,2\]/,
    ],
    ["another type", [a, [b[0], { ...b[1], dtype: "int8", data: new Int8Array(6) }], c], /another kind of table/],
    ["no table", [a, [b[0], { ...b[1], shape: [6], stride: [1] }], c], /another kind of table/],
  ] as const)("%s", async (_, parts, message) => {
    await expect(source(parts as readonly (readonly [string, Tensor])[])).rejects.toThrow(message);
  });
});
