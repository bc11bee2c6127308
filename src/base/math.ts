/**
 * exp, erf, erfc, tanh and sigmoid of doubles from + - * / alone. The language leaves the last bits of `Math.exp` and its like to the
 * engine, and engines differ; these four operations it does not, so every function here has the same bits everywhere.
 *
 * Largest errors against 50 digits, on points spread over the whole range (`python reference/math/measure.py`):
 *
 *     exp       0.54 ulp; 0.7 steps of 2^-1074 where the result is subnormal
 *     erf       1.94 ulp, 1.3e-16 absolute
 *     erfc      3.13 ulp, 2.3e-16 absolute; 0.9 steps where subnormal
 *     tanh      3.09 ulp, 1.7e-16 absolute
 *     sigmoid   1.73 ulp, 1.6e-16 absolute; 0.7 steps where subnormal
 *
 * NaN gives NaN, and infinities their limits. Nothing allocates. The constants, and the tables worked out below, are printed by reference/math/constants.py.
 */

import { wholeRoot } from "./roots.ts";

// exp x = 2^n · 2^(j/16) · e^r with 16 n + j the whole number nearest x · 16 / ln 2, so that |r| <= ln 2 / 32.
const STEPS_PER_UNIT = 23.083120654223414;
/** ln 2 / 16 in two parts; the first has 36 bits, so that its product with a number up to 2^15 is exact. */
const STEP_HIGH = 0.04332169878489367;
const STEP_LOW = 1.0291218489310676e-13;
/** 2^(j/16), [16], and what rounding took from it, to seven digits. Whole numbers are exact, so these are the same everywhere too. */
const POWERS = new Float64Array(16);
const POWERS_LOW = new Float64Array(16);
const UNIT = Number(1n << 90n);
for (let j = 0; j < 16; j++) {
  const exact = wholeRoot(1n << BigInt(16 * 90 + j), 16n, 1n << 91n); // 2^(j/16) · 2^90
  const rounded = Number(exact);
  POWERS[j] = rounded / UNIT;
  POWERS_LOW[j] = Number((Number(exact - BigInt(rounded)) / UNIT).toPrecision(7));
}
/** 2^n for n from -1022 to 1023, [2046]. */
const TWO_TO = powersOfTwo();
const ROUND = 6755399441055744; // 1.5 · 2^52: added and taken away again, it rounds to the nearest whole number

/** e^x. Infinity above 709.78, 0 below -745.13, subnormal results correctly scaled between. */
export function exp(x: number): number {
  if (x > 710) return Infinity;
  if (x < -746) return 0;
  const k = x * STEPS_PER_UNIT + ROUND - ROUND;
  const r = x - k * STEP_HIGH - k * STEP_LOW;
  const power = POWERS[k & 15];
  const y = power + (POWERS_LOW[k & 15] + power * expMinus1OfSmall(r));
  const n = k >> 4;
  if (n >= -1022 && n <= 1023) return y * TWO_TO[n + 1022];
  if (n > 1023) return y * TWO_TO[2045] * 2;
  // A subnormal result: scaled to a normal one first, so that it is rounded once, by the last product.
  return y * TWO_TO[n + 1022 + 128] * TWO_TO[1022 - 128];
}

/** e^x - 1 for x from 0 to 50, without the loss near 0 that subtracting 1 would bring. */
function expMinus1(x: number): number {
  const k = x * STEPS_PER_UNIT + ROUND - ROUND;
  const r = x - k * STEP_HIGH - k * STEP_LOW;
  const power = POWERS[k & 15];
  const scale = TWO_TO[(k >> 4) + 1022];
  return scale * power - 1 + scale * (POWERS_LOW[k & 15] + power * expMinus1OfSmall(r));
}

/** e^r - 1 for |r| <= ln 2 / 32 by its series: the first term left out, r^8/8!, is under 2^-59. */
function expMinus1OfSmall(r: number): number {
  const r2 = r * r;
  return r + r2 * (1 / 2 + r * (1 / 6) + r2 * (1 / 24 + r * (1 / 120) + r2 * (1 / 720 + r * (1 / 5040))));
}

/** 1 / (1 + e^-x). */
export function sigmoid(x: number): number {
  const y = exp(x < 0 ? x : -x);
  return (x < 0 ? y : 1) / (1 + y);
}

/** The hyperbolic tangent, odd to the bit. */
export function tanh(x: number): number {
  const magnitude = x < 0 ? -x : x;
  if (magnitude > 22) return x < 0 ? -1 : 1; // 1 - tanh 22 is 2^-62
  const e = expMinus1(2 * magnitude);
  const y = e / (e + 2);
  return x < 0 ? -y : x === 0 ? x : y;
}

// erfc near the points a = i/16 of 0 … 6, by Taylor's series around the nearest: no exp, no division, one polynomial.
//
// With g = erfc', g(a) = -2/√π e^(-a²), the coefficients of g around a follow from g' = -2 x g:  (n+1) g[n+1] = -2 (a g[n] + g[n-1]),
// and those of erfc are c[n+1] = g[n] / (n+1). The values erfc(a) themselves are summed from the far end, where they are small, so that
// each step adds little and two neighbouring series meet exactly half-way; the sum is kept in two parts. What is left out at the
// half-way point, c[13] / 32^13, is under 5e-16 of the value at 6 and under 1e-20 of it at 1.
const TWO_OVER_ROOT_PI = 1.1283791670955126;
const TERMS = 12;
const ROW = 2 + TERMS;
/** For every point: erfc(a), what rounding took from it, c[1] … c[12]; [97, 14]. */
const AROUND = seriesOfErfc();

/** 2/√π ∫ from 0 to x of e^(-t²), odd to the bit. */
export function erf(x: number): number {
  const magnitude = x < 0 ? -x : x;
  if (magnitude >= 6) return x < 0 ? -1 : 1; // 1 - erf 6 is 2^-55
  const i = (magnitude * 16 + 0.5) | 0;
  const y = 1 - AROUND[i * ROW] - awayFrom(i, magnitude);
  return x < 0 ? -y : x === 0 ? x : y;
}

/** 1 - erf x, with a small relative error where it is small: the form for the far tail of GELU. */
export function erfc(x: number): number {
  const magnitude = x < 0 ? -x : x;
  if (magnitude >= 6) return x < 0 ? 2 : tailOfErfc(x);
  const i = (magnitude * 16 + 0.5) | 0;
  return x < 0 ? 2 - AROUND[i * ROW] - awayFrom(i, magnitude) : AROUND[i * ROW] + awayFrom(i, magnitude);
}

/** erfc x less its value at the point i/16, as the table has it. */
function awayFrom(i: number, x: number): number {
  const c = AROUND;
  const at = i * ROW;
  const h = x - i / 16;
  const h2 = h * h;
  const odd = c[at + 2] + h2 * (c[at + 4] + h2 * (c[at + 6] + h2 * (c[at + 8] + h2 * (c[at + 10] + h2 * c[at + 12]))));
  const even = c[at + 3] + h2 * (c[at + 5] + h2 * (c[at + 7] + h2 * (c[at + 9] + h2 * (c[at + 11] + h2 * c[at + 13]))));
  return c[at + 1] + h * (odd + h * even);
}

/** erfc from 6 up, by Laplace's continued fraction (Abramowitz and Stegun 7.1.14), whose 24th part is beyond the last bit at 6. */
function tailOfErfc(x: number): number {
  if (x > 28) return 0;
  let below = x;
  for (let n = 24; n > 0; n--) below = x + (0.5 * n) / below;
  // x² in two parts, as one rounding of it would cost a factor of e^(2^-44): the first has a factor of at most 26 bits.
  const high = (x * 1048576 + ROUND - ROUND) / 1048576;
  return ((exp(-high * high) * exp(-(x - high) * (x + high))) / below) * (TWO_OVER_ROOT_PI / 2);
}

function powersOfTwo(): Float64Array {
  const table = new Float64Array(2046);
  table[1022] = 1;
  for (let n = 1023; n < 2046; n++) table[n] = table[n - 1] * 2;
  for (let n = 1021; n >= 0; n--) table[n] = table[n + 1] / 2;
  return table;
}

function seriesOfErfc(): Float64Array {
  const ERFC_OF_6 = 2.1519736712498913e-17;
  const LAST = 96;
  const table = new Float64Array((LAST + 1) * ROW);
  let high = ERFC_OF_6;
  let low = 0;
  let before = 0;
  for (let i = LAST; i >= 0; i--) {
    const a = i / 16;
    const at = i * ROW;
    const c = table.subarray(at + 1, at + ROW); // c[n], from 1 up
    let g = -TWO_OVER_ROOT_PI * exp(-a * a);
    let previous = 0;
    for (let n = 0; n < TERMS; n++) {
      c[n + 1] = g / (n + 1);
      const next = (-2 * (a * g + previous)) / (n + 1);
      previous = g;
      g = next;
    }
    let toNext = 0;
    let toLast = 0;
    for (let n = TERMS; n > 0; n--) {
      toNext = (toNext + c[n]) / 32;
      toLast = (toLast + c[n]) / -32;
    }
    if (i < LAST) {
      // erfc(a) = erfc(a + 1/16) + (series there at -1/32) - (series here at 1/32), in two parts (Knuth's two-sum).
      const step = before - toNext + low;
      const sum = high + step;
      const part = sum - high;
      low = high - (sum - part) + (step - part);
      high = sum;
    }
    before = toLast;
    table[at] = high;
    table[at + 1] = low;
  }
  return table;
}
