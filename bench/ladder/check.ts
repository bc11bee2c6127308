import type { Product, Rung, Sizes } from "./rung.ts";

/** What the product is, in float64, and how much the sizes of its terms add up to. */
export interface Exact {
  readonly c: Float64Array;
  readonly sizes: Float64Array;
}

export function exactly(a: Float32Array, b: Float32Array, { M, K, N }: Sizes): Exact {
  const [c, sizes] = [new Float64Array(M * N), new Float64Array(M * N)];
  for (let i = 0; i < M; i++) {
    for (let k = 0; k < K; k++) {
      for (let j = 0; j < N; j++) {
        const term = a[i * K + k] * b[k * N + j];
        c[i * N + j] += term;
        sizes[i * N + j] += Math.abs(term);
      }
    }
  }
  return { c, sizes };
}

/** Runs a product twice and looks at every number. @throws Error where one is further off than the arithmetic allows. */
export async function check(rung: Rung, product: Product, a: Float32Array, exact: Exact, sizes: Sizes): Promise<void> {
  const { roundoff = 2 ** -24 } = rung;
  const K = a.length / sizes.M;
  /** Of random signs, errors grow with the root of their number; four times that, and the last rounding. */
  const allowed = roundoff * (roundoff > 2 ** -20 ? 1 : 4 * Math.sqrt(K));
  const c = new Float32Array(exact.c.length);
  for (const _ of [1, 2]) {
    c.fill(Number.NaN);
    await product.run(a, c);
    for (let i = 0; i < c.length; i++) {
      const off = Math.abs(c[i] - exact.c[i]);
      if (!(off <= allowed * exact.sizes[i] + 1e-30)) {
        throw new Error(`${rung.name} is wrong: number ${i} is ${c[i]}, not ${exact.c[i]}`);
      }
    }
  }
}
