import { describe } from "vitest";
import { js } from "../../src/kernels/js/index.ts";
import type { Kernels } from "../../src/kernels/kernels.ts";
import { wasm } from "../../src/kernels/wasm/index.ts";
import { againstReference, type Tested } from "./against-reference.ts";

const backends: readonly Tested[] = [
  {
    name: "js",
    make: js,
    accumulator: 2 ** -53,
    // The naive x/2 · (1 + erf) cancels in the tail: it is off by x/2 times the few last places of an erf near 1 (8 · 2^-52).
    activation: (_, x) => Math.abs(x) * 4 * 2 ** -52,
  },
  {
    name: "wasm",
    make: wasm as () => Promise<Kernels<unknown>>,
    accumulator: 2 ** -24,
    // gelu: a bump of height 0.17, from a dozen roundings. Its tanh form also rounds the divisor 1 + e.
    activation: (act, x) => (act === "relu" ? 0 : 12 * 0.17 + (act === "gelu" ? 0 : Math.max(x, 0))) * 2 ** -24,
  },
];

describe.each(backends)("kernels: $name", againstReference);
