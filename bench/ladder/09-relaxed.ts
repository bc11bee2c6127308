import { f32x4 } from "../../src/kernels/wasm/asm.ts";
import { tiles } from "./08-wasm-tiles.ts";
import { inWasm } from "./in-wasm.ts";
import type { Rung } from "./rung.ts";

/** Multiply and add are one instruction, rounded once, where the machine has it: no register for the product, so a row more. The bits are the machine's. */
export const relaxed: Rung = {
  name: "relaxed, 6 x 8",
  idea: "fused multiply-add",
  make: (b, sizes) =>
    inWasm(
      b,
      sizes,
      { rows: 6, columns: 8 },
      tiles({ rows: 6, vectors: 2, unroll: 8, add: (sum, x, w) => f32x4.relaxed_madd(x, w, sum) }),
    ),
};
