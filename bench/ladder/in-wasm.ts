import type { ModuleBuilder } from "../../src/kernels/wasm/module-builder.ts";
import { moduleBuilder } from "../../src/kernels/wasm/module-builder.ts";
import type { Product, Sizes } from "./rung.ts";

/**
 * A function of a module: c = a · b with a in tiles, [M / rows][K][rows], and b in panels, [N / columns][K][columns]; of so many columns of
 * c's N. Addresses in bytes.
 */
export type Compute = (a: number, b: number, c: number, M: number, K: number, N: number, columns: number) => void;

export interface Packing {
  readonly rows: number;
  readonly columns: number;
}

/** A product that WebAssembly computes: the packing and the copies around it. `write` adds the function `product`. */
export async function inWasm(
  b: Float32Array,
  sizes: Sizes,
  { rows, columns }: Packing,
  write: (m: ModuleBuilder) => void,
): Promise<Product> {
  const { M, K, N } = sizes;
  const builder = moduleBuilder({ shared: false, maximum: 65_536 });
  write(builder);
  const pages = Math.ceil((4 * (M * K + K * N + M * N)) / 65_536);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: 65_536 });
  const { instance } = await WebAssembly.instantiate(builder.bytes(), { env: { memory } });
  const product = instance.exports.product as Compute;
  const floats = new Float32Array(memory.buffer);
  const [atB, atC] = [M * K, M * K + K * N];
  packColumns(floats.subarray(atB, atC), b, K, N, columns);
  return {
    run(a, c) {
      packRows(floats, a, M, K, rows);
      product(0, 4 * atB, 4 * atC, M, K, N, N);
      c.set(floats.subarray(atC, atC + M * N));
    },
  };
}

/** [M,K] to tiles of so many rows, [M / rows][K][rows]. */
export function packRows(to: Float32Array, a: Float32Array, M: number, K: number, rows: number): void {
  for (let i = 0; i < M; i++) {
    const at = (i - (i % rows)) * K + (i % rows);
    for (let k = 0; k < K; k++) to[at + k * rows] = a[i * K + k];
  }
}

/** [K,N] to panels of so many columns, [N / columns][K][columns]. */
export function packColumns(to: Float32Array, b: Float32Array, K: number, N: number, columns: number): void {
  for (let j = 0; j < N; j++) {
    const at = (j - (j % columns)) * K + (j % columns);
    for (let k = 0; k < K; k++) to[at + k * columns] = b[k * N + j];
  }
}
