import { tensor } from "../../src/base/tensor.ts";
import { wasmOf } from "../../src/kernels/wasm/index.ts";
import type { Dot } from "../../src/kernels/wasm/int8/dots.ts";
import { int8 } from "../../src/kernels/wasm/int8/index.ts";
import type { Bits } from "../../src/kernels/wasm/int8/layout.ts";
import { compile, variant } from "../../src/kernels/wasm/variants.ts";
import { quantiseWeight } from "../../src/quantised/weight.ts";
import { transpose } from "./03-transposed.ts";
import type { Product, Rung, Sizes } from "./rung.ts";

/** Weights are whole numbers of 8 bits, a's rows of 12, multiplied as pairs of 16: two products an instruction and lane, and half the memory. */
export const int16: Rung = {
  name: "int16 dot",
  idea: "whole numbers: two products where one was",
  after: "relaxed, 6 x 8",
  // Weights have 7 bits and a sign, so that one is off by half of 1/127 of its column's largest.
  roundoff: 2 ** -8,
  make: (b, sizes) => wholeNumbers(b, sizes, 12, "pairs2"),
};

/** The engine's own product of whole numbers (docs/int8.md): a's rows become such when they arrive, the sums are exact. */
export async function wholeNumbers(b: Float32Array, { M, K, N }: Sizes, bits: Bits, dot: Dot): Promise<Product> {
  const kind = { ...variant("wasm", 128), int8: int8({ bits, dot }, 128) };
  const kernels = await wasmOf(await compile(kind, false), kind);
  const weight = transpose(b, K, N);
  const whole = quantiseWeight(weight, N, K, new Float32Array(K).fill(1));
  const linear = kernels.prepareWhole?.(whole, tensor(new Float32Array(N), [N]));
  if (linear === undefined) throw new Error("no whole numbers here");
  const [x, out] = [kernels.alloc(M * K), kernels.alloc(M * N)];
  return {
    async run(a, c) {
      kernels.write(x, a);
      kernels.linear(out, x, linear, M);
      c.set(await kernels.read(out, M * N));
    },
  };
}
