import { expect, test } from "vitest";
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from "../../src/base/half.ts";

const ALL = Uint16Array.from({ length: 65536 }, (_, i) => i);
const isNaN16 = (bits: number): boolean => (bits & 0x7fff) > 0x7c00;
const isNaNb16 = (bits: number): boolean => (bits & 0x7fff) > 0x7f80;

/** The value of float bits by the definition in IEEE 754, in doubles: shares nothing with the code under test. */
function valueOfBits(bits: number, exponentBits: number, fractionBits: number): number {
  const sign = bits >> (exponentBits + fractionBits) ? -1 : 1;
  const exponent = (bits >> fractionBits) & (2 ** exponentBits - 1);
  const fraction = bits & (2 ** fractionBits - 1);
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias - fractionBits);
  return sign * (1 + fraction * 2 ** -fractionBits) * 2 ** (exponent - bias);
}

/** Nearest of the 65,536 patterns by search, ties to the even pattern. */
function nearest(value: number, values: Float64Array, infinity: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  let low = 0;
  let high = infinity; // values[0 … infinity) rise; the pattern of infinity stands for the next step
  while (low + 1 < high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= magnitude) low = middle;
    else high = middle;
  }
  const below = values[low];
  const above = low + 1 === infinity ? 2 * below - values[low - 1] : values[low + 1];
  const up = magnitude - below === above - magnitude ? (low & 1) === 1 : magnitude - below > above - magnitude;
  return sign | (up ? low + 1 : low);
}

const formats = [
  {
    name: "float16",
    widen: float16ToFloat32,
    narrow: float32ToFloat16,
    exponent: 5,
    fraction: 10,
    infinity: 0x7c00,
    nan: isNaN16,
  },
  {
    name: "bfloat16",
    widen: bfloat16ToFloat32,
    narrow: float32ToBfloat16,
    exponent: 8,
    fraction: 7,
    infinity: 0x7f80,
    nan: isNaNb16,
  },
];

for (const { name, widen, narrow, exponent, fraction, infinity, nan } of formats) {
  const values = Float64Array.from(ALL, (bits) => valueOfBits(bits, exponent, fraction));

  test(`${name}: all 65,536 patterns widen exactly`, () => {
    const wide = widen(ALL);
    const wrong = [...ALL].filter((bits) => !Object.is(wide[bits], values[bits]));
    expect(wrong).toEqual([]);
    expect([...ALL].filter((bits) => nan(bits)).length).toBe(2 * (2 ** fraction - 1));
  });

  test(`${name}: all 65,536 patterns, NaN payloads too, survive there and back`, () => {
    expect(narrow(widen(ALL))).toEqual(ALL);
  });

  test(`${name}: float32 rounds to nearest, ties to even`, () => {
    const cases: number[] = [
      0,
      -0,
      Infinity,
      -Infinity,
      65504,
      65519.996,
      65520,
      65536,
      1e38,
      3.4028234663852886e38,
      1e-45,
      -1e-45,
    ];
    for (const bits of ALL) {
      const here = values[bits];
      const next = values[bits + 1];
      if (!Number.isFinite(here) || !Number.isFinite(next)) continue;
      const middle = (here + next) / 2;
      const step = Math.abs(next - here);
      cases.push(here, middle, middle + step / 64, middle - step / 64);
    }
    let seed = 1;
    const scratch = new DataView(new ArrayBuffer(4));
    for (let i = 0; i < 50_000; i++) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      scratch.setUint32(0, seed);
      if (!Number.isNaN(scratch.getFloat32(0))) cases.push(scratch.getFloat32(0));
    }
    const inputs = Float32Array.from(cases);
    const narrowed = narrow(inputs);
    const wrong: string[] = [];
    for (let i = 0; i < inputs.length; i++) {
      const right =
        Math.abs(inputs[i]) === Infinity
          ? (inputs[i] < 0 ? 0x8000 : 0) | infinity
          : nearest(inputs[i], values, infinity);
      if (narrowed[i] !== right) wrong.push(`${inputs[i]}: ${narrowed[i]}, not ${right}`);
    }
    expect(wrong.slice(0, 10)).toEqual([]);
  });

  test(`${name}: a NaN whose payload does not fit stays a NaN`, () => {
    const nans = new Float32Array(Uint32Array.of(0x7f800001, 0xff800001, 0x7fc00000, 0xffffffff).buffer);
    for (const bits of narrow(nans)) expect(nan(bits)).toBe(true);
  });

  test(`${name}: writes into the array it is given, at its byte offset`, () => {
    const out = new Float32Array(6).subarray(2, 5);
    expect(widen(Uint16Array.of(0, infinity), out)).toBe(out);
    expect([...out]).toEqual([0, Infinity, 0]);
    expect([...new Float32Array(out.buffer)]).toEqual([0, 0, 0, Infinity, 0, 0]);
  });
}
