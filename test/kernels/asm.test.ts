import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import * as asm from "../../src/kernels/wasm/int8/asm.ts";
import {
  advance,
  type Bytes,
  block,
  br,
  brIf,
  type Code,
  call,
  drop,
  f32,
  f32x4,
  forRange,
  i8x16,
  i16x8,
  i32,
  i32x4,
  leave,
  loop,
  memoryAtomic,
  type Statement,
  unsigned,
  until,
  type V128,
  v128,
  variable,
  when,
} from "../../src/kernels/wasm/int8/asm.ts";
import { type ModuleBuilder, moduleBuilder } from "../../src/kernels/wasm/module-builder.ts";
import { hasRelaxed, switchRelaxedOn } from "./relaxed.ts";

/*
 * Every constructor of the assembler, run in a tiny module, against what the WebAssembly Core Specification 2.0 (and, for the two parts it
 * left to proposals, Threads and Relaxed SIMD) says the instruction of that name does.
 */

/** Where the dot products of relaxed SIMD can be run: V8 11 has them behind its flag only, and computes them wrongly. Asked before the switch. */
const RELAXED_DOTS = hasRelaxed() && Number.parseInt(process.versions.v8 ?? "", 10) > 11;
const RELAXED = switchRelaxedOn();

interface Tiny {
  readonly f: (...args: number[]) => number;
  readonly memory: WebAssembly.Memory;
  readonly bytes: DataView;
}

/** A module as `build` writes it, in a memory of one page, and its function `f`. */
function tiny(build: (m: ModuleBuilder) => void, shared = false): Tiny {
  const m = moduleBuilder({ shared, maximum: 1 });
  build(m);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(m.bytes()), { env: { memory } });
  return { f: exports.f as Tiny["f"], memory, bytes: new DataView(memory.buffer) };
}

type Scalar = "i32" | "f32";

/** f(a, b) as a module of one expression computes it. */
function scalar<T extends Scalar>(
  type: T,
  expression: (a: Code<T>, b: Code<T>) => Code<T>,
): (a: number, b?: number) => number {
  const { f } = tiny((m) => m.func("f", { a: type, b: type }, (p) => [expression(p.a, p.b)], type));
  return (a, b = 0) => f(a, b);
}

/** The value of an expression without variables. */
function value(type: Scalar, expression: Code<Scalar>): number {
  return tiny((m) => m.func("f", {}, () => [expression], type)).f();
}

/** Four lanes of bits. */
type Lanes = readonly [number, number, number, number];

/** The lanes an expression of up to three vectors leaves, as whole numbers. An instruction takes every operand it is given: no more here. */
function lanes(expression: (...operands: V128[]) => V128, ...vectors: readonly (readonly number[])[]): Lanes {
  const operands = vectors.map((_, i) => v128.load(16 * i));
  const { f, memory } = tiny((m) => m.func("f", {}, () => [v128.store(48, expression(...operands))]));
  for (const [i, vector] of vectors.entries()) new Uint32Array(memory.buffer, 16 * i, 4).set(vector);
  f();
  const [a, b, c, d] = new Uint32Array(memory.buffer, 48, 4);
  return [a, b, c, d];
}

const bitsOf = (...values: number[]): number[] => [...new Uint32Array(Float32Array.from(values).buffer)];
const floatsOf = (bits: readonly number[]): number[] => [...new Float32Array(Uint32Array.from(bits).buffer)];

/** As `lanes`, of float32 numbers. */
function floatLanes(expression: (...operands: V128[]) => V128, ...vectors: readonly (readonly number[])[]): number[] {
  return floatsOf(lanes(expression, ...vectors.map((vector) => bitsOf(...vector))));
}

/** Pairs that float32 arithmetic can be wrong about: zeros of both signs, infinities, NaN, subnormals, halves of a last place, overflow. */
const AWKWARD = [0, -0, 1, -1, 1.5, -2.75, 3, 1e-45, -1e-45, 1.1754943508222875e-38, 16777216, 16777217, 0.1, 3.4e38]
  .concat(Infinity, -Infinity, Number.NaN)
  .map(Math.fround);
const PAIRS = AWKWARD.flatMap((a) => AWKWARD.map((b) => [a, b] as const));

/** Compares an f32 instruction with a formula: +0 is not -0 here. */
function floatBinary(
  formula: (a: number, b: number) => number,
  instruction: (a: Code<"f32">, b: Code<"f32">) => Code<"f32">,
): void {
  const f = scalar("f32", instruction);
  for (const [a, b] of PAIRS) expect(f(a, b), `${a}, ${b}`).toBe(Math.fround(formula(a, b)));
}

/** As `floatBinary`, of four lanes at a time. */
function floatLanesBinary(formula: (a: number, b: number) => number, instruction: (a: V128, b: V128) => V128): void {
  for (let i = 0; i < PAIRS.length; i += 4) {
    const pairs = PAIRS.slice(i, i + 4);
    const [a, b] = [pairs.map(([x]) => x), pairs.map(([, y]) => y)];
    const got = floatLanes(instruction, a, b);
    for (const [lane, [x, y]] of pairs.entries()) expect(got[lane], `${x}, ${y}`).toBe(Math.fround(formula(x, y)));
  }
}

const WHOLES = [0, 1, -1, 2, 7, 63, 64, 127, 128, -64, -65, 65535, 2 ** 31 - 1, -(2 ** 31)];

function wholeBinary(
  formula: (a: number, b: number) => number,
  instruction: (a: Code<"i32">, b: Code<"i32">) => Code<"i32">,
  allowed: (b: number) => boolean = () => true,
): void {
  const f = scalar("i32", instruction);
  for (const a of WHOLES) for (const b of WHOLES) if (allowed(b)) expect(f(a, b), `${a}, ${b}`).toBe(formula(a, b) | 0);
}

const u = (a: number): number => a >>> 0;

/** The four words that 16 lanes of 8 bits make, or 8 of 16 bits; numbers wrap to their lanes. */
const words8 = (values: readonly number[]): number[] => [...new Uint32Array(Int8Array.from(values).buffer)];
const words16 = (values: readonly number[]): number[] => [...new Uint32Array(Int16Array.from(values).buffer)];

/** Four by four; zeros fill up the last. */
const fours = (values: readonly number[]): number[][] =>
  Array.from({ length: Math.ceil(values.length / 4) }, (_, i) => [0, 1, 2, 3].map((lane) => values[4 * i + lane] ?? 0));

/** The values from the one at `by` on, around the end. */
const rotated = (values: readonly number[], by: number): number[] => [...values.slice(by), ...values.slice(0, by)];

/** As `wholeBinary`, of four lanes at a time. */
function wholeLanesBinary(formula: (a: number, b: number) => number, instruction: (a: V128, b: V128) => V128): void {
  for (const by of WHOLES.keys()) {
    const b = rotated(WHOLES, by).slice(0, 4);
    for (const a of fours(WHOLES)) {
      expect(lanes(instruction, a, b), `${a}; ${b}`).toEqual(a.map((x, lane) => u(formula(x, b[lane]))));
    }
  }
}

/** Both halves have the ends of the range, both signs, and bytes next to each other that cannot be taken for one another. */
const SIGNED_BYTES = [-128, 127, -1, 0, 1, -127, 100, -64, 127, 127, -128, -128, 126, -2, 33, -77];
/** What the second operand of a relaxed dot product may hold without each machine having its own answer. */
const SEVEN_BITS = [127, 127, 1, 64, 0, 127, 99, 2, 127, 127, 127, 127, 5, 126, 3, 80];

/** What has halves to round, and stands at and beyond the ends of 32 bits. */
const ROUNDED = [0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 3.5, -3.5, 0.49999997, -0.49999997, 0.50000006, 0.99, -0.99]
  .concat(2.4999998, 4194303.5, 8388607.5, -8388606.5, 2147483520, 2 ** 31, 3e9, -(2 ** 31), -2147483904, 1e20, -1e20)
  .concat(AWKWARD)
  .map(Math.fround);

/** The nearest whole number, of two as near the even one; the sign stays, a zero's too. */
function nearestEven(a: number): number {
  const up = Math.round(Math.abs(a));
  const even = up - Math.abs(a) === 0.5 && up % 2 === 1 ? up - 1 : up;
  return a < 0 || Object.is(a, -0) ? -even : even;
}

/** Towards zero, into the range of i32; NaN is 0. */
const truncated = (a: number): number =>
  Number.isNaN(a) ? 0 : Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, Math.trunc(a))) | 0;

const clamped = (low: number, high: number) => (a: number) => Math.max(low, Math.min(high, a));

/** Offsets around the lengths that their LEB128 takes. */
const OFFSETS = [0, 1, 3, 63, 64, 127, 128, 129, 16383, 16384, 65000];

/** Loads of `size` bytes, at addresses that are no multiple of anything, with every offset. */
function loads(type: Scalar, load: (address: Code<"i32">, offset?: number) => Code<Scalar>): void {
  for (const offset of OFFSETS) {
    const { f, bytes } = tiny((m) => m.func("f", { at: "i32" }, (p) => [load(p.at, offset)], type));
    for (const at of [0, 1, 2, 3, 4, 101]) {
      if (type === "f32") bytes.setFloat32(at + offset, 1.5 + at, true);
      else bytes.setInt32(at + offset, -1000000 - at, true);
      expect(f(at)).toBe(type === "f32" ? 1.5 + at : -1000000 - at);
    }
    expect(() => f(65536 - offset - 3)).toThrow(WebAssembly.RuntimeError); // the last of four bytes is outside
    expect(() => f(-1)).toThrow(WebAssembly.RuntimeError); // an address is unsigned, and does not wrap
  }
}

function filled(bytes: DataView): void {
  for (let i = 0; i < bytes.byteLength; i++) bytes.setUint8(i, (i * 7 + 3) & 255);
}

/** A function (n) -> i32 of statements around a counter, whose last value it leaves; they may use another variable, `i`. */
function counting(
  body: (
    n: asm.Local<"i32">,
    count: asm.Local<"i32">,
    add: (by: number) => Statement,
    i: asm.Local<"i32">,
  ) => readonly Statement[],
): (n: number) => number {
  const { f } = tiny((m) =>
    m.func(
      "f",
      { n: "i32" },
      (p, locals) => {
        const [count, i] = locals("i32", 2);
        return [...body(p.n, count, (by) => count.set(i32.add(count, by)), i), count];
      },
      "i32",
    ),
  );
  return f;
}

/** The bytes of a piece of code, in a row. */
function flat(code: Bytes): number[] {
  return typeof code === "number" ? [code] : code.flatMap(flat);
}

/** Every name that constructs code, and what shows that it does what it is called. */
const CASES: Record<string, () => void | Promise<void>> = {
  "i32.add": () => wholeBinary((a, b) => a + b, i32.add),
  "i32.sub": () => wholeBinary((a, b) => a - b, i32.sub),
  "i32.mul": () => wholeBinary(Math.imul, i32.mul),
  "i32.div_u": () => {
    wholeBinary(
      (a, b) => Math.floor(u(a) / u(b)),
      i32.div_u,
      (b) => b !== 0,
    );
    expect(() => scalar("i32", i32.div_u)(1, 0)).toThrow(WebAssembly.RuntimeError);
  },
  "i32.rem_u": () => {
    wholeBinary(
      (a, b) => u(a) % u(b),
      i32.rem_u,
      (b) => b !== 0,
    );
    expect(() => scalar("i32", i32.rem_u)(1, 0)).toThrow(WebAssembly.RuntimeError);
  },
  "i32.eq": () => wholeBinary((a, b) => Number(a === b), i32.eq),
  "i32.ne": () => wholeBinary((a, b) => Number(a !== b), i32.ne),
  "i32.lt_u": () => wholeBinary((a, b) => Number(u(a) < u(b)), i32.lt_u),
  "i32.ge_u": () => wholeBinary((a, b) => Number(u(a) >= u(b)), i32.ge_u),
  "i32.trunc_sat_f32_s": () => {
    const { f } = tiny((m) => m.func("f", { a: "f32" }, (p) => [i32.trunc_sat_f32_s(p.a)], "i32"));
    for (const a of ROUNDED) expect(f(a), `${a}`).toBe(truncated(a));
  },
  "i32.load": () => loads("i32", i32.load),
  "i32.store": () => {
    for (const offset of OFFSETS) {
      const { f, bytes } = tiny((m) =>
        m.func("f", { at: "i32", value: "i32" }, (p) => [i32.store(p.at, p.value, offset)]),
      );
      filled(bytes);
      for (const at of [101, 4, 3, 2, 1, 0]) {
        const after = bytes.getUint8(at + offset + 4);
        f(at, -1000000 - at);
        expect(bytes.getInt32(at + offset, true)).toBe(-1000000 - at);
        expect(bytes.getUint8(at + offset + 4)).toBe(after); // no more than four bytes
      }
      f(65536 - offset - 4, 1);
      expect(() => f(65536 - offset - 3, 1)).toThrow(WebAssembly.RuntimeError);
      expect(() => f(-1, 1)).toThrow(WebAssembly.RuntimeError);
    }
  },
  "i32.atomic.load": () => {
    const { f, bytes } = tiny((m) => m.func("f", { at: "i32" }, (p) => [i32.atomic.load(p.at, 128)], "i32"), true);
    bytes.setInt32(132, -5, true);
    expect(f(4)).toBe(-5);
    expect(() => f(2)).toThrow(WebAssembly.RuntimeError); // atomic accesses are aligned, or trap
  },
  "i32.atomic.store": () => {
    const { f, bytes } = tiny(
      (m) =>
        m.func("f", { at: "i32", value: "i32" }, (p) => [
          i32.atomic.store(p.at, p.value, 128),
          i32.atomic.store(p.at, 77, 4),
        ]),
      true,
    );
    f(8, -9);
    expect([bytes.getInt32(136, true), bytes.getInt32(12, true), bytes.getInt32(8, true)]).toEqual([-9, 77, 0]);
    expect(() => f(1, 0)).toThrow(WebAssembly.RuntimeError);
  },
  "i32.atomic.rmw_add": () => {
    const { f, bytes } = tiny(
      (m) => m.func("f", { at: "i32", by: "i32" }, (p) => [i32.atomic.rmw_add(p.at, p.by, 64)], "i32"),
      true,
    );
    expect([f(0, 3), f(0, -5), f(0, 1)]).toEqual([0, 3, -2]);
    expect(bytes.getInt32(64, true)).toBe(-1);
  },
  "memoryAtomic.wait32": async () => {
    // What stands there is not what is expected: 1, at once.
    const { f, bytes } = tiny(
      (m) => m.func("f", { at: "i32", value: "i32" }, (p) => [memoryAtomic.wait32(p.at, p.value, 128)], "i32"),
      true,
    );
    bytes.setInt32(128, 6, true);
    expect(f(0, 7)).toBe(1);
    // A memory that is not shared cannot be waited for.
    const own = tiny((m) => m.func("f", {}, () => [memoryAtomic.wait32(0, 0)], "i32"));
    expect(() => own.f()).toThrow(WebAssembly.RuntimeError);
    await sleepersWake();
  },
  "memoryAtomic.notify": async () => {
    const { f } = tiny((m) => m.func("f", {}, () => [memoryAtomic.notify(0, -1)], "i32"), true);
    expect(f()).toBe(0); // nobody sleeps there
    await sleepersWake();
  },
  "f32.load": () => loads("f32", f32.load),
  "f32.store": () => {
    for (const offset of OFFSETS) {
      const { f, bytes } = tiny((m) =>
        m.func("f", { at: "i32", value: "f32" }, (p) => [f32.store(p.at, p.value, offset)]),
      );
      for (const at of [0, 1, 2, 3, 4, 101]) {
        f(at, -2.5 - at);
        expect(bytes.getFloat32(at + offset, true)).toBe(-2.5 - at);
      }
      expect(() => f(65536 - offset - 3, 1)).toThrow(WebAssembly.RuntimeError);
    }
  },
  "f32.const": () => {
    for (const number of [...AWKWARD, Math.PI]) expect(value("f32", f32.const(number))).toBe(Math.fround(number));
  },
  "f32.convert_i32_u": () => {
    const { f } = tiny((m) => m.func("f", { a: "i32" }, (p) => [f32.convert_i32_u(p.a)], "f32"));
    for (const a of [...WHOLES, 16777217, 16777219]) expect(f(a)).toBe(Math.fround(u(a)));
  },
  "f32.eq": () => {
    const { f } = tiny((m) => m.func("f", { a: "f32", b: "f32" }, (p) => [f32.eq(p.a, p.b)], "i32"));
    for (const [a, b] of PAIRS) expect(f(a, b), `${a}, ${b}`).toBe(Number(a === b));
  },
  "f32.neg": () => {
    const f = scalar("f32", (a) => f32.neg(a));
    for (const a of AWKWARD) expect(f(a), `${a}`).toBe(-a);
    const { f: ofBits, bytes } = tiny((m) => m.func("f", {}, () => [f32.store(0, f32.neg(f32.load(4)))]));
    bytes.setUint32(4, 0x7fc12345, true);
    ofBits();
    expect(bytes.getUint32(0, true)).toBe(0xffc12345); // of a NaN too: only the sign changes
  },
  "f32.nearest": () => {
    const f = scalar("f32", (a) => f32.nearest(a));
    for (const a of ROUNDED) expect(f(a), `${a}`).toBe(nearestEven(a));
  },
  "f32.sqrt": () => {
    const f = scalar("f32", (a) => f32.sqrt(a));
    for (const a of [...AWKWARD, 2, 3, 1e-40]) expect(f(a)).toBe(Math.fround(Math.sqrt(Math.fround(a))));
  },
  "f32.add": () => floatBinary((a, b) => a + b, f32.add),
  "f32.sub": () => floatBinary((a, b) => a - b, f32.sub),
  "f32.div": () => floatBinary((a, b) => a / b, f32.div),
  "f32.min": () => floatBinary(Math.min, f32.min),
  "f32.max": () => floatBinary(Math.max, f32.max), // both take a NaN from either side, and know that -0 < +0
  "v128.load": () => {
    for (const offset of OFFSETS) {
      const { f, bytes } = tiny((m) => m.func("f", { at: "i32" }, (p) => [v128.store(0, v128.load(p.at, offset))]));
      filled(bytes);
      for (const at of [16, 17, 23, 31, 33]) {
        f(at);
        for (let i = 0; i < 16; i++) expect(bytes.getUint8(i)).toBe(((at + offset + i) * 7 + 3) & 255);
      }
      expect(() => f(65536 - offset - 15)).toThrow(WebAssembly.RuntimeError);
    }
  },
  "v128.load32_splat": () => {
    for (const offset of OFFSETS) {
      const { f, bytes } = tiny((m) =>
        m.func("f", { at: "i32" }, (p) => [v128.store(0, v128.load32_splat(p.at, offset))]),
      );
      filled(bytes);
      for (const at of [16, 17, 18, 19]) {
        const value = bytes.getInt32(at + offset, true);
        f(at);
        for (let lane = 0; lane < 4; lane++) expect(bytes.getInt32(4 * lane, true)).toBe(value);
      }
      expect(() => f(65536 - offset - 3)).toThrow(WebAssembly.RuntimeError);
      f(65536 - offset - 4);
    }
  },
  "v128.load8x8_s": () => {
    for (const offset of OFFSETS) {
      const { f, bytes } = tiny((m) =>
        m.func("f", { at: "i32" }, (p) => [v128.store(0, v128.load8x8_s(p.at, offset))]),
      );
      filled(bytes);
      for (const at of [16, 17, 23, 31, 33]) {
        f(at);
        const wanted = Array.from({ length: 8 }, (_, i) => bytes.getInt8(at + offset + i));
        expect(wanted.map((_, i) => bytes.getInt16(2 * i, true))).toEqual(wanted);
      }
      f(65536 - offset - 8);
      expect(() => f(65536 - offset - 7)).toThrow(WebAssembly.RuntimeError);
    }
  },
  "v128.store": () => {
    for (const offset of OFFSETS) {
      const { f, bytes } = tiny((m) => m.func("f", { at: "i32" }, (p) => [v128.store(p.at, v128.load(0), offset)]));
      filled(bytes);
      for (const at of [20, 21, 35]) {
        f(at);
        for (let i = 0; i < 16; i++) expect(bytes.getUint8(at + offset + i)).toBe((i * 7 + 3) & 255);
      }
      expect(bytes.getUint8(20 + offset + 31)).toBe(((20 + offset + 31) * 7 + 3) & 255); // and no more than 16 bytes
    }
  },
  "v128.store32_lane": () => {
    for (const offset of OFFSETS) {
      for (const lane of [0, 1, 2, 3]) {
        const { f, memory, bytes } = tiny((m) =>
          m.func("f", { at: "i32" }, (p) => [v128.store32_lane(p.at, v128.load(0), offset, lane)]),
        );
        filled(bytes);
        for (const at of [20, 21, 35]) {
          const around = new Uint8Array(memory.buffer, at + offset - 4, 12);
          const wanted = [...around];
          wanted.splice(4, 4, ...new Uint8Array(memory.buffer, 4 * lane, 4)); // and no other byte
          f(at);
          expect([...around], `${at} + ${offset}, lane ${lane}`).toEqual(wanted);
        }
        f(65536 - offset - 4);
        expect(() => f(65536 - offset - 3)).toThrow(WebAssembly.RuntimeError);
      }
    }
  },
  "v128.and": () => {
    expect(lanes(v128.and, [0xffffffff, 0x0ff0, 5, 0], [0x12345678, 0xff00, 3, 9])).toEqual([0x12345678, 0x0f00, 1, 0]);
  },
  "v128.andnot": () => {
    expect(lanes(v128.andnot, [0xffffffff, 0x0ff0, 5, 0], [0x12345678, 0xff00, 3, 9])).toEqual([
      0xedcba987, 0x00f0, 4, 0,
    ]);
  },
  "i8x16.narrow_i16x8_u": () => {
    const [a, b] = [
      [-32768, 32767, -1, 0, 255, 256, 128, 127],
      [254, -255, 1, 257, 300, -128, 200, 32513],
    ];
    expect(lanes(i8x16.narrow_i16x8_u, words16(a), words16(b))).toEqual(words8([...a, ...b].map(clamped(0, 255))));
  },
  "i8x16.min_u": () => {
    for (const by of SIGNED_BYTES.keys()) {
      const b = rotated(SIGNED_BYTES, by);
      const wanted = SIGNED_BYTES.map((a, i) => Math.min(a & 255, b[i] & 255));
      expect(lanes(i8x16.min_u, words8(SIGNED_BYTES), words8(b)), `${by}`).toEqual(words8(wanted));
    }
  },
  "i16x8.splat": () => {
    for (const a of [...WHOLES, 0x12348765]) {
      expect(
        lanes(() => i16x8.splat(a)),
        `${a}`,
      ).toEqual(words16(Array(8).fill(a)));
    }
  },
  "i16x8.narrow_i32x4_s": () => {
    const clamp = clamped(-32768, 32767);
    for (const [a, b] of [
      [
        [2 ** 31 - 1, -(2 ** 31), 32767, 32768],
        [-32768, -32769, 65535, -1],
      ],
      [
        [0, 1, -2, 300],
        [65536, -65536, 12345, -12345],
      ],
    ]) {
      expect(lanes(i16x8.narrow_i32x4_s, a, b)).toEqual(words16([...a, ...b].map(clamp)));
    }
  },
  "i16x8.extend_low_i8x16_s": () => {
    expect(lanes(i16x8.extend_low_i8x16_s, words8(SIGNED_BYTES))).toEqual(words16(SIGNED_BYTES.slice(0, 8)));
  },
  "i16x8.extend_high_i8x16_s": () => {
    expect(lanes(i16x8.extend_high_i8x16_s, words8(SIGNED_BYTES))).toEqual(words16(SIGNED_BYTES.slice(8)));
  },
  "i16x8.relaxed_dot_i8x16_i7x16_s": () => {
    const dot = i16x8.relaxed_dot_i8x16_i7x16_s;
    expect(flat(dot(variable(0), variable(1)))).toEqual([0x20, 0, 0x20, 1, 0xfd, 0x92, 0x02]); // 0x112
    if (!RELAXED_DOTS) return; // nothing to run it: those bytes are all that can be said
    for (const by of SIGNED_BYTES.keys()) {
      const a = rotated(SIGNED_BYTES, by);
      const products = a.map((x, i) => x * SEVEN_BITS[i]);
      const wanted = Array.from({ length: 8 }, (_, i) => products[2 * i] + products[2 * i + 1]);
      expect(lanes(dot, words8(a), words8(SEVEN_BITS)), `${by}`).toEqual(words16(wanted));
    }
  },
  "i32x4.splat": () => {
    for (const a of [...WHOLES, 0x12348765]) {
      expect(
        lanes(() => i32x4.splat(a)),
        `${a}`,
      ).toEqual(Array(4).fill(u(a)));
    }
  },
  "i32x4.add": () => {
    expect(lanes(i32x4.add, [1, 0xffffffff, 0x7fffffff, 0x80000000], [2, 1, 1, 0x80000000])).toEqual([
      3, 0, 0x80000000, 0,
    ]);
  },
  "i32x4.sub": () => wholeLanesBinary((a, b) => a - b, i32x4.sub),
  "i32x4.mul": () => wholeLanesBinary(Math.imul, i32x4.mul),
  "i32x4.dot_i16x8_s": () => {
    const a = [-32768, -32768, 32767, -32768, 1, -2, 300, -7];
    const b = [-32768, -32768, 32767, 32767, -3, 5, -200, 9];
    // The first sum is 2^31, and wraps: this instruction does not saturate.
    const wanted = [0, 2, 4, 6].map((i) => u(a[i] * b[i] + a[i + 1] * b[i + 1]));
    expect(lanes(i32x4.dot_i16x8_s, words16(a), words16(b))).toEqual(wanted);
  },
  "i32x4.relaxed_dot_i8x16_i7x16_add_s": () => {
    const dot = i32x4.relaxed_dot_i8x16_i7x16_add_s;
    const bytes = [0x20, 0, 0x20, 1, 0x20, 2, 0xfd, 0x93, 0x02]; // 0x113
    expect(flat(dot(variable(0), variable(1), variable(2)))).toEqual(bytes);
    if (!RELAXED_DOTS) return; // as above
    for (const by of SIGNED_BYTES.keys()) {
      const a = rotated(SIGNED_BYTES, by);
      const c = rotated([2 ** 31 - 1, -(2 ** 31), -7, 1000000], by % 4); // the last addition wraps
      const products = a.map((x, i) => x * SEVEN_BITS[i]);
      const wanted = c.map((x, i) => u(products.slice(4 * i, 4 * i + 4).reduce((sum, product) => sum + product, x)));
      expect(lanes(dot, words8(a), words8(SEVEN_BITS), c), `${by}`).toEqual(wanted);
    }
  },
  "i32x4.trunc_sat_f32x4_s": () => {
    for (const a of fours(ROUNDED)) {
      expect(lanes(i32x4.trunc_sat_f32x4_s, bitsOf(...a)), `${a}`).toEqual(a.map((x) => u(truncated(x))));
    }
  },
  "i32x4.shl": () => {
    for (const by of [0, 1, 23, 31, 32, 33, -1]) {
      // The distance counts modulo the 32 bits of a lane.
      const wanted = [1, 0xffffffff, 127, 0x80000001].map((a) => u(a << by));
      expect(lanes((a) => i32x4.shl(a, by), [1, 0xffffffff, 127, 0x80000001])).toEqual(wanted);
    }
  },
  "f32x4.const": () => {
    for (const value of AWKWARD) expect(floatLanes(() => f32x4.const(value))).toEqual(Array(4).fill(value));
  },
  "f32x4.splat": () => {
    for (const value of AWKWARD) expect(floatLanes(() => f32x4.splat(f32.const(value)))).toEqual(Array(4).fill(value));
  },
  "f32x4.extract_lane": () => {
    for (const lane of [0, 1, 2, 3]) {
      const { f, memory } = tiny((m) => m.func("f", {}, () => [f32x4.extract_lane(v128.load(0), lane)], "f32"));
      new Float32Array(memory.buffer, 0, 4).set([10.5, 11.5, 12.5, 13.5]);
      expect(f()).toBe(10.5 + lane);
    }
  },
  "f32x4.add": () => floatLanesBinary((a, b) => a + b, f32x4.add),
  "f32x4.sub": () => floatLanesBinary((a, b) => a - b, f32x4.sub),
  "f32x4.mul": () => floatLanesBinary((a, b) => a * b, f32x4.mul),
  "f32x4.div": () => floatLanesBinary((a, b) => a / b, f32x4.div),
  "f32x4.lt": () => {
    for (const [a, b] of PAIRS) {
      const wanted = a < b ? 0xffffffff : 0;
      expect(lanes(f32x4.lt, bitsOf(a, a, a, a), bitsOf(b, b, b, b)), `${a}, ${b}`).toEqual(Array(4).fill(wanted));
    }
  },
  "f32x4.abs": () => {
    for (const a of AWKWARD) expect(floatLanes(f32x4.abs, [a, -a, a, -a])).toEqual(Array(4).fill(Math.abs(a)));
    expect(lanes(f32x4.abs, [0xffc12345, 0, 0, 0])[0]).toBe(0x7fc12345); // of a NaN too: only the sign changes
  },
  "f32x4.nearest": () => {
    for (const a of fours(ROUNDED)) expect(floatLanes(f32x4.nearest, a), `${a}`).toEqual(a.map(nearestEven));
  },
  "f32x4.convert_i32x4_s": () => {
    for (const a of fours([...WHOLES, 16777217, 16777219, -16777217, -16777219])) {
      expect(floatsOf(lanes(f32x4.convert_i32x4_s, a)), `${a}`).toEqual(a.map(Math.fround));
    }
  },
  "f32x4.pmin": () => {
    floatLanesBinary((a, b) => (b < a ? b : a), f32x4.pmin);
    expect(floatLanes(f32x4.pmin, [Number.NaN, 1, 0, -0], [1, Number.NaN, -0, 0])).toEqual([Number.NaN, 1, 0, -0]);
  },
  "f32x4.pmax": () => {
    floatLanesBinary((a, b) => (a < b ? b : a), f32x4.pmax);
    expect(floatLanes(f32x4.pmax, [Number.NaN, 1, 0, -0], [1, Number.NaN, -0, 0])).toEqual([Number.NaN, 1, 0, -0]);
  },
  "f32x4.relaxed_madd": () => {
    expect(floatLanes(f32x4.relaxed_madd, [2, -3, 0.5, 4], [3, 5, 8, 0], [10, 1, -4, 7])).toEqual([16, -14, 0, 7]);
    // (1 + 2^-12)² - 1 is 2^-11 + 2^-24: the last term is there when rounded once, gone when the product was rounded first.
    const a = 1 + 2 ** -12;
    const got = floatLanes(f32x4.relaxed_madd, [a, a, a, a], [a, a, a, a], [-1, -1, -1, -1]);
    expect([2 ** -11, 2 ** -11 + 2 ** -24]).toContain(got[0]);
    expect(new Set(got).size).toBe(1);
  },
  drop: () => {
    const f = counting((n, _, add) => [
      drop(i32.add(n, 1)),
      drop(f32.const(1)),
      drop(f32x4.const(2)),
      add(3),
      drop(i32.load(0, 128)),
    ]);
    expect(f(0)).toBe(3);
  },
  leave: () => {
    const { f, bytes } = tiny((m) =>
      m.func("f", { n: "i32" }, (p) => [
        f32.store(0, f32.const(1)),
        block(() => [when(p.n, () => [leave()])]),
        f32.store(0, f32.const(2)),
      ]),
    );
    f(0);
    expect(bytes.getFloat32(0, true)).toBe(2);
    f(1);
    expect(bytes.getFloat32(0, true)).toBe(1);
  },
  block: () => {
    const f = counting((n, _, add) => [block((end) => [add(1), brIf(end, n), add(10)]), add(100)]);
    expect([f(0), f(1), f(-1)]).toEqual([111, 101, 101]);
  },
  loop: () => {
    const f = counting((n, _, add) => [
      loop((again) => [add(1), n.set(i32.sub(n, 1)), brIf(again, i32.ne(n, 0))]),
      loop(() => [add(100)]), // without a branch, once
    ]);
    expect([f(1), f(2), f(500)]).toEqual([101, 102, 600]);
  },
  when: () => {
    const f = counting((n, _, add) => [
      when(n, () => [add(1)]),
      when(i32.eq(n, 2), () => [add(10), when(n, () => [add(20)]), when(i32.ne(n, 2), () => [add(40)])]),
      when(0, () => [add(1000)]),
      when(5, () => [add(2000)]),
      when(n, () => []),
    ]);
    expect([f(0), f(1), f(2), f(-1)]).toEqual([2000, 2001, 2031, 2001]);
  },
  br: () => {
    const f = counting((n, _, add) => [block((end) => [add(1), when(n, () => [add(2), br(end)]), add(4)]), add(8)]);
    expect([f(0), f(1)]).toEqual([13, 11]);
  },
  brIf: () => {
    // Labels of four nestings, each reached from inside one `when`, and from inside two.
    const f = counting((n, count, add) => [
      block((outer) => [
        block((middle) => [
          loop((again) => [
            add(1),
            block((inner) => [
              when(i32.lt_u(n, 10), () => [
                brIf(outer, i32.eq(n, 1)),
                brIf(middle, i32.eq(n, 2)),
                brIf(inner, i32.eq(n, 3)),
                brIf(again, i32.lt_u(count, 5)),
              ]),
              when(i32.ge_u(n, 10), () => [
                when(i32.eq(n, 10), () => [br(outer)]),
                when(i32.eq(n, 11), () => [br(middle)]),
                when(i32.eq(n, 13), () => [brIf(again, i32.lt_u(count, 7))]),
                br(inner),
              ]),
              add(1000),
            ]),
            add(10),
          ]),
          add(100),
        ]),
        add(10000),
      ]),
      add(100000),
    ]);
    const wanted: [number, number][] = [
      [1, 100001], // straight out
      [2, 110001],
      [3, 110111],
      [4, 111115], // five rounds
      [10, 100001],
      [11, 110001],
      [12, 110111],
      [13, 110117], // seven rounds
    ];
    for (const [n, count] of wanted) expect(f(n), `${n}`).toBe(count);
    // Deep enough that a depth takes two bytes.
    const deep = (levels: number, to: asm.Label): Statement =>
      levels === 0 ? br(to) : block(() => [deep(levels - 1, to)]);
    const far = counting((_, __, add) => [block((end) => [deep(130, end), add(1)]), add(2)]);
    expect(far(0)).toBe(2);
  },
  forRange: () => {
    /** What the loop of the comment counts: [rounds, the last i]. */
    const rounds = (from: number, below: number, step: number): [number, number] => {
      let [i, count] = [u(from), 0];
      for (; i < u(below); i = u(i + step)) count++;
      return [count, i];
    };
    for (const [from, below, step] of [
      [0, 0, 1],
      [0, 1, 1],
      [0, 10, 3],
      [5, 5, 1],
      [7, 5, 1],
      [3, 200, 64],
      [-2, 1, 1],
      [2 ** 31 - 16, -(2 ** 31) + 16, 16],
      [-64, -1, 21],
    ]) {
      const { f, bytes } = tiny((m) =>
        m.func(
          "f",
          { a: "i32", b: "i32" },
          (p, locals) => {
            const [i, j, count] = locals("i32", 3);
            return [
              forRange(i, from, p.b, step, () => [count.set(i32.add(count, 1))]), // numbers
              forRange(j, p.a, i32.add(p.b, 0), i32.add(step, 0), () => [count.set(i32.add(count, 1000))]), // expressions
              i32.atomic.store(0, i),
              i32.atomic.store(4, j),
              count,
            ];
          },
          "i32",
        ),
      );
      const [count, last] = rounds(from, below, step);
      expect(f(from, below), `${from}, ${below}, ${step}`).toBe(1001 * count);
      expect([bytes.getUint32(0, true), bytes.getUint32(4, true)]).toEqual([last, last]);
    }
    // The limit is looked at in every round; loops nest; a body may move what it counts.
    const f = counting((n, count, add) => {
      const inner = count;
      return [forRange(n, n, i32.sub(10, inner), 1, () => [add(1)])];
    });
    expect(f(0)).toBe(5);
  },
  until: () => {
    const f = counting((n, _, add, i) => [until(i, n, () => [advance(i, 2), add(1)]), add(100)]);
    expect([f(0), f(2), f(10), f(300)]).toEqual([100, 101, 105, 250]);
    // It asks whether they differ, not which is larger; a constant may be the end.
    const around = counting((n, _, add) => [until(n, 3, () => [advance(n, 1), add(1)])]);
    expect([around(3), around(2), around(-2), around(-200)]).toEqual([0, 1, 5, 203]);
    // The end is looked at in every turn.
    const moving = counting((n, count, add, i) => [until(i, i32.sub(n, count), () => [advance(i, 1), add(1)])]);
    expect([moving(0), moving(10)]).toEqual([0, 5]);
    // Labels around it are reached from inside, also from a loop in a loop.
    const left = counting((n, count, add, i) => [
      block((end) => [until(i, n, () => [add(1), advance(i, 1), brIf(end, i32.eq(count, 3))]), add(100)]),
      block((end) => [
        until(i, 0, () => [until(n, 0, () => [advance(n, -1), when(n, () => [br(end)])]), add(10), i.set(0)]),
      ]),
      add(1000),
    ]);
    expect([left(0), left(1), left(2), left(3), left(9)]).toEqual([1100, 1111, 1102, 1003, 1003]);
  },
  advance: () => {
    const f = counting((n, count) => [advance(count, n), advance(count, i32.mul(n, 128)), advance(count, -65)]);
    for (const n of WHOLES) expect(f(n), `${n}`).toBe((Math.imul(n, 129) - 65) | 0);
  },
  variable: () => {
    expect(flat(variable(5))).toEqual([0x20, 5]);
    // Parameters are counted first. Each number names one variable, and setting that changes no other.
    for (const index of [0, 1, 2, 63, 64, 127, 128, 129]) {
      const { f, bytes } = tiny((m) =>
        m.func("f", { a: "i32", b: "i32" }, (p, locals) => {
          const all = [p.a, p.b, ...locals("i32", 128)];
          const it = variable<"i32">(index);
          return [it.set(i32.add(it, 1000)), ...all.map((one, i) => i32.atomic.store(4 * i, one))];
        }),
      );
      f(7, -9);
      const wanted = [7, -9, ...new Array<number>(128).fill(0)];
      wanted[index] += 1000;
      expect(wanted.map((_, i) => bytes.getInt32(4 * i, true))).toEqual(wanted);
    }
  },
  unsigned: () => {
    // Section 5.2.2; the third is the example of every text about LEB128.
    const table: [number, number[]][] = [
      [0, [0]],
      [1, [1]],
      [624485, [0xe5, 0x8e, 0x26]],
      [63, [0x3f]],
      [64, [0x40]],
      [127, [0x7f]],
      [128, [0x80, 0x01]],
      [129, [0x81, 0x01]],
      [255, [0xff, 0x01]],
      [16383, [0xff, 0x7f]],
      [16384, [0x80, 0x80, 0x01]],
      [65536, [0x80, 0x80, 0x04]],
      [2 ** 31 - 1, [0xff, 0xff, 0xff, 0xff, 0x07]],
      [2 ** 31, [0x80, 0x80, 0x80, 0x80, 0x08]],
      [2 ** 32 - 1, [0xff, 0xff, 0xff, 0xff, 0x0f]],
    ];
    for (const [value, bytes] of table) expect(unsigned(value), `${value}`).toEqual(bytes);
  },
  call: () => {
    const { f, bytes } = tiny((m) => {
      for (let i = 0; i < 127; i++) m.func(`nothing${i}`, {}, () => []);
      const put = m.func("put", { at: "i32", value: "f32" }, (p) => [f32.store(p.at, p.value)]); // 127
      const twice = m.func("twice", { at: "i32" }, (p) => [
        call(put, p.at, f32.const(3)),
        call(put, i32.add(p.at, 4), f32.const(4)),
      ]); // 128
      m.func("f", {}, () => [call(put, 0, f32.const(2)), call(twice, 128)]);
    });
    f();
    expect([0, 128, 132].map((at) => bytes.getFloat32(at, true))).toEqual([2, 3, 4]);
  },
};

/** Two workers sleep at an address and are woken one by one, then at another with no limit to how many. A sleeper that is woken has 0. */
async function sleepersWake(): Promise<void> {
  const m = moduleBuilder({ shared: true, maximum: 1 });
  m.func("wait", { at: "i32" }, (p) => [memoryAtomic.wait32(p.at, 0, 128)], "i32");
  m.func("notify", { at: "i32", count: "i32" }, (p) => [memoryAtomic.notify(p.at, p.count, 128)], "i32");
  const module = new WebAssembly.Module(m.bytes());
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const { notify } = new WebAssembly.Instance(module, { env: { memory } }).exports as { notify: Tiny["f"] };
  const script = `
    const { parentPort, workerData: { module, memory } } = require("node:worker_threads");
    const { wait } = new WebAssembly.Instance(module, { env: { memory } }).exports;
    parentPort.postMessage([wait(0), wait(64)]);`;
  const workers = [0, 1].map(() => new Worker(script, { eval: true, workerData: { module, memory } }));
  const answers = workers.map(
    (worker) => new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject)),
  );
  /** Wakes `count` at a time until two are awake; the most that woke at once. */
  const wake = async (at: number, count: number): Promise<number> => {
    let most = 0; // notify(at, 1) never wakes two
    for (let awake = 0; awake < 2; ) {
      const woken = notify(at, count);
      expect(notify(at + 4, -1)).toBe(0); // nobody sleeps at another address
      awake += woken;
      most = Math.max(most, woken);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return most;
  };
  expect(notify(0, 0)).toBe(0);
  expect(await wake(0, 1)).toBe(1);
  await wake(64, -1);
  expect(await Promise.all(answers)).toEqual([
    [0, 0],
    [0, 0],
  ]);
  await Promise.all(workers.map((worker) => worker.terminate()));
}

/** Names of everything callable that the assembler exports: `i32.atomic.load`. */
function constructors(of: object, prefix = ""): string[] {
  return Object.entries(of).flatMap(([name, value]) => {
    if (typeof value === "function") return [prefix + name];
    return value !== asm.VALUE_TYPES && typeof value === "object" ? constructors(value, `${prefix}${name}.`) : [];
  });
}

describe("the assembler", () => {
  it("has a case here for each of its constructors", () => {
    const names = constructors(asm);
    expect(names).toContain("i32.atomic.rmw_add"); // or the list would not reach inside
    expect(names.sort()).toEqual(Object.keys(CASES).sort());
  });

  for (const [name, run] of Object.entries(CASES)) {
    const missing = name === "f32x4.relaxed_madd" && !RELAXED;
    const unsure = name.includes("relaxed_dot") && !RELAXED_DOTS;
    const title = unsure ? `${name} (bytes only: this engine does not compute it, or not reliably)` : name;
    it.skipIf(missing)(missing ? `${name} (this engine has no relaxed SIMD, not even behind a flag)` : title, run);
  }

  it("takes whole numbers for constants, and writes them as signed LEB128", () => {
    const table: [number, number[]][] = [
      [0, [0]],
      [-1, [0x7f]],
      [63, [0x3f]],
      [64, [0xc0, 0x00]],
      [127, [0xff, 0x00]],
      [128, [0x80, 0x01]],
      [-64, [0x40]],
      [-65, [0xbf, 0x7f]],
      [-128, [0x80, 0x7f]],
      [-123456, [0xc0, 0xbb, 0x78]],
      [8191, [0xff, 0x3f]],
      [8192, [0x80, 0xc0, 0x00]],
      [2 ** 31 - 1, [0xff, 0xff, 0xff, 0xff, 0x07]],
      [-(2 ** 31), [0x80, 0x80, 0x80, 0x80, 0x78]],
    ];
    for (const [number, bytes] of table) {
      expect(flat(i32.add(number, 1)), `${number}`).toEqual([0x41, ...bytes, 0x41, 1, 0x6a]);
      expect(flat(variable<"i32">(0).set(number)), `${number}`).toEqual([0x41, ...bytes, 0x21, 0]);
    }
    const more = [-8192, -8193, 2 ** 20 - 1, 2 ** 20, -(2 ** 20) - 1, 2 ** 27, -(2 ** 27) - 1];
    for (const number of [...WHOLES, ...table.map(([n]) => n), ...more]) {
      expect(value("i32", i32.add(number, 0))).toBe(number);
    }
    // Addresses from 2 GiB up, as numbers: the same bits.
    for (const number of [2 ** 31, 2 ** 32 - 1, 3 * 2 ** 30 + 5]) {
      expect(value("i32", i32.add(0, number))).toBe(number | 0);
    }
  });

  it("writes operands in order, each in front of what takes it, and an expression used twice twice", () => {
    const sum = i32.add(1, 2); // i32.const 1, i32.const 2, i32.add
    const bytes = [0x41, 1, 0x41, 2, 0x6a];
    expect(flat(sum)).toEqual(bytes);
    expect(flat(i32.mul(sum, i32.sub(sum, 3)))).toEqual([...bytes, ...bytes, 0x41, 3, 0x6b, 0x6c]);
    expect(value("i32", i32.mul(sum, i32.sub(sum, 1)))).toBe(6);
  });

  it("is held to its types by the compiler", () => {
    const [one, ones] = [f32.const(1), f32x4.const(1)];
    // @ts-expect-error: four lanes are not one
    f32.add(ones, one);
    // @ts-expect-error: one lane is not four
    f32x4.add(ones, one);
    // @ts-expect-error: a number stands for a constant among whole numbers only
    f32x4.mul(ones, 2);
    // @ts-expect-error: an address is a whole number
    v128.load(one);
    // @ts-expect-error: what is stored has the instruction's type
    f32.store(0, ones);
    // @ts-expect-error: so has what a variable is set to
    variable<"f32">(0).set(1);
    // @ts-expect-error: a value left behind is no statement
    block(() => [one]);
    // @ts-expect-error: a statement leaves no value
    drop(leave());
  });

  it("names value types as section 5.3 does, and gives a function's locals theirs, all 0 to begin with", () => {
    expect(asm.VALUE_TYPES).toEqual({ i32: 0x7f, f32: 0x7d, v128: 0x7b });
    const { f, bytes } = tiny((m) =>
      m.func(
        "f",
        { a: "f32", b: "i32" },
        (p, locals) => {
          const [x] = locals("v128");
          const [w, z] = locals("i32", 2);
          expect(locals("i32", 0)).toEqual([]);
          const [y, ...none] = locals("f32");
          expect(none).toEqual([]);
          return [
            v128.store(0, x),
            f32.store(16, y),
            f32.store(20, p.a),
            i32.atomic.store(24, i32.add(w, z)),
            z.set(p.b),
            w.set(-65),
            y.set(p.a),
            x.set(f32x4.splat(y)),
            v128.store(32, x),
            i32.add(w, z),
          ];
        },
        "i32",
      ),
    );
    filled(bytes);
    expect(f(2.5, 5)).toBe(-60);
    expect([0, 4, 8, 12, 16, 20, 32, 44].map((at) => bytes.getFloat32(at, true))).toEqual([
      0, 0, 0, 0, 0, 2.5, 2.5, 2.5,
    ]);
    expect(bytes.getInt32(24, true)).toBe(0);
  });
});

/** "add" -> its bytes. */
const ascii = (text: string): number[] => [...new TextEncoder().encode(text)];

/* Written by hand from chapter 5 of the specification; the numbers beside instructions are its own. */
describe("exact bytes", () => {
  const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]; // 5.5.16: \0asm, version 1
  const ENV_MEMORY = [3, ...ascii("env"), 6, ...ascii("memory"), 0x02]; // a name, a name, an import that is a memory

  it("add(a, b)", () => {
    const m = moduleBuilder({ shared: false, maximum: 1 });
    m.func("add", { a: "i32", b: "i32" }, (p) => [i32.add(p.a, p.b)], "i32");
    expect([...m.bytes()]).toEqual([
      ...HEADER,
      ...[1, 7, 1, 0x60, 2, 0x7f, 0x7f, 1, 0x7f], // types: one function (i32, i32) -> (i32)
      ...[2, 16, 1, ...ENV_MEMORY, 0x01, 0, 1], // imports: limits {0, 1}
      ...[3, 2, 1, 0], // functions: one, of type 0
      ...[7, 7, 1, 3, ...ascii("add"), 0x00, 0], // exports: function 0
      ...[10, 9, 1, 7, 0], // code: one body of 7 bytes, without locals
      ...[0x20, 0, 0x20, 1, 0x6a, 0x0b], // local.get 0, local.get 1, i32.add, end
    ]);
  });

  it("a loop over vectors", () => {
    const m = moduleBuilder({ shared: false, maximum: 65536 });
    m.func("twice", { at: "i32", end: "i32" }, (p, locals) => {
      const [x] = locals("v128");
      return [
        forRange(p.at, p.at, p.end, 64, () => [
          x.set(v128.load(p.at, 128)),
          v128.store(p.at, f32x4.mul(x, f32x4.const(2))),
        ]),
      ];
    });
    expect([...m.bytes()]).toEqual([
      ...HEADER,
      ...[1, 6, 1, 0x60, 2, 0x7f, 0x7f, 0], // (i32, i32) -> ()
      ...[2, 18, 1, ...ENV_MEMORY, 0x01, 0, 0x80, 0x80, 0x04], // limits {0, 65536}
      ...[3, 2, 1, 0],
      ...[7, 9, 1, 5, ...ascii("twice"), 0x00, 0],
      ...[10, 71, 1, 69, 1, 1, 0x7b], // one local: v128
      ...[0x02, 0x40], // block
      ...[0x20, 0, 0x21, 0], //   local.set at (local.get at)
      ...[0x03, 0x40], //   loop
      ...[0x20, 0, 0x20, 1, 0x4f, 0x0d, 1], //     br_if 1 (i32.ge_u at end)
      ...[0x20, 0, 0xfd, 0, 4, 0x80, 0x01, 0x21, 2], //     x = v128.load align 2^4 offset 128
      ...[0x20, 0, 0x20, 2], //     at, x
      ...[0xfd, 12, 0, 0, 0, 0x40, 0, 0, 0, 0x40, 0, 0, 0, 0x40, 0, 0, 0, 0x40], //     v128.const: 2 four times
      ...[0xfd, 0xe6, 0x01], //     f32x4.mul: 230
      ...[0xfd, 11, 4, 0], //     v128.store align 2^4 offset 0
      ...[0x20, 0, 0x41, 0xc0, 0x00, 0x6a, 0x21, 0], //     at = i32.add at 64
      ...[0x0c, 0, 0x0b, 0x0b, 0x0b], //     br 0; end of loop, block, function
    ]);
  });

  it("a ticket from shared memory, and a mark", () => {
    const m = moduleBuilder({ shared: true, maximum: 65536 });
    m.func("take", { at: "i32" }, (p) => [i32.atomic.rmw_add(p.at, 1, 128)], "i32");
    m.func("wake", { at: "i32" }, (p) => [when(i32.eq(p.at, 0), () => [leave()]), drop(memoryAtomic.notify(p.at, -1))]);
    expect([...m.bytes("mark")]).toEqual([
      ...HEADER,
      ...[1, 10, 2, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 1, 0x7f, 0], // (i32) -> (i32), (i32) -> ()
      ...[2, 18, 1, ...ENV_MEMORY, 0x03, 0, 0x80, 0x80, 0x04], // limits of a shared memory {0, 65536}
      ...[3, 3, 2, 0, 1],
      ...[7, 15, 2, 4, ...ascii("take"), 0x00, 0, 4, ...ascii("wake"), 0x00, 1],
      ...[10, 34, 2, 11, 0],
      ...[0x20, 0, 0x41, 1], // at, 1
      ...[0xfe, 0x1e, 2, 0x80, 0x01, 0x0b], // i32.atomic.rmw.add align 2^2 offset 128, end
      ...[20, 0],
      ...[0x20, 0, 0x41, 0, 0x46, 0x04, 0x40, 0x0f, 0x0b], // at, 0, i32.eq, if, return, end
      ...[0x20, 0, 0x41, 0x7f], // at, -1
      ...[0xfe, 0x00, 2, 0, 0x1a, 0x0b], // memory.atomic.notify align 2^2 offset 0, drop, end
      ...[0, 5, 4, ...ascii("mark")], // a custom section, empty but for its name
    ]);
  });
});
