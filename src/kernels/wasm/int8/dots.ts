import type { NewLocals } from "../module-builder.ts";
import type { Tile } from "../row-tiles.ts";
import type { Arithmetic } from "../tile.ts";
import { fitting } from "../variants.ts";
import { i16x8, i32x4, v128 } from "./asm.ts";

/**
 * How products of whole numbers are summed. All give the same whole numbers; machines differ in which is fastest.
 *
 *     add4     four bytes a lane, multiplied and added in one instruction of relaxed SIMD: where the CPU has one too (VNNI, ARM's dot product)
 *     pairs4   the same four bytes in three instructions: what is fastest where the CPU does not have it
 *     pairs2   two numbers of 16 bits a lane: any engine with SIMD, and the only one for activations of more than 7 bits
 */
export type Dot = (typeof DOTS)[number];

export const DOTS = ["add4", "pairs4", "pairs2"] as const;

export function dots(dot: Dot, { vectors }: Tile, width: 128 | 256): (locals: NewLocals) => Arithmetic {
  const bytes: Pick<Arithmetic, "stepBytes" | "weights"> = {
    stepBytes: 16 * vectors,
    weights: (w, at, offset) => w.map((v, j) => v.set(v128.load(at, offset + 16 * j))),
  };
  switch (dot) {
    case "add4":
      return () => ({
        ...bytes,
        setUp: [],
        add: (sum, x, w) => i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, sum),
      });
    case "pairs4":
      return (locals) => {
        const [ones] = locals("v128");
        return {
          ...bytes,
          setUp: [ones.set(i16x8.splat(1))],
          add: (sum, x, w) => i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(w, x), ones)),
        };
      };
    case "pairs2":
      return () => ({
        stepBytes: 8 * vectors, // weights stay bytes in memory
        setUp: [],
        weights: (w, at, offset, spare) =>
          width === 128
            ? w.map((v, j) => v.set(v128.load8x8_s(at, offset + 8 * j)))
            : // The two halves of one vector are what V8 pairs.
              w.flatMap((v, j) =>
                j % 2 === 0
                  ? [spare.set(v128.load(at, offset + 8 * j)), v.set(i16x8.extend_low_i8x16_s(spare))]
                  : [v.set(i16x8.extend_high_i8x16_s(spare))],
              ),
        add: (sum, x, w) => i32x4.add(sum, i32x4.dot_i16x8_s(w, x)),
      });
  }
}

/** The register tile of each, narrow and wide: sums of 12 or 10 vectors, two of the weight, one of x, what the instructions need beside them. */
export const TILES: Readonly<Record<Dot, (width: 128 | 256) => Tile>> = {
  add4: (width) => tile(width, 6),
  pairs4: (width) => tile(width, 5),
  pairs2: (width) => tile(width, 5),
};

function tile(width: 128 | 256, rows: number): Tile {
  return fitting({ ...(width === 128 ? { rows } : { rows: 2 * rows, rowsOfPairs: rows }), vectors: 2, unroll: 8 });
}
