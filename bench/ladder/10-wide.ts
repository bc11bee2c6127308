import { tiles } from "./08-wasm-tiles.ts";
import { inWasm } from "./in-wasm.ts";
import type { Rung } from "./rung.ts";

/** V8 makes one operation of 256 bits of two neighbouring ones of 128, if told to before it compiles: twice the columns with as many registers. */
export const wideVectors: Rung = {
  name: "256 bits, 10 x 8",
  idea: "two vectors become one of twice the width",
  flag: "--experimental-wasm-revectorize",
  make: (b, sizes) => inWasm(b, sizes, { rows: 10, columns: 8 }, tiles({ rows: 10, vectors: 2, unroll: 8 })),
};
