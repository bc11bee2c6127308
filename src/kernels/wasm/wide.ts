import { refuse } from "../../base/door.ts";
import { PAGE } from "./arena.ts";
import type { Functions } from "./module.ts";
import type { Tile } from "./row-tiles.ts";
import { moduleOf, type Variant } from "./variants.ts";

/*
 * A wide module is the narrow one's kind of code, compiled by an engine that has been told to pair its operations; whether it did, only the
 * clock can tell.
 */

/** The module of a variant of 256 bits. ModelError where the engine pairs nothing. */
export async function compileWide(wanted: Variant, shared: boolean): Promise<WebAssembly.Module> {
  const narrow = await WebAssembly.compile(moduleOf({ ...wanted, int8: undefined, tile: UNPAIRED }, shared));
  for (let attempt = 1; attempt <= 3; attempt++) {
    // The mark keeps V8 from handing back code it made of the same bytes before it was told, or in an attempt that failed.
    const wide = await WebAssembly.compile(moduleOf(wanted, shared, `munjang wide ${attempt}`));
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
