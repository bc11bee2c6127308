import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { erf, erfc, exp, sigmoid, tanh } from "../../src/base/math.ts";
import { wholeRoot } from "../../src/base/roots.ts";

// 1000 points a function, rounded from 50 digits: reference/math/measure.py --fixture (mpmath 1.3.0).
const bytes = readFileSync(new URL("./fixtures/math.f64", import.meta.url));
const fixture = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));

/** Doubles in order, as whole numbers: neighbours differ by 1, and +0 and -0 are both 0. */
function ordinal(x: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  const bits = view.getBigInt64(0);
  return bits < 0n ? -(bits & 0x7fffffffffffffffn) : bits;
}

/** How many doubles lie between two, at most 2^53. */
function apart(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Object.is(a, b) ? 0 : Infinity;
  const difference = ordinal(a) - ordinal(b);
  return Number(difference < 0n ? -difference : difference);
}

/** The worst cell of a list of [x, got, wanted], in doubles apart. */
function worst(cells: [number, number, number][]): { ulp: number; x: number } {
  let found = { ulp: 0, x: NaN };
  for (const [x, got, wanted] of cells) {
    const ulp = apart(got, wanted);
    if (ulp > found.ulp) found = { ulp, x };
  }
  return found;
}

const grid = (from: number, to: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => from + ((to - from) * (i + 0.37)) / count);

// Measured errors rounded up to whole doubles: 0.54, 1.94, 3.13, 3.09 and 1.73 ulp from the true value, which is itself rounded here.
const functions = [
  { name: "exp", f: exp, bound: 1 },
  { name: "erf", f: erf, bound: 2 },
  { name: "erfc", f: erfc, bound: 4 },
  { name: "tanh", f: tanh, bound: 4 },
  { name: "sigmoid", f: sigmoid, bound: 2 },
];

functions.forEach(({ name, f, bound }, index) => {
  test(`${name} stays within ${bound} doubles of mpmath at 1000 points`, () => {
    const pairs = fixture.subarray(index * 2000, (index + 1) * 2000);
    const cells: [number, number, number][] = [];
    for (let i = 0; i < 2000; i += 2) cells.push([pairs[i], f(pairs[i]), pairs[i + 1]]);
    expect(worst(cells).ulp, `at x = ${worst(cells).x}`).toBeLessThanOrEqual(bound);
    // The check can fail: one value, moved by one double more than the bound allows.
    const at = cells.findIndex(([, , y]) => y !== 0 && Number.isFinite(y) && Math.abs(y) > 1e-300);
    const [x, , y] = cells[at];
    expect(worst([[x, y * (1 + (bound + 2) * 2.3e-16), y]]).ulp).toBeGreaterThan(bound);
  });
});

test("the fixture is whole", () => {
  expect(fixture.length).toBe(functions.length * 2000);
  expect([...fixture].some((value) => Number.isNaN(value))).toBe(false);
});

test("NaN, infinities and zeros", () => {
  for (const { f } of functions) expect(f(NaN)).toBeNaN();
  expect([exp(Infinity), exp(-Infinity), exp(0), exp(-0)]).toEqual([Infinity, 0, 1, 1]);
  expect(apart(exp(709.782712893384), 1.797693134862273e308)).toBeLessThanOrEqual(1);
  expect([exp(709.7827128933841), exp(1e300)]).toEqual([Infinity, Infinity]);
  expect([exp(-745.1332191019411), exp(-745.1332191019412), exp(-1e300)]).toEqual([5e-324, 0, 0]);
  expect([erf(Infinity), erf(-Infinity), erf(0), erf(-0), erf(7)]).toEqual([1, -1, 0, -0, 1]);
  expect([erfc(Infinity), erfc(-Infinity), erfc(0), erfc(-0), erfc(-7), erfc(28.5)]).toEqual([0, 2, 1, 1, 2, 0]);
  expect([tanh(Infinity), tanh(-Infinity), tanh(0), tanh(-0), tanh(23)]).toEqual([1, -1, 0, -0, 1]);
  expect([sigmoid(Infinity), sigmoid(-Infinity), sigmoid(0), sigmoid(-0), sigmoid(40)]).toEqual([1, 0, 0.5, 0.5, 1]);
});

test("exp is a power: exp(a + b) = exp(a) exp(b), exp(-x) exp(x) = 1, exp(n ln 2) = 2^n", () => {
  for (const a of grid(-300, 300, 400)) {
    const b = Math.round(a * 7) % 64; // sums of these are exact where a has few bits
    const short = Math.round(a * 1024) / 1024;
    expect(Math.abs(exp(short + b) / (exp(short) * exp(b)) - 1)).toBeLessThan(4 * 2 ** -52);
    expect(Math.abs(exp(a) * exp(-a) - 1)).toBeLessThan(4 * 2 ** -53);
  }
  for (let n = -1000; n <= 1000; n += 37)
    expect(Math.abs(exp(n * Math.LN2) / 2 ** n - 1)).toBeLessThan((Math.abs(n) + 4) * 2 ** -53);
});

test("erf and tanh are odd, erfc(x) + erfc(-x) = 2, sigmoid(x) + sigmoid(-x) = 1, tanh and sigmoid agree", () => {
  for (const x of [...grid(-7, 7, 1500), ...grid(-0.2, 0.2, 500), 1e-300, 1e-20]) {
    expect(erf(-x)).toBe(-erf(x));
    expect(tanh(-x)).toBe(-tanh(x));
    expect(Math.abs(erfc(x) + erfc(-x) - 2)).toBeLessThanOrEqual(2 ** -51);
    expect(Math.abs(erf(x) + erfc(x) - 1)).toBeLessThanOrEqual(2 ** -52);
    expect(Math.abs(sigmoid(x) + sigmoid(-x) - 1)).toBeLessThanOrEqual(2 ** -52);
    expect(Math.abs(2 * sigmoid(2 * x) - 1 - tanh(x))).toBeLessThanOrEqual(2 ** -51);
  }
});

test("neighbouring series meet: no step where erfc changes from one to the next", () => {
  for (let i = 0; i < 96; i++) {
    const x = (i + 0.5) / 16;
    const below = x * (1 - 2 ** -53);
    expect(below).toBeLessThan(x);
    expect(apart(erfc(below), erfc(x)), `at ${x}`).toBeLessThanOrEqual(8 + 2 * x * x * 2); // the slope itself is 2 x² doubles a double
  }
  expect(Math.abs(erfc(6) / erfc(6 - 2 ** -50) - 1)).toBeLessThan(1e-13);
});

test("all rise or fall with x", () => {
  for (const { name, f } of functions) {
    const values = grid(-8, 8, 2000).map((x) => (name === "erfc" ? -f(x) : f(x)));
    for (let i = 1; i < values.length; i++) expect(values[i]).toBeGreaterThanOrEqual(values[i - 1]);
  }
});

test("the bits themselves: a change of any is a change of the numerics version", () => {
  const xs = [...grid(-30, 30, 4000), ...grid(-750, 712, 1000), ...grid(-0.05, 0.05, 1000)];
  const hashes = functions.map(({ name, f }) => {
    const words = new Uint32Array(Float64Array.from(xs, f).buffer);
    let hash = 0x811c9dc5; // FNV-1a over 32-bit words
    for (const word of words) hash = Math.imul(hash ^ word, 0x01000193) >>> 0;
    return `${name} ${hash.toString(16).padStart(8, "0")}`;
  });
  expect(hashes).toEqual(["exp 9fd5e626", "erf 4a7b6070", "erfc d6489110", "tanh 2541a528", "sigmoid b61cdf67"]);
});

test("the source takes nothing from Math, and raises no powers but of whole numbers", () => {
  const code = (file: string): string =>
    readFileSync(new URL(`../../src/base/${file}`, import.meta.url), "utf8")
      .replace(/\/\*[\s\S]*?\*\//g, "")
      .replace(/\/\/.*$/gm, "");
  expect(code("math.ts")).toContain("export function erfc");
  expect(code("math.ts").replace('import { wholeRoot } from "./roots.ts";', "")).not.toMatch(
    /\bMath\b|\*\*|globalThis|import/,
  );
  expect(code("roots.ts")).toContain("n: bigint, root: bigint, most: bigint");
  expect(code("roots.ts")).not.toMatch(/\bMath\b|globalThis|import|number/i);
});

test("whole roots", () => {
  expect([0n, 1n, 7n, 8n, 9n, 26n, 27n].map((n) => wholeRoot(n, 3n, 100n))).toEqual([0n, 1n, 1n, 2n, 2n, 2n, 3n]);
  const n = 2n ** 1455n; // 2^15 of 2^(1440 + 15), as the table of exp asks for it
  const root = wholeRoot(n, 16n, 2n ** 91n);
  expect(root ** 16n <= n && (root + 1n) ** 16n > n).toBe(true);
});
