import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { openPytorch } from "../../src/formats/pytorch.ts";
import { tensorSource } from "../../src/formats/rows.ts";
import { openSafetensors } from "../../src/formats/safetensors.ts";
import { openZip } from "../../src/formats/zip.ts";
import {
  call,
  dict,
  EMPTY_DICT,
  EMPTY_LIST,
  FALSE,
  GOOD,
  global,
  int,
  join,
  legacy,
  MARK,
  ORDERED_DICT,
  oldTensor,
  pickle,
  storage,
  tensor,
  text,
  torchParts,
  torchZip,
  tuple,
  typedTensor,
} from "../hostile/make-pickle.ts";
import { makeZip } from "../hostile/make-zip.ts";
import { counting, fileOf } from "./bytes.ts";

/* What fixtures of torch.save do not show: see containers.test.ts for those, test/hostile for what is refused. */

const floats = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
const FOUR = floats(1, 2, 3, 4);

it("opening reads headers and the pickle, a tensor is one read", async () => {
  const source = counting(torchZip(GOOD, { 0: FOUR }).bytes.buffer);
  const weights = await openPytorch(source);
  expect([...weights.tensors.keys()]).toEqual(["a"]);
  expect(weights.tensors.get("a")).toMatchObject({ dtype: "float32", shape: [2, 2] });
  const before = source.reads.length;
  expect((await weights.readFloat32("a")).data).toEqual(Float32Array.of(1, 2, 3, 4));
  expect(source.reads.slice(before).map(([from, to]) => to - from)).toEqual([16]);
});

it("walks a storage in every direction", async () => {
  const walk = (offset: number, size: number[], stride: number[]) =>
    tensor({ offset: int(offset), size: tuple(...size.map(int)), stride: tuple(...stride.map(int)) });
  const tensors = dict(
    ["transposed", walk(0, [2, 2], [1, 2])],
    ["column", walk(1, [2], [2])],
    ["repeated", walk(2, [3], [0])],
    ["scalar", walk(3, [], [])],
    ["empty", walk(0, [2, 0], [9, 9])],
    ["one long axis of one", walk(0, [1, 4], [77, 1])],
  );
  const weights = await openPytorch(torchZip(pickle(tensors), { 0: FOUR }).bytes);
  const read = async (name: string) => [...(await weights.readFloat32(name)).data];
  expect(await read("transposed")).toEqual([1, 3, 2, 4]);
  expect(await read("column")).toEqual([2, 4]);
  expect(await read("repeated")).toEqual([3, 3, 3]);
  expect(await read("scalar")).toEqual([4]);
  expect(await read("empty")).toEqual([]);
  expect(await read("one long axis of one")).toEqual([1, 2, 3, 4]);
  const rows = new Float32Array(6);
  await (await tensorSource(weights).rows("transposed", "source")).read(Int32Array.of(1, 0, 1), rows);
  expect([...rows]).toEqual([2, 4, 1, 3, 2, 4]);
  await expect(weights.read("nothing")).rejects.toThrow(
    "nothing: no such tensor among 6 (transposed, column, repeated, …)",
  );
});

it("integers are there, and are no floats", async () => {
  const data = pickle(dict(["ids", tensor({ type: global("torch IntStorage") })]));
  const weights = await openPytorch(torchZip(data).bytes);
  expect((await weights.read("ids")).data).toEqual(new Int32Array(Uint8Array.from({ length: 16 }, (_, i) => i).buffer));
  await expect(weights.readFloat32("ids")).rejects.toThrow("ids: is int32, which is not read as float32");
});

it("buffers of types nobody computes with do not stand in the way of the rest", async () => {
  const complex = (type: string, parts = {}) => tensor({ type: global(`torch ${type}`), key: text("1"), ...parts });
  const tensors = dict(
    ["weight", tensor()],
    ["uint16", typedTensor("torch uint16", { key: text("1") })],
    ["uint32, transposed", typedTensor("torch uint32", { key: text("1"), stride: tuple(int(1), int(2)) })],
    ["float8", typedTensor("torch float8_e4m3fn", { key: text("1") })],
    ["float8, every other", typedTensor("torch float8_e5m2", { key: text("1"), stride: tuple(int(4), int(2)) })],
    ["complex", complex("ComplexFloatStorage", { count: int(2), size: tuple(int(2)), stride: tuple(int(1)) })],
    [
      "complex128, twice",
      complex("ComplexDoubleStorage", { count: int(1), size: tuple(int(2)), stride: tuple(int(0)) }),
    ],
  );
  const sixteen = Uint8Array.from({ length: 16 }, (_, i) => i);
  // What is read may be twice the file: it has a kilobyte more.
  const bytes = torchZip(pickle(tensors), { 0: FOUR, 1: sixteen, unused: new Uint8Array(1000) }).bytes;
  const weights = await openPytorch(bytes);
  expect([...weights.tensors.values()].map(({ dtype }) => dtype)).toEqual(
    "float32 uint16 uint32 F8_E4M3 F8_E5M2 C64 C128".split(" "),
  );
  expect((await weights.readFloat32("weight")).data).toEqual(Float32Array.of(1, 2, 3, 4));
  expect((await weights.read("uint16")).data).toEqual(Uint16Array.of(0x100, 0x302, 0x504, 0x706));
  expect((await weights.read("uint32, transposed")).data).toEqual(
    Uint32Array.of(0x3020100, 0xb0a0908, 0x7060504, 0xf0e0d0c),
  );
  await expect(weights.read("float8")).rejects.toThrow("float8: is F8_E4M3, for which JavaScript has no array");
  await expect(weights.readFloat32("complex")).rejects.toThrow("complex: is C64, which is not read as float32");
  // A model's identity takes the bytes of all of them.
  expect([...(await tensorSource(weights).ends("float8"))]).toEqual([0, 1, 2, 3].map((i) => sixteen[i]));
  expect([...(await tensorSource(weights).ends("float8, every other"))]).toEqual([0, 2, 4, 6]);
  expect(await tensorSource(weights).ends("complex")).toEqual(sixteen);
  expect([...(await tensorSource(weights).ends("complex128, twice"))]).toEqual([...sixteen, ...sixteen]);
});

it.each(["zip", "legacy"])("every element type as torch.save writes it: %s", async (layout) => {
  const file = readFileSync(new URL(`./fixtures/types.${layout}.bin`, import.meta.url));
  const weights = await openPytorch(file);
  const readable =
    "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool uint16 uint32 uint64 parameter".split(" ");
  const others = new Map(
    Object.entries({
      ...{ complex128: ["C128", 16], complex64: ["C64", 8], complex32: ["C32", 4], float8_e4m3fn: ["F8_E4M3", 1] },
      ...{ float8_e5m2: ["F8_E5M2", 1], float8_e4m3fnuz: ["F8_E4M3FNUZ", 1], float8_e5m2fnuz: ["F8_E5M2FNUZ", 1] },
      float8_e8m0fnu: ["F8_E8M0", 1],
    } as Record<string, [string, number]>),
  );
  expect(weights.tensors.size).toBe(2 * (readable.length - 1 + others.size) + 1);
  for (const [name, { dtype, shape }] of weights.tensors) {
    const [type] = name.split(" ");
    const order = name.endsWith("transposed") ? [0, 2, 1, 3] : [0, 1, 2, 3];
    expect(shape, name).toEqual([2, 2]);
    if (/float(64|32|16)$|^parameter/.test(type)) {
      expect([...(await weights.readFloat32(name)).data], name).toEqual(order);
    } else if (readable.includes(type)) {
      const values = [...(await weights.read(name)).data].map(Number);
      expect(values, name).toEqual(type === "bool" ? order.map((n) => Math.min(n, 1)) : order);
    } else {
      const [called, size] = others.get(type) ?? [];
      expect(dtype, name).toBe(called);
      await expect(weights.read(name), name).rejects.toThrow("JavaScript has no array");
      const bytes = await tensorSource(weights).ends(name);
      const straight = await tensorSource(weights).ends(type);
      expect(bytes.length, name).toBe(4 * size!);
      expect([...bytes], name).toEqual(order.flatMap((n) => [...straight.subarray(n * size!, (n + 1) * size!)]));
    }
  }
});

it("a large transposed matrix is read in pieces, and gathered", async () => {
  const [R, C] = [1500, 2001];
  const stored = Float32Array.from({ length: R * C }, (_, i) => i); // [C, R] in the file
  const part = { count: int(R * C), size: tuple(int(R), int(C)), stride: tuple(int(1), int(R)) };
  const made = torchZip(pickle(dict(["a", tensor(part)])), { 0: new Uint8Array(stored.buffer) });
  const source = counting(made.bytes.buffer);
  const weights = await openPytorch(source);
  source.reads.length = 0;
  const { data } = await weights.readFloat32("a");
  expect(data.length).toBe(R * C);
  let wrong = 0;
  for (let r = 0; r < R; r++) for (let c = 0; c < C; c++) if (data[r * C + c] !== stored[c * R + r]) wrong++;
  expect(wrong).toBe(0);
  const lengths = source.reads.map(([from, to]) => to - from);
  expect(Math.max(...lengths)).toBeLessThanOrEqual(2 ** 18);
  expect(lengths.reduce((a, b) => a + b)).toBe(4 * R * C);

  // The ends, from the first two rows and the last: bytes of elements that lie far apart.
  const whole = new Uint8Array(data.buffer);
  expect(await tensorSource(weights).ends("a")).toEqual(
    Uint8Array.of(...whole.subarray(0, 4096), ...whole.subarray(-4096)),
  );
  // Rows are kept in memory.
  const rows = await tensorSource(weights).rows("a", "source");
  source.reads.length = 0;
  const out = new Float32Array(2 * C);
  await rows.read(Int32Array.of(1499, 7), out);
  expect(out.subarray(0, C)).toEqual(data.subarray(1499 * C));
  expect(out.subarray(C)).toEqual(data.subarray(7 * C, 8 * C));
  expect(source.reads).toEqual([]);
});

it("walks along three axes, parts of which overlap", async () => {
  const numbers = Float32Array.from({ length: 60 }, (_, i) => i);
  const walk = (size: number[], stride: number[], offset = 0) =>
    tensor({
      ...{ count: int(60), offset: int(offset) },
      ...{ size: tuple(...size.map(int)), stride: tuple(...stride.map(int)) },
    });
  const cases: [number[], number[], number?][] = [
    [
      [3, 4, 5],
      [1, 15, 3],
    ],
    [[5, 3, 4], [12, 1, 3], 0],
    [[4, 5], [0, 2], 3],
    [[6, 6], [3, 2], 7],
    [
      [2, 1, 2],
      [1, 59, 30],
    ],
  ];
  const data = pickle(dict(...cases.map((args, i) => [`${i}`, walk(...args)] as const)));
  const weights = await openPytorch(torchZip(data, { 0: new Uint8Array(numbers.buffer) }).bytes);
  for (const [i, [shape, stride, offset = 0]] of cases.entries()) {
    const expected: number[] = [];
    const visit = (axis: number, at: number): void => {
      if (axis === shape.length) expected.push(numbers[at]);
      else for (let k = 0; k < shape[axis]; k++) visit(axis + 1, at + k * stride[axis]);
    };
    visit(0, offset);
    expect([...(await weights.readFloat32(`${i}`)).data]).toEqual(expected);
  }
});

it("parameters with state", async () => {
  const state = join(EMPTY_DICT, text("note"), text("kept by nobody"), [0x73]);
  const parameter = call("torch._utils _rebuild_parameter_with_state", tensor(), FALSE, ORDERED_DICT, state);
  const weights = await openPytorch(torchZip(pickle(dict(["a", parameter])), { 0: FOUR }).bytes);
  expect((await weights.readFloat32("a")).data).toEqual(Float32Array.of(1, 2, 3, 4));
});

it("parameters, Python 2's dicts and names such as __proto__", async () => {
  const parameter = call("torch._utils _rebuild_parameter", tensor(), FALSE, ORDERED_DICT);
  const pairs = join(EMPTY_LIST, tuple(text("__proto__"), parameter), [0x61], tuple(text("b"), tensor()), [0x61]);
  const data = pickle(call("collections OrderedDict", pairs));
  const weights = await openPytorch(torchZip(data, { 0: FOUR }).bytes);
  expect([...weights.tensors.keys()]).toEqual(["__proto__", "b"]);
  expect((await weights.readFloat32("__proto__")).data).toEqual(Float32Array.of(1, 2, 3, 4));
});

it("a legacy pickle longer than the first read", async () => {
  const names = Array.from({ length: 900 }, (_, i) => [`${"encoder.".repeat(5)}${i}`, oldTensor()] as const);
  const filler = new Uint8Array(4 * 40_000);
  const other = oldTensor({ key: text("1"), count: int(40_000), size: tuple(int(40_000)), stride: tuple(int(1)) });
  const bytes = legacy({
    data: pickle(dict(...names, ["last", other])),
    keys: pickle(join(EMPTY_LIST, MARK, text("1"), text("0"), [0x65])),
    storages: [storage(40_000n, filler), storage(4n, FOUR)],
  });
  expect(bytes.length).toBeGreaterThan(200_000);
  const weights = await openPytorch(bytes);
  expect(weights.tensors.size).toBe(901);
  expect((await weights.readFloat32(names[7][0])).data).toEqual(Float32Array.of(1, 2, 3, 4));
});

it("limits can be lowered and raised", async () => {
  const tensors = pickle(dict(["a", tensor()], ["b", tensor()], ["c", tensor()]));
  const open = (maxTensors: number) => openPytorch(torchZip(tensors).bytes, "w.bin", { maxTensors });
  await expect(open(2)).rejects.toThrow(/w.bin: .*(too many|more than 2 tensors)/);
  expect((await open(50)).tensors.size).toBe(3);
  await expect(openPytorch(torchZip(GOOD).bytes, "w.bin", { maxHeaderBytes: 50 })).rejects.toThrow(
    "raise maxHeaderBytes",
  );
  const two = fileOf(
    {
      a: { dtype: "U8", shape: [1], data_offsets: [0, 1] },
      b: { dtype: "U8", shape: [0], data_offsets: [1, 1] },
    },
    1,
  );
  await expect(openSafetensors(two, "w", { maxTensors: 1 })).rejects.toThrow("w: header: more than 1 tensors");
  await expect(openSafetensors(two, "w", { maxHeaderBytes: 20 })).rejects.toThrow("raise maxHeaderBytes");
  expect((await openSafetensors(two, "w", { maxTensors: 2 })).tensors.size).toBe(2);
});

it("a zip without zip64 records, with a comment, with sizes in its local headers", async () => {
  const made = makeZip(torchParts(GOOD), "made by hand");
  const { view, bytes, end, zip64, local, central, data } = made;
  const out = new Uint8Array(bytes.length - 76);
  out.set(bytes.subarray(0, zip64));
  out.set(bytes.subarray(end), zip64);
  const plain = new DataView(out.buffer);
  for (let i = 0; i < local.length; i++) {
    for (const [from, to] of [
      [16, 14],
      [20, 18],
      [24, 22],
    ])
      plain.setUint32(local[i] + to, view.getUint32(central[i] + from, true), true);
    plain.setUint16(local[i] + 6, 0x0800, true);
    plain.setUint16(central[i] + 8, 0x0800, true);
  }
  expect((await openZip(out.buffer, "w.bin")).get("m/data/0")).toMatchObject({ begin: data[2], end: data[2] + 16 });
});

it("files beyond 4 GB, by their zip64 fields", async () => {
  // One file whose data begin after a gap of 5 GB that is not there: the source answers zeros.
  const GAP = 5 * 2 ** 30;
  const name = new TextEncoder().encode("m/data/0");
  const local = new Uint8Array(30 + name.length + 20);
  const entry = new Uint8Array(46 + name.length + 28);
  const ends = new Uint8Array(98);
  const view = (part: Uint8Array) => new DataView(part.buffer);
  view(local).setUint32(0, 0x04034b50, true);
  view(local).setUint16(26, name.length, true);
  view(local).setUint16(28, 20, true);
  view(local).setUint32(18, 0xffffffff, true);
  view(local).setUint32(22, 0xffffffff, true);
  local.set(name, 30);
  view(local).setUint16(38, 1, true);
  view(local).setUint16(40, 16, true);
  view(local).setBigUint64(42, BigInt(GAP), true);
  view(local).setBigUint64(50, BigInt(GAP), true);
  view(entry).setUint32(0, 0x02014b50, true);
  for (const at of [20, 24, 42]) view(entry).setUint32(at, 0xffffffff, true);
  view(entry).setUint16(28, name.length, true);
  view(entry).setUint16(30, 28, true);
  entry.set(name, 46);
  view(entry).setUint16(54, 1, true);
  view(entry).setUint16(56, 24, true);
  const header = GAP;
  for (const [i, value] of [GAP, GAP, header].entries()) view(entry).setBigUint64(58 + 8 * i, BigInt(value), true);
  const directory = header + local.length + GAP;
  view(ends).setUint32(0, 0x06064b50, true);
  view(ends).setBigUint64(4, 44n, true);
  for (const [i, value] of [1, 1, entry.length, directory].entries()) {
    view(ends).setBigUint64(24 + 8 * i, BigInt(value), true);
  }
  view(ends).setUint32(56, 0x07064b50, true);
  view(ends).setBigUint64(64, BigInt(directory + entry.length), true);
  view(ends).setUint32(76, 0x06054b50, true);
  for (const at of [84, 86]) view(ends).setUint16(at, 1, true);
  view(ends).setUint32(88, 0xffffffff, true);
  view(ends).setUint32(92, 0xffffffff, true);
  const parts: [number, Uint8Array][] = [
    [header, local],
    [directory, entry],
    [directory + entry.length, ends],
  ];
  const source = {
    byteLength: directory + entry.length + ends.length,
    slice(start: number, end: number): ArrayBuffer {
      const out = new Uint8Array(end - start);
      for (const [at, part] of parts)
        part.forEach((byte, i) => {
          if (at + i >= start && at + i < end) out[at + i - start] = byte;
        });
      return out.buffer;
    },
  };
  const begin = header + local.length;
  const files = await openZip(source, "w.bin");
  expect([...files.keys()]).toEqual(["m/data/0"]);
  expect(files.get("m/data/0")).toMatchObject({ begin, end: begin + GAP });
  view(entry).setBigUint64(58, BigInt(GAP + 1), true);
  await expect(openZip(source, "w.bin")).rejects.toThrow("two sizes");
});
