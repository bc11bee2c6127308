import * as floats from "../asm.ts";
import {
  type Binary,
  type Code,
  code,
  type F32,
  type I32,
  type Load,
  load,
  op,
  type Statement,
  type Store,
  simd,
  store,
  type Unary,
  type V128,
} from "../encoding.ts";

/* The instructions that only products of whole numbers need, beside all others: pages that compute with floats do not carry them. */

export * from "../asm.ts";

const i32More = {
  store: store(2, 0x36) as Store<"i32">,
  /** Towards zero; NaN is 0, and what no i32 holds the nearest that does. */
  trunc_sat_f32_s: op(0xfc, 0x00) as (a: F32) => Code<"i32">,
};

const f32More = {
  eq: op(0x5b) as (a: F32, b: F32) => Code<"i32">,
  neg: op(0x8c) as Unary<"f32">,
  /** The nearest whole number, ties to even. */
  nearest: op(0x90) as Unary<"f32">,
  sub: op(0x93) as Binary<"f32">,
  min: op(0x96) as Binary<"f32">,
};

const v128More = {
  /** Eight bytes, each widened to a lane of 16 bits. */
  load8x8_s: load(3, 0xfd, 0x01) as Load<"v128">,
  /** One lane of 32 bits. */
  store32_lane: (address: I32, value: V128, offset: number, lane: number): Statement =>
    code(store(2, 0xfd, 0x5a)(address, value, offset), lane),
};

export const i8x16 = {
  /** The 16-bit lanes of a, then of b, at least 0 and at most 255. */
  narrow_i16x8_u: simd(0x66) as Binary<"v128">,
  min_u: simd(0x77) as Binary<"v128">,
};

export const i16x8 = {
  splat: simd(0x10) as (a: I32) => V128,
  /** The lanes of a, then of b, at least -32768 and at most 32767. */
  narrow_i32x4_s: simd(0x85) as Binary<"v128">,
  extend_low_i8x16_s: simd(0x87) as Unary<"v128">,
  extend_high_i8x16_s: simd(0x88) as Unary<"v128">,
  /** Lane i: a[2i] · b[2i] + a[2i + 1] · b[2i + 1], bytes. Exact, and the same everywhere, while all of b are 0 to 127. */
  relaxed_dot_i8x16_i7x16_s: simd(0x112) as Binary<"v128">,
};

const i32x4More = {
  splat: simd(0x11) as (a: I32) => V128,
  sub: simd(0xb1) as Binary<"v128">,
  mul: simd(0xb5) as Binary<"v128">,
  /** Lane i: a[2i] · b[2i] + a[2i + 1] · b[2i + 1], of 16 bits each. */
  dot_i16x8_s: simd(0xba) as Binary<"v128">,
  /** Lane i: c[i] + the sum of a[j] · b[j] for the four bytes j of that lane. Exact, and the same everywhere, while all of b are 0 to 127. */
  relaxed_dot_i8x16_i7x16_add_s: simd(0x113) as (a: V128, b: V128, c: V128) => V128,
  /** Towards zero; NaN is 0, and what no i32 holds the nearest that does. */
  trunc_sat_f32x4_s: simd(0xf8) as Unary<"v128">,
};

const f32x4More = {
  /** The nearest whole number, ties to even. */
  nearest: simd(0x6a) as Unary<"v128">,
  convert_i32x4_s: simd(0xfa) as Unary<"v128">,
};

export const i32: typeof floats.i32 & typeof i32More = { ...floats.i32, ...i32More };
export const f32: typeof floats.f32 & typeof f32More = { ...floats.f32, ...f32More };
export const v128: typeof floats.v128 & typeof v128More = { ...floats.v128, ...v128More };
export const i32x4: typeof floats.i32x4 & typeof i32x4More = { ...floats.i32x4, ...i32x4More };
export const f32x4: typeof floats.f32x4 & typeof f32x4More = { ...floats.f32x4, ...f32x4More };
