import { forRange, i32, type Local, type Statement, when } from "./asm.ts";

/** Register tiles: rows of x times a panel of the weight, or two. */
export interface Tile {
  /** Rows of x, at most. */
  readonly rows: number;
  /** Vectors of four output columns that make a panel. */
  readonly vectors: number;
  /** Where there are many rows in all: so many at most, times two panels. */
  readonly rowsOfPairs?: number;
  /** Steps of k in one turn of the loop. */
  readonly unroll: number;
  /** Multiply and add in one step, rounded once where the machine can: faster on some, and its bits are the machine's. */
  readonly fused?: boolean;
}

/**
 * Rows from which it is many. Below, one row tile reads the weights for good, fast enough for the hardware to keep ahead by itself. Above,
 * the tiles read ahead.
 */
export const MANY_ROWS = 11;

/** T rows, split into as few tiles as will do, of heights that differ by one at most. Packing and product must agree on it. */
export interface RowTiles {
  /** How many tiles, once `split` has run. */
  readonly count: Local<"i32">;
  readonly split: readonly Statement[];
  /** Calls `each` for every tile, with `height` set; between them `each` moves its own pointers. */
  each(each: (height: Local<"i32">) => readonly Statement[]): readonly Statement[];
}

export function rowTiles(T: Local<"i32">, { rows, rowsOfPairs }: Tile, int: () => Local<"i32">): RowTiles {
  const [count, most, low, higher, t, height] = [int(), int(), int(), int(), int(), int()];
  return {
    count,
    split: [
      most.set(rows),
      ...(rowsOfPairs === undefined ? [] : [when(i32.ge_u(T, MANY_ROWS), () => [most.set(rowsOfPairs)])]),
      count.set(i32.div_u(i32.add(T, i32.sub(most, 1)), most)),
      low.set(i32.div_u(T, count)),
      higher.set(i32.rem_u(T, count)),
    ],
    each: (each) => [forRange(t, 0, count, 1, () => [height.set(i32.add(low, i32.lt_u(t, higher))), ...each(height)])],
  };
}
