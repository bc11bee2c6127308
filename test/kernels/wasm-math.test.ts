import { describe, expect, it } from "vitest";
import { gelu, geluTanh } from "../../src/base/activations.ts";
import { exp } from "../../src/base/math.ts";
import { arena } from "../../src/kernels/wasm/arena.ts";
import { writeConstants } from "../../src/kernels/wasm/index.ts";
import { FIRST_FREE } from "../../src/kernels/wasm/module.ts";
import { moduleBuilder } from "../../src/kernels/wasm/module-builder.ts";
import { overLanes } from "../../src/kernels/wasm/rows.ts";
import * as vector from "../../src/kernels/wasm/vector-math.ts";
import * as model from "./float32.ts";

/*
 * The vector code of exp and the activations over float32 arguments of every size: its bits against the float32 model, its errors against
 * base/math.ts in float64 (itself within four last places of 50 digits), with the figures that vector-math.ts states.
 */

const FUNCTIONS = {
  exp: { lanes: vector.expOfNegative, model: model.expOfNegative, exact: exp },
  gelu: { lanes: vector.gelu, model: model.activations.gelu, exact: gelu },
  gelu_tanh: { lanes: vector.geluTanh, model: model.activations.gelu_tanh, exact: geluTanh },
  relu: { lanes: vector.relu, model: model.activations.relu, exact: (x: number) => Math.max(x, 0) },
} as const;
type Name = keyof typeof FUNCTIONS;
const NAMES = Object.keys(FUNCTIONS) as Name[];

/** Arguments a call: a whole number of the loop's steps. */
const BLOCK = 8192;

const memory = new WebAssembly.Memory({ initial: 2, maximum: 2 });
const builder = moduleBuilder({ shared: false, maximum: 2 });
for (const name of NAMES) overLanes(builder, name, FUNCTIONS[name].lanes);
const { exports } = new WebAssembly.Instance(new WebAssembly.Module(builder.bytes()), { env: { memory } });
writeConstants(arena(memory, FIRST_FREE));
const run = exports as Record<Name, (at: number, bytes: number) => void>;
const AT = 65536;
const numbers = new Float32Array(memory.buffer, AT, BLOCK);
const bits = new Uint32Array(memory.buffer, AT, BLOCK);

/** The function of each of the arguments, given as their bits; `each` is told of every one. */
function over(
  name: Name,
  from: number,
  to: number,
  stride: number,
  each: (x: number, y: number, argument: number) => void,
): void {
  const x = new Float32Array(BLOCK);
  const argument = new Uint32Array(x.buffer);
  for (let first = from; first <= to; first += BLOCK * stride) {
    for (let i = 0; i < BLOCK; i++) argument[i] = Math.min(first + i * stride, to); // the last block: its end again and again
    numbers.set(x);
    run[name](AT, 4 * BLOCK);
    for (let i = 0; i < BLOCK; i++) each(x[i], numbers[i], argument[i]);
  }
}

const bitsOf = (x: number): number => new Uint32Array(Float32Array.of(x).buffer)[0];
const SIGN = 2 ** 31;
const INFINITY = bitsOf(Infinity);

describe.each(NAMES)("%s", (name) => {
  // Positive numbers are not exp's: nothing but the least may be above its argument's limit.
  const signs = name === "exp" ? [SIGN] : [0, SIGN];

  it("has the model's bits for numbers of every size: zeros, subnormals, tails, infinities", () => {
    for (const sign of signs) {
      // A prime stride: no bit of the argument keeps step with it. The edges besides, each number of them.
      over(name, sign, sign + INFINITY, 9973, same(name));
      for (const edge of [0, bitsOf(2 ** -126), bitsOf(1), bitsOf(13), bitsOf(86.6), bitsOf(5.65), INFINITY - BLOCK]) {
        over(
          name,
          sign + Math.max(0, edge - BLOCK / 2),
          sign + Math.min(INFINITY, edge + BLOCK / 2 - 1),
          1,
          same(name),
        );
      }
    }
  });

  it("keeps a NaN, whatever bits it carries, in its own lane", () => {
    for (const nan of [0x7fc00000, 0xffc00000, 0x7fc00001, 0xffc001ff, 0x7fffffff, 0x7f800001, 0xffaaaaaa]) {
      for (const lane of [0, 1, 2, 3, 4, 7]) {
        numbers.fill(-1, 0, 8);
        run[name](AT, 32);
        const beside = numbers[0];
        numbers.fill(-1, 0, 8);
        bits[lane] = nan;
        run[name](AT, 32);
        for (let i = 0; i < 8; i++) expect(numbers[i]).toBe(i === lane ? Number.NaN : beside);
      }
    }
  });
});

/** Throws where a result has not the model's bits. */
function same(name: Name): (x: number, y: number) => void {
  const { model } = FUNCTIONS[name];
  return (x, y) => {
    if (!Object.is(y, model(x))) throw new Error(`${name}(${x}) is ${y}, not ${model(x)}`);
  };
}

const STRIDE = 97;

/** The largest error over the arguments between two, both of one sign; `of` measures it. */
function worst(name: Name, from: number, to: number, of: (y: number, exact: number) => number): number {
  const [low, high] = [bitsOf(from), bitsOf(to)].sort((a, b) => a - b);
  const { exact } = FUNCTIONS[name];
  let largest = 0;
  over(name, low, high, STRIDE, (x, y) => {
    const error = of(y, exact(x));
    if (!(error <= largest)) largest = Number.isNaN(error) ? Infinity : error;
  });
  return largest;
}

const relative = (y: number, exact: number): number => Math.abs(y - exact) / Math.abs(exact);
const absolute = (y: number, exact: number): number => Math.abs(y - exact);
/** Half a last place of a float32 of that size: what rounding the result costs by itself. */
const rounding = (y: number): number => 2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(y)))) - 24);
/** What an error is beside that. */
const beside = (y: number, exact: number): number => Math.abs(y - exact) - rounding(exact);

/* The figures of vector-math.ts: none may be exceeded, and none is far from what is found, so that a fault of a few roundings shows. */
describe("errors", () => {
  const NEAR = 2 ** -40;
  it.each<[string, number, Name, number, number, (y: number, exact: number) => number]>([
    ["exp, relative", 8.4e-8, "exp", -NEAR, -86.6, relative],
    ["gelu beside the rounding of its result, x > 0", 5.5e-8, "gelu", NEAR, 13, beside],
    ["gelu beside the rounding of its result, x < 0", 5.5e-8, "gelu", -NEAR, -13, beside],
    ["gelu near 0, relative", 3.1e-7, "gelu", NEAR, 0.1, relative],
    ["gelu near 0, relative, x < 0", 3.1e-7, "gelu", -NEAR, -0.1, relative],
    ["gelu_tanh, x > 0, relative", 1.5e-7, "gelu_tanh", NEAR, 1e30, relative],
    ["gelu_tanh, x < 0, absolute", 5.1e-8, "gelu_tanh", -NEAR, -1e30, absolute],
  ])("of %s: %d", (_, bound, name, from, to, of) => {
    const found = worst(name, from, to, of);
    expect(found).toBeLessThanOrEqual(bound);
    expect(found).toBeGreaterThan(0.75 * bound);
  });

  it("exp is 0 below -86.6 and 1 at 0; gelu is x from 8 on to a place, and nothing below -13", () => {
    over("exp", bitsOf(-86.6) + 1, SIGN + INFINITY, 99991, (_, y) => expect(y).toBe(0));
    over("exp", SIGN, bitsOf(-(2 ** -25)), 99991, (_, y) => expect(y).toBe(1));
    over("gelu", bitsOf(8), INFINITY, 99991, (x, y) => expect(y).toBe(x));
    over("gelu", bitsOf(-13), SIGN + INFINITY, 99991, (_, y) => expect(Math.abs(y)).toBeLessThan(1e-37));
  });

  it("gelu_tanh is x from 8 on, and below -13 loses no more than x · 2.5e-38", () => {
    over("gelu_tanh", bitsOf(8), INFINITY, 99991, (x, y) => expect(y).toBe(x));
    over("gelu_tanh", bitsOf(-13), bitsOf(-3e38), 99991, (x, y) => {
      expect(y).toBeLessThanOrEqual(0);
      expect(y).toBeGreaterThanOrEqual(x * 2.5e-38);
    });
  });
});

it("an error of one last place, or of a coefficient in its sixth digit, is seen", () => {
  expect(relative(Math.fround(exp(-1)) * (1 + 2 ** -23), exp(-1))).toBeGreaterThan(8.4e-8);
  expect(beside(gelu(-1) * (1 + 1e-6), gelu(-1))).toBeGreaterThan(5.5e-8);
});
