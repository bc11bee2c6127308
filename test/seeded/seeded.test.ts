import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { tensorSource } from "../../src/formats/rows.ts";
import { openSafetensors } from "../../src/formats/safetensors.ts";
import {
  outlierChannels,
  type SeededConfig,
  seededConfig,
  seededSafetensors,
  seededShapes,
  seededSource,
  seededTensor,
} from "./seeded.ts";

interface Entry {
  name: string;
  shape: number[];
  sha256: string;
  /** The bits of the first four numbers, so that a difference can be looked at. */
  first: string[];
}

// Written by reference/golden/full.py: what Python makes of the same names, indices and seeds.
const python: {
  small: { config: SeededConfig; seeds: { seed: number; outliers: boolean; tensors: Entry[] }[] };
  full: { outliers: boolean; tensors: Entry[] }[];
  rows: { name: string; ids: number[]; shape: number[]; sha256: string };
} = JSON.parse(readFileSync(new URL("../golden/seeded.json", import.meta.url), "utf8"));

const sha256 = (data: Float32Array): string =>
  createHash("sha256")
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest("hex");
const bits = (data: Float32Array): string[] =>
  Array.from(new Uint32Array(data.slice(0, 4).buffer), (b) => b.toString(16).padStart(8, "0"));

function expectSame(entry: Entry, data: Float32Array, shape: readonly number[] | undefined): void {
  expect(shape, entry.name).toEqual(entry.shape);
  expect(bits(data), entry.name).toEqual(entry.first);
  expect(sha256(data), entry.name).toBe(entry.sha256);
}

describe("seeded weights have the bits of the Python generator", () => {
  it("in every tensor of a small model, for two seeds, with outliers and without", () => {
    const { config, seeds } = python.small;
    const shapes = seededShapes(config);
    for (const { tensors, ...options } of seeds) {
      expect([...shapes.keys()]).toEqual(tensors.map((t) => t.name));
      for (const entry of tensors) {
        expectSame(entry, seededTensor(entry.name, shapes.get(entry.name)!, options).data, shapes.get(entry.name));
      }
    }
  });

  it("in tensors of the full-size model", () => {
    const shapes = seededShapes(seededConfig);
    for (const { tensors, ...options } of python.full) {
      for (const entry of tensors)
        expectSame(entry, seededTensor(entry.name, entry.shape, options).data, shapes.get(entry.name));
    }
  });

  it("in rows of the full-size word table, made without the rest of it", async () => {
    const { name, ids, shape } = python.rows;
    const rows = await seededSource().rows(name, "source");
    expect([rows.rows, rows.width]).toEqual([40000, 768]);
    const out = new Float32Array(shape[0] * shape[1]);
    await rows.read(Int32Array.from(ids), out);
    expect(sha256(out)).toBe(python.rows.sha256);
  });
});

describe("a seeded model", () => {
  const { config } = python.small;

  it("counts KR-SBERT's numbers", () => {
    let numbers = 0;
    for (const shape of seededShapes(seededConfig).values()) numbers += shape.reduce((n, d) => n * d, 1);
    expect(numbers).toBe(116_761_344);
  });

  it("has ordinary gains within 0.1 of 1, and four outlier channels only where asked", () => {
    const name = "encoder.layer.0.output.LayerNorm.weight";
    const ordinary = seededTensor(name, [768]).data;
    for (const gain of ordinary) expect(Math.abs(gain - 1)).toBeLessThanOrEqual(0.1);
    expect(Math.max(...ordinary) - Math.min(...ordinary)).toBeGreaterThan(0.1);
    const odd = seededTensor(name, [768], { outliers: true }).data;
    const channels = outlierChannels(768);
    expect(channels.map((c) => odd[c])).toEqual([3, 3.5, 4.25, 5]);
    const middle = seededTensor("encoder.layer.0.attention.output.LayerNorm.weight", [768], { outliers: true }).data;
    expect(channels.map((c) => middle[c])).toEqual([0.1875, 0.1875, 0.1875, 0.1875]);
    odd.forEach((gain, i) => {
      if (!channels.includes(i)) expect(gain).toBe(ordinary[i]);
    });
  });

  it("is a source and a safetensors file of the same tensors", async () => {
    const source = seededSource(config, { seed: 3 });
    const file = await openSafetensors(seededSafetensors(config, { seed: 3 }));
    expect([...file.tensors.keys()].sort()).toEqual([...source.tensors.keys()].sort());
    for (const name of source.tensors.keys()) {
      const [a, b] = [await source.readFloat32(name), await file.readFloat32(name)];
      expect(b.shape).toEqual(a.shape);
      expect(b.data).toEqual(a.data);
      expect(await source.ends(name)).toEqual(await tensorSource(file).ends(name));
    }
    const table = "embeddings.word_embeddings.weight";
    const rows = await source.rows(table, "source");
    const out = new Float32Array(2 * config.hidden_size);
    await rows.read(Int32Array.of(5, 0), out);
    const all = (await source.readFloat32(table)).data;
    expect(out.subarray(0, config.hidden_size)).toEqual(all.subarray(5 * config.hidden_size, 6 * config.hidden_size));
  });

  it("shows the ends of a large tensor without making it", async () => {
    const source = seededSource();
    for (const name of ["encoder.layer.3.intermediate.dense.bias", "encoder.layer.3.intermediate.dense.weight"]) {
      const { data } = await source.readFloat32(name);
      const whole = new Uint8Array(data.buffer);
      const ends = await source.ends(name);
      expect(ends.subarray(0, 4096)).toEqual(whole.subarray(0, 4096));
      expect(ends.subarray(4096)).toEqual(whole.subarray(-4096));
    }
  });

  it("refuses a tensor or a row it does not have", async () => {
    const source = seededSource(config);
    await expect(source.readFloat32("encoder.layer.9.output.dense.weight")).rejects.toThrow(/no tensor/);
    const rows = await source.rows("embeddings.word_embeddings.weight", "source");
    expect(() => rows.read(Int32Array.of(97), new Float32Array(20))).toThrow(/row 97/);
  });
});
