import { naive } from "./01-naive.ts";
import { loopOrder } from "./02-loop-order.ts";
import { transposed } from "./03-transposed.ts";
import { registerTiles } from "./04-register-tiles.ts";
import { packedPanels } from "./05-packed-panels.ts";
import { wasmScalar } from "./06-wasm-scalar.ts";
import { wasmSimd } from "./07-wasm-simd.ts";
import { wasmTiles } from "./08-wasm-tiles.ts";
import { relaxed } from "./09-relaxed.ts";
import { wideVectors } from "./10-wide.ts";
import { int16 } from "./11-int16.ts";
import { int8Dot } from "./12-int8.ts";
import { threads } from "./13-threads.ts";
import { gpu } from "./14-gpu.ts";
import type { Rung } from "./rung.ts";

export type { Product, Rung, Sizes } from "./rung.ts";

/** From the loop everybody writes to what this engine does, one idea at a time. Nothing here needs Node. */
export const ladder: readonly Rung[] = [
  naive,
  loopOrder,
  transposed,
  registerTiles,
  packedPanels,
  wasmScalar,
  wasmSimd,
  wasmTiles,
  relaxed,
  wideVectors,
  int16,
  int8Dot,
  threads,
  gpu,
];
