import { refuse } from "../../base/door.ts";
import { PAGE } from "./arena.ts";
import { type Functions, kernelModule } from "./module.ts";
import type { Tile } from "./row-tiles.ts";

/** One way to compute: a register tile, and what it asks of the machine. */
export interface Variant {
  readonly name: "wasm" | "wasm-relaxed";
  readonly tile: Tile;
  /** Bits of the vectors: whatever the width, the numbers are the same. */
  readonly width: 128 | 256;
}

/*
 * Tiles, in GFLOP/s of one thread with the operands in the first-level cache (Zen 5, Node 24; `npm run bench:kernels` prints them). V8 has
 * 15 registers for vectors. All tiles take panels of eight columns, so that one packing serves them all.
 *
 *     5 x 8    61    ten sums, two vectors of the weight, one of x, one product: 14 registers
 *     5 x 16   124   pairs of 128-bit operations become one of 256, so ten sums of that width: two panels at a time
 *     10 x 8   118   the same with one panel, where there are few rows: five rows read a weight twice as quickly as memory delivers it, and
 *                    ten tokens take 29 ms with 5 x 16 instead of 22
 *     6 x 8    64    fused: no register for the product
 *     12 x 8   116   fused, in pairs
 *
 * Eight steps of k a turn: four cost 3 %, two 8 %.
 */

/** Rows of the tiles: of one panel, and with 256 bits of two panels. */
const ROWS = { wasm: [5, 10, 5], "wasm-relaxed": [6, 12, 6] } as const;

/**
 * V8 before 13 puts all loads of a turn first and the arithmetic behind, so that what a turn loads must fit the registers beside the sums:
 * 4 x 8, one step, and no pairs of panels. 51 GFLOP/s on Node 20 and 22, where 5 x 8 and eight steps spill and reach 23.
 */
const OLD_V8 = { rows: 4, unroll: 1, rowsOfPairs: undefined };

function isOldV8(): boolean {
  const { process } = globalThis as { process?: { versions?: { v8?: string } } };
  return Number.parseInt(process?.versions?.v8 ?? "13", 10) < 13;
}

export function variant(name: Variant["name"], width: Variant["width"]): Variant {
  const [narrow, wide, rowsOfPairs] = ROWS[name];
  const size = width === 128 ? { rows: narrow } : { rows: wide, rowsOfPairs };
  return { name, width, tile: { unroll: 8, ...size, ...(isOldV8() && OLD_V8), vectors: 2, fused: name !== "wasm" } };
}

/** Columns of a panel. */
export function panelOf({ tile }: Variant): number {
  return 4 * tile.vectors;
}

/**
 * The variant's module, for memory that threads share or for one thread's own. A wide one is the narrow one's kind of code, compiled by an
 * engine that has been told to pair its operations; whether it did, only the clock can tell.
 */
export async function compile(wanted: Variant, shared: boolean): Promise<WebAssembly.Module> {
  if (wanted.width === 128) return WebAssembly.compile(kernelModule(wanted.tile, shared));
  const narrow = await WebAssembly.compile(kernelModule(UNPAIRED, shared));
  for (let attempt = 1; attempt <= 3; attempt++) {
    // The mark keeps V8 from handing back code it made of the same bytes before it was told, or in an attempt that failed.
    const wide = await WebAssembly.compile(kernelModule(wanted.tile, shared, `munjang wide ${attempt}`));
    if (timesFaster(wide, wanted.tile, narrow, shared) > 1.4) return wide;
  }
  return refuse("wide", "had no effect in three attempts: leave it out", true);
}

/** The yardstick of the narrow width: one vector a row leaves nothing to pair. */
const UNPAIRED: Tile = { rows: 10, vectors: 1, unroll: 8 };

/** How many times faster the wide module's product is than the yardstick's: the best of many short runs, taking turns. */
function timesFaster(wide: WebAssembly.Module, tile: Tile, narrow: WebAssembly.Module, shared: boolean): number {
  /** How long to look for the effect, ms: the engine compiles its fast code while the slow one runs. */
  const PATIENCE = 400;
  const runs = [wide, narrow].map((module, i) => {
    const memory = new WebAssembly.Memory({ initial: 5, maximum: 5, shared });
    const f = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Functions;
    // 60 rows (a multiple of every tile's), 256 inputs, 32 columns: a MFLOP, in the nearest caches.
    const panels = 8 / (i === 0 ? tile : UNPAIRED).vectors;
    return () => f.product(4 * PAGE, 0, PAGE, PAGE, 60, 256, panels);
  });
  const best = [Infinity, Infinity];
  const end = performance.now() + PATIENCE;
  for (let round = 0; performance.now() < end; round++) {
    for (const [i, run] of runs.entries()) {
      const start = performance.now();
      run();
      best[i] = Math.min(best[i], performance.now() - start);
    }
    if (round > 20 && best[1] / best[0] > 1.6) break;
  }
  return best[1] / best[0];
}
