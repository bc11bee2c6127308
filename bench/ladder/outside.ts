import { createRequire } from "node:module";
import { join } from "node:path";
import { transpose } from "./03-transposed.ts";
import type { Rung } from "./rung.ts";

/*
 * What others have for the same product, in Node and on one core: the plain library of JavaScript's arrays, and gpu.js where it has no GPU. Their
 * packages are those of `bench/gpu`, which `npm run bench:ladder` installs.
 */

const packages = createRequire(join(import.meta.dirname, "../gpu/package.json"));

/** What is used of `ndarray`'s arrays. */
interface NdArray {
  readonly data: Float32Array;
}

/** Loops over blocks of 32 x 32; for b of its favourite order, which is turned, as ours is. */
const ndarrayGemm: Rung = {
  name: "ndarray-gemm",
  idea: "blocks of 32 x 32, in plain JavaScript",
  outside: true,
  make(b, { M, K, N }) {
    const ndarray = packages("ndarray") as (data: Float32Array, shape: number[], stride?: number[]) => NdArray;
    const gemm = packages("ndarray-gemm") as (c: NdArray, a: NdArray, b: NdArray) => void;
    const right = ndarray(transpose(b, K, N), [K, N], [1, K]);
    return { run: (a, c) => gemm(ndarray(c, [M, N]), ndarray(a, [M, K]), right) };
  },
};

/** What is used of gpu.js. */
interface Gpu {
  createKernel(source: string, settings: object): (a: unknown) => Float32Array[];
  destroy(): void;
}
interface GpuJs {
  GPU: new (settings: object) => Gpu;
  input(data: Float32Array, size: number[]): unknown;
}

/** The kernel of its own documentation, in WebAssembly: the mode it takes where nothing else is. A processor is what the other rungs have. */
const gpuJs: Rung = {
  name: "gpu.js, webasm",
  idea: "a function of one number, compiled to a loop over all",
  outside: true,
  make(b, { M, K, N }) {
    const { GPU, input } = packages("gpu.js") as GpuJs;
    const gpu = new GPU({ mode: "webasm" });
    const product = gpu.createKernel(
      `function (a) {
        let sum = 0;
        for (let k = 0; k < ${K}; k++) sum += a[this.thread.y][k] * this.constants.b[k][this.thread.x];
        return sum;
      }`,
      { output: [N, M], precision: "single", constants: { b: input(b, [N, K]) } },
    );
    return {
      run(a, c) {
        for (const [i, row] of product(input(a, [K, M])).entries()) c.set(row, i * N);
      },
      dispose: () => gpu.destroy(),
    };
  },
};

export const outside: readonly Rung[] = [ndarrayGemm, gpuJs];
