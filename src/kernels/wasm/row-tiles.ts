import { forRange, i32, type Local, type Statement, when } from "./asm.ts";
import { PAIRS_FROM } from "./layout.ts";
import type { NewLocals } from "./module-builder.ts";

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

/** T rows, split into as few tiles as will do, of heights that differ by one at most. Packing and product must agree on it. */
export interface RowTiles {
  /** How many tiles, once `split` has run. */
  readonly count: Local<"i32">;
  readonly split: readonly Statement[];
  /** Calls `each` for every tile, with `height` set; between them `each` moves its own pointers. */
  each(each: (height: Local<"i32">) => readonly Statement[]): readonly Statement[];
}

export function rowTiles(T: Local<"i32">, { rows, rowsOfPairs }: Tile, locals: NewLocals): RowTiles {
  const [count, most, low, higher, t, height] = locals("i32", 6);
  return {
    count,
    split: [
      most.set(rows),
      ...(rowsOfPairs === undefined ? [] : [when(i32.ge_u(T, PAIRS_FROM), () => [most.set(rowsOfPairs)])]),
      count.set(i32.div_u(i32.add(T, i32.sub(most, 1)), most)),
      low.set(i32.div_u(T, count)),
      higher.set(i32.rem_u(T, count)),
    ],
    each: (each) => [forRange(t, 0, count, 1, () => [height.set(i32.add(low, i32.lt_u(t, higher))), ...each(height)])],
  };
}
