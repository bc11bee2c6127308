import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { bfloat16ToFloat32, float16ToFloat32 } from "../../src/base/half.ts";
import { type DType, rowMajor, sizeOf, type Tensor } from "../../src/base/tensor.ts";
import { arrayOf } from "../../src/formats/arrays.ts";
import { tensorSource } from "../../src/formats/rows.ts";
import { ModelError, openSafetensors, writeSafetensors } from "../../src/formats/safetensors.ts";
import { counting, fileOf, seeded } from "./bytes.ts";

const fixture = (name: string): Uint8Array => readFileSync(new URL(`./fixtures/${name}`, import.meta.url));

/** The pattern of reference/formats/safetensors_fixtures.py: byte i is (37 i + 11 seed) mod 251. */
function pattern(dtype: DType, shape: number[], seed: number): Tensor {
  const bytes = new Uint8Array(sizeOf(shape) * arrayOf(dtype).BYTES_PER_ELEMENT);
  for (let i = 0; i < bytes.length; i++) bytes[i] = ((37 * i + 11 * seed) % 251) & (dtype === "bool" ? 1 : 255);
  return { data: new (arrayOf(dtype))(bytes.buffer), shape, stride: rowMajor(shape), offset: 0, dtype };
}

const DTYPES = "bool uint8 int8 uint16 int16 float16 uint32 int32 float32 uint64 int64 float64".split(" ") as DType[];
const NUMPY: [string, Tensor][] = [
  ...DTYPES.map((dtype, seed): [string, Tensor] => [`${dtype}.matrix`, pattern(dtype, [3, 5], seed)]),
  ["scalar", pattern("float32", [], 50)],
  ["empty", pattern("float32", [4, 0, 2], 51)],
  ["z.float32", pattern("float32", [1], 52)],
  ["__proto__", pattern("float32", [2], 53)],
  ['문장/"\\\n\u2028', pattern("float32", [1, 1, 2], 54)],
  ["\uffee after \u{10348}?", pattern("int8", [1], 55)],
  ["\u{10348} after \uffee?", pattern("int8", [2], 56)],
];

/** A tensor as its bytes, so that NaNs compare. */
const asBytes = ({ data, shape, stride, offset, dtype }: Tensor) => ({
  bytes: [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)],
  kind: data.constructor.name,
  shape,
  stride,
  offset,
  dtype,
});

test("reads what Python's safetensors wrote, to the bit", async () => {
  const weights = await openSafetensors(fixture("numpy.safetensors"));
  await expect(weights.read("x")).rejects.toThrow(
    "x: no such tensor among 19 (uint64.matrix, int64.matrix, float64.matrix, …)",
  );
  expect(weights.file).toBe("model.safetensors");
  expect([...weights.metadata]).toEqual([["format", "np\u001f한"]]);
  expect([...weights.tensors.keys()].sort()).toEqual(NUMPY.map(([name]) => name).sort());
  for (const [name, expected] of NUMPY) {
    expect(weights.tensors.get(name)).toMatchObject({ dtype: expected.dtype, shape: expected.shape });
    expect(asBytes(await weights.read(name))).toEqual(asBytes(expected));
  }
});

test("writes what Python's safetensors writes, byte for byte", async () => {
  expect(writeSafetensors(NUMPY, { format: "np\u001f한" })).toEqual(new Uint8Array(fixture("numpy.safetensors")));
  expect(writeSafetensors([...NUMPY].reverse(), { format: "np\u001f한" })).toEqual(
    new Uint8Array(fixture("numpy.safetensors")),
  );
});

test("reads what torch wrote: float16, bfloat16, float8 by name", async () => {
  const weights = await openSafetensors(fixture("torch.safetensors"), "torch.safetensors");
  expect(weights.tensors.get("float8.matrix")).toMatchObject({ dtype: "F8_E4M3", shape: [2, 2] });
  await expect(weights.read("float8.matrix")).rejects.toThrow(
    "torch.safetensors: float8.matrix: is F8_E4M3, for which",
  );
  await expect(weights.readFloat32("float8.matrix")).rejects.toThrow(ModelError);
  const half = pattern("float16", [3, 100], 61).data as Uint16Array;
  const brain = pattern("bfloat16", [3, 100], 60).data as Uint16Array;
  const bits = (values: Float32Array) => [...new Uint32Array(values.buffer, values.byteOffset, values.length)];
  expect(bits((await weights.readFloat32("float16.matrix")).data)).toEqual(bits(float16ToFloat32(half)));
  expect(bits((await weights.readFloat32("bfloat16.matrix")).data)).toEqual(bits(bfloat16ToFloat32(brain)));
  const numbers = await weights.readFloat32("numbers");
  expect([...numbers.data]).toEqual([0, -0, 1, -2.5, 65504, 1.401298464324817e-45, Infinity, -Infinity, NaN]);
  expect(numbers).toMatchObject({ shape: [9], stride: [1], offset: 0, dtype: "float32" });
});

test("float32 is made of floats only; float64 is rounded", async () => {
  const float64: Tensor = {
    data: Float64Array.of(0.1, 1e300, -1e-300),
    shape: [3],
    stride: [1],
    offset: 0,
    dtype: "float64",
  };
  const weights = await openSafetensors(
    writeSafetensors([
      ["d", float64],
      ["n", pattern("int64", [2], 0)],
    ]),
  );
  expect([...(await weights.readFloat32("d")).data]).toEqual([Math.fround(0.1), Infinity, -0]);
  await expect(weights.readFloat32("n")).rejects.toThrow("n: is int64, which is not read as float32");
  await expect(weights.read("missing")).rejects.toThrow("missing: no such tensor among 2 (n, d)");
});

test("any offset in memory will do: a view that begins at an odd byte", async () => {
  const bytes = fixture("numpy.safetensors");
  for (let shift = 0; shift < 8; shift++) {
    const shifted = new Uint8Array(bytes.length + shift + 3).subarray(shift, shift + bytes.length);
    shifted.set(bytes);
    const views = {
      byteLength: bytes.length,
      slice: (a: number, b: number) => shifted.subarray(a, b) as unknown as ArrayBuffer,
    };
    for (const source of [shifted, views]) {
      const weights = await openSafetensors(source);
      for (const [name, expected] of NUMPY) expect(asBytes(await weights.read(name))).toEqual(asBytes(expected));
    }
  }
});

test("data that is not aligned inside the file", async () => {
  const header = {
    u: { dtype: "U8", shape: [1], data_offsets: [0, 1] },
    d: { dtype: "F64", shape: [2], data_offsets: [1, 17] },
  };
  const data = new Uint8Array(17);
  new DataView(data.buffer).setFloat64(1, 1.5, true);
  new DataView(data.buffer).setFloat64(9, -2.25, true);
  for (const pad of ["", " ", "  ", "   "]) {
    const weights = await openSafetensors(fileOf(JSON.stringify(header) + pad, data));
    expect((await weights.read("d")).data).toEqual(Float64Array.of(1.5, -2.25));
  }
});

test("opening reads the header, a tensor reads its bytes, rows read their rows", async () => {
  const width = 10;
  const table = pattern("float16", [1000, width], 3);
  const file = writeSafetensors([
    ["table", table],
    ["other", pattern("float32", [50], 4)],
  ]);
  const source = counting(file.buffer);
  const weights = await openSafetensors(source);
  const data = source.reads[1][1];
  expect(source.reads).toEqual([
    [0, 8],
    [8, data],
  ]);
  source.reads.length = 0;

  await weights.read("other");
  expect(source.reads.splice(0)).toEqual([[data, data + 200]]);

  const rows = await tensorSource(weights).rows("table", "source");
  expect(source.reads).toEqual([]);
  const ids = Int32Array.of(7, 500, 6, 7, 999, 0, 8, 500);
  const out = new Float32Array(ids.length * width + 3).fill(9);
  await rows.read(ids, out);
  const first = data + 200;
  const bytes = (from: number, to: number) => [first + from * width * 2, first + to * width * 2];
  expect(source.reads.splice(0).sort((a, b) => a[0] - b[0])).toEqual([
    bytes(0, 1),
    bytes(6, 9),
    bytes(500, 501),
    bytes(999, 1000),
  ]);

  const inMemory = await tensorSource(weights).rows("table", "memory");
  expect(source.reads.splice(0)).toEqual([bytes(0, 1000)]);
  const same = new Float32Array(out.length).fill(9);
  await inMemory.read(ids, same);
  expect(new Uint32Array(same.buffer)).toEqual(new Uint32Array(out.buffer));
  expect(source.reads).toEqual([]);

  const whole = float16ToFloat32(table.data as Uint16Array);
  const expected = Float32Array.from(out, (_, i) =>
    i < ids.length * width ? whole[ids[Math.floor(i / width)] * width + (i % width)] : 9,
  );
  expect(new Uint32Array(out.buffer)).toEqual(new Uint32Array(expected.buffer));
});

test("the ends of a tensor: 4 KiB each, all of a small one, whatever its type", async () => {
  const large = pattern("uint8", [10_000], 5);
  const weights = await openSafetensors(
    writeSafetensors([
      ["large", large],
      ["small", pattern("uint8", [5000], 6)],
    ]),
  );
  const bytes = large.data as Uint8Array;
  expect(await tensorSource(weights).ends("large")).toEqual(
    Uint8Array.of(...bytes.subarray(0, 4096), ...bytes.subarray(10_000 - 4096)),
  );
  expect(await tensorSource(weights).ends("small")).toEqual(pattern("uint8", [5000], 6).data);
  const float8 = await openSafetensors(fixture("torch.safetensors"));
  expect(await tensorSource(float8).ends("float8.matrix")).toEqual(pattern("uint8", [4], 62).data);
  await expect(tensorSource(float8).ends("missing")).rejects.toThrow(ModelError);
});

test("a long run of rows is read in parts of at most 1 MiB", async () => {
  const table: Tensor = {
    data: new Float32Array(6000 * 128).map((_, i) => i),
    shape: [6000, 128],
    stride: [128, 1],
    offset: 0,
    dtype: "float32",
  };
  const source = counting(writeSafetensors([["table", table]]).buffer);
  const rows = await tensorSource(await openSafetensors(source)).rows("table", "source");
  source.reads.length = 0;
  const ids = Int32Array.from({ length: 6000 }, (_, i) => 5999 - i);
  const out = new Float32Array(6000 * 128);
  await rows.read(ids, out);
  expect(source.reads.length).toBeGreaterThan(1);
  expect(Math.max(...source.reads.map(([start, end]) => end - start))).toBeLessThanOrEqual(1 << 20);
  expect(source.reads.reduce((sum, [start, end]) => sum + end - start, 0)).toBe(6000 * 128 * 4);
  for (let row = 0; row < 6000; row += 577) expect(out[row * 128 + 5]).toBe((5999 - row) * 128 + 5);
});

test.each(["memory", "source"] as const)("rows from %s: what is refused", async (where) => {
  const file = writeSafetensors([
    ["table", pattern("bfloat16", [4, 3], 0)],
    ["vector", pattern("float32", [4], 0)],
    ["ids", pattern("int64", [2, 2], 0)],
    ["none", pattern("float32", [0, 3], 0)],
  ]);
  const weights = await openSafetensors(file, "w");
  await expect(tensorSource(weights).rows("vector", where)).rejects.toThrow(
    "w: vector = [4]: rows are read from a matrix",
  );
  await expect(tensorSource(weights).rows("ids", where)).rejects.toThrow("w: ids: is int64");
  await expect(tensorSource(weights).rows("missing", where)).rejects.toThrow(ModelError);
  const rows = await tensorSource(weights).rows("table", where);
  expect(rows).toMatchObject({ rows: 4, width: 3 });
  const read = async (ids: number[], length: number) => rows.read(Int32Array.from(ids), new Float32Array(length));
  await expect(read([0, 4], 6)).rejects.toThrow("w: table row = 4: the table has rows 0 to 3");
  await expect(read([-1], 3)).rejects.toThrow("row = -1");
  await expect(read([0, 1], 5)).rejects.toThrow("2 rows of 3 need 6 elements, and out has 5");
  await expect(read([], 0)).resolves.toBeUndefined();
  const none = await tensorSource(weights).rows("none", where);
  await expect((async () => none.read(Int32Array.of(0), new Float32Array(3)))()).rejects.toThrow(ModelError);
});

test("a failing read of rows is an error, and nothing is written afterwards", async () => {
  const file = writeSafetensors([["table", pattern("float32", [100, 2], 0)]]).buffer;
  let broken = false;
  const source = {
    byteLength: file.byteLength,
    async slice(start: number, end: number) {
      if (broken && (start / 8) % 3 === 0) throw new Error("the line went dead");
      await new Promise((resolve) => setTimeout(resolve, broken ? 5 : 0));
      return file.slice(start, end);
    },
  };
  const rows = await tensorSource(await openSafetensors(source)).rows("table", "source");
  broken = true;
  const out = new Float32Array(100);
  const ids = Int32Array.from({ length: 50 }, (_, i) => 2 * i);
  await expect(rows.read(ids, out)).rejects.toThrow("the line went dead");
  const then = out.slice();
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(out).toEqual(then);
});

test("random tensors, contiguous or not, survive there and back", async () => {
  const random = seeded(2026);
  const below = (n: number) => Math.floor(random() * n);
  const all: DType[] = [...DTYPES, "bfloat16"];
  for (let round = 0; round < 300; round++) {
    const tensors = new Map<string, Tensor>();
    for (let count = below(5); count >= 0; count--) {
      const dtype = all[below(all.length)];
      const shape = Array.from({ length: below(5) }, () => below(5));
      // A window into a larger array: axes in any order, any step, some walked backwards.
      const stride = new Array<number>(shape.length).fill(0);
      let room = 1;
      let offset = below(4);
      for (const axis of shape.map((_, i) => i).sort(() => random() - 0.5)) {
        const step = room * (1 + below(3)) * (random() < 0.2 ? 0 : 1);
        const backwards = random() < 0.3;
        if (backwards) offset += Math.max(0, shape[axis] - 1) * step;
        stride[axis] = backwards ? -step : step;
        room += step * Math.max(1, shape[axis]);
      }
      const data = pattern(dtype, [room + 4 + offset], below(200)).data;
      tensors.set(`t${below(1000)}`, { data, shape, stride, offset, dtype });
    }
    const metadata = round % 3 ? { round: String(round), 문장: '"\\\n' } : undefined;
    const weights = await openSafetensors(writeSafetensors(tensors, metadata));
    expect([...weights.metadata]).toEqual(Object.entries(metadata ?? {}));
    expect([...weights.tensors.keys()].sort()).toEqual([...tensors.keys()].sort());
    for (const [name, { data, shape, stride, offset, dtype }] of tensors) {
      const read = await weights.read(name);
      expect(read).toMatchObject({ shape, dtype, stride: rowMajor(shape), offset: 0 });
      const expected = Array.from({ length: sizeOf(shape) }, (_, i) => {
        let at = offset;
        for (let axis = shape.length - 1, rest = i; axis >= 0; axis--) {
          at += (rest % shape[axis]) * stride[axis];
          rest = Math.floor(rest / shape[axis]);
        }
        return data[at];
      });
      expect([...read.data]).toEqual(expected);
    }
  }
});

test("the data of a written file begins at a multiple of 8", async () => {
  for (let length = 1; length < 20; length++) {
    const file = writeSafetensors([["n".repeat(length), pattern("uint8", [3], 0)]]);
    expect((file.length - 3) % 8).toBe(0);
    expect((await openSafetensors(file)).tensors.size).toBe(1);
  }
  expect(new TextDecoder().decode(writeSafetensors([]).subarray(8))).toBe("{}      ");
});

test("the writer refuses what the format cannot hold", () => {
  const ok = pattern("float32", [2, 3], 0);
  const write =
    (tensor: Partial<Tensor>, name = "a") =>
    () =>
      writeSafetensors([[name, { ...ok, ...tensor }]]);
  expect(() =>
    writeSafetensors([
      ["a", ok],
      ["a", ok],
    ]),
  ).toThrow("writeSafetensors: a: stands twice");
  expect(write({}, "__metadata__")).toThrow(ModelError);
  expect(write({}, "\ud800")).toThrow(/UTF-8/);
  expect(write({ dtype: "complex64" as DType })).toThrow(/a dtype = "complex64"/);
  expect(write({ dtype: "float64" })).toThrow(/float64 is kept in a Float64Array/);
  expect(write({ data: [1, 2, 3, 4, 5, 6] as unknown as Float32Array })).toThrow(ModelError);
  expect(write({ shape: [2, 4] })).toThrow(/do not fit 6 elements/);
  expect(write({ shape: [2, -3] })).toThrow(ModelError);
  expect(write({ shape: [2, 1.5] })).toThrow(ModelError);
  expect(write({ shape: [6] })).toThrow(ModelError);
  expect(write({ offset: 1 })).toThrow(ModelError);
  expect(write({ stride: [-3, 1] })).toThrow(ModelError);
  expect(write({ stride: [3, 0.5] })).toThrow(ModelError);
  expect(() => writeSafetensors([], { k: 1 as unknown as string })).toThrow(
    /__metadata__ k = 1: metadata maps text to text/,
  );
  expect(() => writeSafetensors([], { k: "\udc00" })).toThrow(ModelError);
});
