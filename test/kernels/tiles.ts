import type { Tile } from "../../src/kernels/wasm/row-tiles.ts";

/** The tiles of every engine and width, not just of the one that runs the tests, and the one that wide modules are timed against. */
export const STRICT_TILES: readonly Tile[] = [
  { rows: 5, vectors: 2, unroll: 8 },
  { rows: 10, rowsOfPairs: 5, vectors: 2, unroll: 8 },
  { rows: 4, vectors: 2, unroll: 1 },
  { rows: 10, vectors: 1, unroll: 8 },
  { rows: 6, vectors: 2, unroll: 8 },
  { rows: 12, rowsOfPairs: 6, vectors: 2, unroll: 8 },
];
