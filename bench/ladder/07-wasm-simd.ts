import { tiles } from "./08-wasm-tiles.ts";
import { inWasm } from "./in-wasm.ts";
import type { Rung } from "./rung.ts";

/** Four columns in one vector: a product, and a sum, of four numbers at a time. Three rows as before. */
export const wasmSimd: Rung = {
  name: "WebAssembly, SIMD",
  idea: "four columns at a time",
  make: (b, sizes) => inWasm(b, sizes, { rows: 3, columns: 4 }, tiles({ rows: 3, vectors: 1, unroll: 1 })),
};
