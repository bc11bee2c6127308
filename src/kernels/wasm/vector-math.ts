import { f32x4, i32x4, type Local, type Statement, type V128, v128 } from "./asm.ts";
import { CONSTANTS } from "./layout.ts";
import type { NewLocals } from "./module-builder.ts";

/*
 * exp and the activations on four float32 at a time, from + - * / alone, each rounded: the same bits on every machine.
 *
 * Largest errors, over all float32 arguments (against base/math.ts; test/kernels/wasm-math.test.ts measures one in 97 of them):
 *
 *     exp, -86.6 to 0   8.4e-8 relative
 *     gelu              5.5e-8 absolute beside the rounding of the result to float32; 3.1e-7 relative where |x| < 0.1
 *     gelu_tanh         x > 0: 1.5e-7 relative; x < 0: 5.1e-8 absolute, and |x| · 2.5e-38 far from 0
 *
 * The coefficients are our own fits; reference/math/float32.py has the best there can be, and how near these are.
 */

/** The constants, in the order of their addresses, to be rounded to float32 there. */
export const constants: number[] = [];

/** The constant in all four lanes. */
function c(value: number): V128 {
  const known = constants.indexOf(value);
  const at = known < 0 ? constants.push(value) - 1 : known;
  return v128.load32_splat(CONSTANTS + 4 * at);
}

/** c0 + x · (c1 + x · (c2 + …)) */
function polynomial(x: V128, coefficients: readonly number[]): V128 {
  const [first, ...rest] = coefficients;
  return rest.length === 0 ? c(first) : f32x4.add(c(first), f32x4.mul(x, polynomial(x, rest)));
}

/** The least argument exp is right for: below it 2^n would leave the normal numbers. */
const LEAST = -86.6;

/** Turns x in -86.6 … 86.6 into e^x: 2^n e^r with |r| <= ln 2 / 2, and e^r = 1 + r + r² q(r). */
function expWithin(x: Local<"v128">, locals: NewLocals): readonly Statement[] {
  /** 1.5 · 2^23: added and taken away again, it rounds to the nearest whole number, which then stands in the lowest bits. */
  const ROUND = 12582912;
  const [t, n] = locals("v128", 2);
  const q = polynomial(
    x,
    [0.4999999403953552, 0.1666652113199234, 0.04166838899254799, 0.008368710987269878, 0.0013814610429108143],
  );
  return [
    t.set(f32x4.add(f32x4.mul(x, c(Math.LOG2E)), c(ROUND))),
    n.set(f32x4.sub(t, c(ROUND))),
    // ln 2 in two parts; the first has 10 bits, so that n times it is exact.
    x.set(f32x4.sub(f32x4.sub(x, f32x4.mul(n, c(0.693359375))), f32x4.mul(n, c(-2.1219444005469057e-4)))),
    x.set(f32x4.add(c(1), f32x4.add(x, f32x4.mul(f32x4.mul(x, x), q)))),
    // times 2^n, whose bits are n beside those of 1; added to x's own exponent, n could make a number of a NaN
    x.set(f32x4.mul(x, i32x4.add(i32x4.shl(t, 23), c(1)))),
  ];
}

/** Turns x <= 0 into e^x; below -86.6 into 0. */
export function expOfNegative(x: Local<"v128">, locals: NewLocals): readonly Statement[] {
  const [tiny] = locals("v128");
  return [
    tiny.set(f32x4.lt(x, c(LEAST))),
    x.set(f32x4.pmax(x, c(LEAST))),
    ...expWithin(x, locals),
    x.set(v128.andnot(x, tiny)),
  ];
}

/**
 * Turns x into x · Φ(x) = max(x, 0) - |x| · Φ(-|x|). The second term is a bump of height 0.17 that is nothing far from 0, so its own errors
 * are small beside the rounding of the result. With a = |x|, Φ(-a) = e^(-a²/2) · n(a) / d(a): a quotient of polynomials with positive
 * coefficients, which lose nothing to cancellation; as a formula, a · Φ(-a) is off by 6e-9 at most.
 */
export function gelu(x: Local<"v128">, locals: NewLocals): readonly Statement[] {
  const [a, e] = locals("v128", 2);
  return [
    a.set(f32x4.pmin(f32x4.abs(x), c(13))), // beyond, the bump is below 1e-37
    e.set(f32x4.mul(f32x4.mul(a, a), c(-0.5))),
    ...expWithin(e, locals),
    e.set(f32x4.mul(f32x4.mul(a, e), polynomial(a, [0.5, 0.30218455, 0.0885144, 0.01034145]))),
    e.set(f32x4.div(e, polynomial(a, [1, 1.40225344, 0.79586777, 0.22051517, 0.02599346]))),
    x.set(f32x4.sub(f32x4.pmax(x, c(0)), e)),
  ];
}

/** Turns x into its tanh approximation of gelu, x / (1 + e^(-2u)) with u = √(2/π) (x + 0.044715 x³). */
export function geluTanh(x: Local<"v128">, locals: NewLocals): readonly Statement[] {
  const [e] = locals("v128");
  const cubic = f32x4.add(x, f32x4.mul(c(0.044715), f32x4.mul(f32x4.mul(x, x), x)));
  return [
    e.set(f32x4.mul(cubic, c(-1.5957691216057308))),
    e.set(f32x4.pmin(f32x4.pmax(e, c(LEAST)), c(-LEAST))),
    ...expWithin(e, locals),
    x.set(f32x4.div(x, f32x4.add(c(1), e))),
  ];
}

/** Turns x into max(x, 0). */
export function relu(x: Local<"v128">): readonly Statement[] {
  return [x.set(f32x4.pmax(x, c(0)))];
}

export type Lanes = (x: Local<"v128">, locals: NewLocals) => readonly Statement[];
