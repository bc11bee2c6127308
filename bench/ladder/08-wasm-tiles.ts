import { advance, f32x4, forRange, i32, until, type V128, v128 } from "../../src/kernels/wasm/asm.ts";
import type { ModuleBuilder } from "../../src/kernels/wasm/module-builder.ts";
import { inWasm } from "./in-wasm.ts";
import type { Rung } from "./rung.ts";

/** As many sums as the registers hold: five rows of two vectors are ten, beside two of weights, one of x, one product. Eight steps a turn. */
export const wasmTiles: Rung = {
  name: "SIMD tiles, 5 x 8",
  idea: "the registers are full, the loop is unrolled",
  make: (b, sizes) => inWasm(b, sizes, { rows: 5, columns: 8 }, tiles({ rows: 5, vectors: 2, unroll: 8 })),
};

export interface TileShape {
  readonly rows: number;
  /** Vectors of four columns. */
  readonly vectors: number;
  /** Steps of k in one turn of the loop. */
  readonly unroll: number;
  /** The sum with a product added. Default: multiply, then add, each rounded. */
  readonly add?: (sum: V128, x: V128, w: V128) => V128;
}

export const tiles =
  ({ rows, vectors, unroll, add = (sum, x, w) => f32x4.add(sum, f32x4.mul(x, w)) }: TileShape) =>
  (m: ModuleBuilder): void => {
    const [A, B] = [4 * rows, 16 * vectors]; // bytes of one step of k, in a tile and in a panel
    m.func("product", { a: "i32", b: "i32", c: "i32", M: "i32", K: "i32", N: "i32", columns: "i32" }, (p, locals) => {
      const [panel, tile, x, w, end, to] = locals("i32", 6);
      const sums = Array.from({ length: rows }, () => locals("v128", vectors));
      const weights = locals("v128", vectors);
      const [value] = locals("v128");
      return [
        forRange(panel, 0, i32.div_u(p.columns, 4 * vectors), 1, () => [
          x.set(p.a),
          to.set(i32.add(p.c, i32.mul(panel, B))),
          forRange(tile, 0, i32.div_u(p.M, rows), 1, () => [
            w.set(i32.add(p.b, i32.mul(i32.mul(panel, p.K), B))),
            end.set(i32.add(w, i32.mul(p.K, B))),
            ...sums.flat().map((sum) => sum.set(f32x4.const(0))),
            until(w, end, () => [
              ...Array.from({ length: unroll }, (_, u) => [
                ...weights.map((weight, j) => weight.set(v128.load(w, u * B + 16 * j))),
                ...sums.flatMap((row, i) => [
                  value.set(v128.load32_splat(x, u * A + 4 * i)),
                  ...row.map((sum, j) => sum.set(add(sum, value, weights[j]))),
                ]),
              ]).flat(),
              advance(x, unroll * A),
              advance(w, unroll * B),
            ]),
            ...sums.flatMap((row) => [
              ...row.map((sum, j) => v128.store(to, sum, 16 * j)),
              advance(to, i32.mul(p.N, 4)),
            ]),
          ]),
        ]),
      ];
    });
  };
