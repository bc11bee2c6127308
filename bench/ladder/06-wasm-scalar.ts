import { advance, type F32, f32, forRange, i32, until } from "../../src/kernels/wasm/asm.ts";
import { op } from "../../src/kernels/wasm/encoding.ts";
import type { ModuleBuilder } from "../../src/kernels/wasm/module-builder.ts";
import { inWasm } from "./in-wasm.ts";
import type { Rung } from "./rung.ts";

/** The engine's own kernels have no use for it. */
const mul = op(0x94) as (a: F32, b: F32) => F32;

const [ROWS, COLUMNS] = [3, 4];

/** The tiles of the rung before, 3 x 4, in WebAssembly, with float32 from end to end: nothing is widened, and no index is looked at twice. */
export const wasmScalar: Rung = {
  name: "WebAssembly, scalar",
  idea: "float32 arithmetic, no checks, no conversions",
  make: (b, sizes) => inWasm(b, sizes, { rows: ROWS, columns: COLUMNS }, product),
};

function product(m: ModuleBuilder): void {
  m.func("product", { a: "i32", b: "i32", c: "i32", M: "i32", K: "i32", N: "i32", columns: "i32" }, (p, locals) => {
    const [panel, tile, x, w, end, to] = locals("i32", 6);
    const sums = Array.from({ length: ROWS }, () => locals("f32", COLUMNS));
    const weights = locals("f32", COLUMNS);
    const [value] = locals("f32");
    const bytes = i32.mul(p.K, 4);
    return [
      forRange(panel, 0, i32.div_u(p.columns, COLUMNS), 1, () => [
        x.set(p.a),
        to.set(i32.add(p.c, i32.mul(panel, 4 * COLUMNS))),
        forRange(tile, 0, i32.div_u(p.M, ROWS), 1, () => [
          w.set(i32.add(p.b, i32.mul(i32.mul(panel, bytes), COLUMNS))),
          end.set(i32.add(w, i32.mul(bytes, COLUMNS))),
          ...sums.flat().map((sum) => sum.set(f32.const(0))),
          until(w, end, () => [
            ...weights.map((weight, j) => weight.set(f32.load(w, 4 * j))),
            ...sums.flatMap((row, i) => [
              value.set(f32.load(x, 4 * i)),
              ...row.map((sum, j) => sum.set(f32.add(sum, mul(value, weights[j])))),
            ]),
            advance(x, 4 * ROWS),
            advance(w, 4 * COLUMNS),
          ]),
          ...sums.flatMap((row) => [...row.map((sum, j) => f32.store(to, sum, 4 * j)), advance(to, i32.mul(p.N, 4))]),
        ]),
      ]),
    ];
  });
}
