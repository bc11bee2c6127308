import { sha256 } from "../../base/sha256.ts";
import type { Int8 } from "./int8/index.ts";
import { kernelModule } from "./module.ts";
import type { Tile } from "./row-tiles.ts";

/** One way to compute: a register tile, and what it asks of the machine. */
export interface Variant {
  readonly name: "wasm" | "wasm-relaxed";
  readonly tile: Tile;
  /** Bits of the vectors: whatever the width, the numbers are the same. */
  readonly width: 128 | 256;
  /** Products of whole numbers beside those of floats. */
  readonly int8?: Int8;
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

let changes: Partial<Tile> | undefined;

/** Other tiles, for an engine that does better with them: Node's old ones, since browsers of today are newer. */
export function changeTiles(to: Partial<Tile>): void {
  changes = to;
}

/** The tile to use in place of a larger one. */
export function fitting(tile: Tile): Tile {
  return { ...tile, ...changes };
}

export function variant(name: Variant["name"], width: Variant["width"]): Variant {
  const [narrow, wide, rowsOfPairs] = ROWS[name];
  const size = width === 128 ? { rows: narrow } : { rows: wide, rowsOfPairs };
  return { name, width, tile: fitting({ ...size, vectors: 2, unroll: 8, fused: name !== "wasm" }) };
}

/** Columns of a panel. */
export function panelOf({ tile }: Variant): number {
  return 4 * tile.vectors;
}

/** The bytes of the variant's module, for memory that threads share or for one thread's own. */
export function moduleOf(kind: Variant, shared: boolean, mark?: string): Uint8Array<ArrayBuffer> {
  return kernelModule(kind.tile, shared, mark, kind.int8);
}

/**
 * The mark in the files of `munjang/wasm/`, which are compiled before they run: it hangs on every byte, so that no module is taken for
 * another's, or for that of another version.
 */
export function markOf(kind: Variant): string {
  return `munjang ${sha256().update(moduleOf(kind, false)).hex()}`;
}

/** One module of such, or several. */
export type Compiled = WebAssembly.Module | readonly WebAssembly.Module[];

/** A variant's module among them. Not by `instanceof`: Next.js compiles them in another realm than the one its edge routes run in. */
export function among(compiled: Compiled, kind: Variant): WebAssembly.Module | undefined {
  const mark = markOf(kind);
  const isModule = (one: unknown): boolean => ({}).toString.call(one) === "[object WebAssembly.Module]";
  return [compiled].flat().find((one) => isModule(one) && WebAssembly.Module.customSections(one, mark).length > 0);
}

/** The module of a variant of 128 bits; wide.ts has those of 256. */
export async function compile(kind: Variant, shared: boolean): Promise<WebAssembly.Module> {
  return WebAssembly.compile(moduleOf(kind, shared));
}
