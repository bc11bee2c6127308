import { PAIRS_FROM } from "../layout.ts";
import type { ModuleBuilder } from "../module-builder.ts";
import { rowTiles, type Tile } from "../row-tiles.ts";
import { choose, whole } from "../steps.ts";
import { registerTile, type Sums, type TileParams } from "../tile.ts";
import {
  advance,
  call,
  type Func,
  f32x4,
  forRange,
  type I32,
  i32,
  i32x4,
  type Local,
  type Statement,
  v128,
  when,
} from "./asm.ts";
import { type Dot, dots } from "./dots.ts";
import { kOf, ROW_BYTES } from "./layout.ts";

/**
 * product8(to, x, rows, group, columns, T, K, panels): to[panel][t][j] = (float(Σ q·u - z·sum) · s) · scale + bias, for the panels of one
 * group; x, its scales, the group and its columns in the layout of layout.ts. `to` is [panels, T, P].
 */
export function wholeProduct(m: ModuleBuilder, tile: Tile, dot: Dot, width: 128 | 256): Func {
  /** As with float32: below, the hardware keeps ahead by itself. */
  const READ_AHEAD_FROM = 13;
  const tilesOf = (rows: number, panels: number): Func[] =>
    Array.from({ length: rows }, (_, i) =>
      registerTile(m, `dots${i + 1}x${panels}`, i + 1, panels, tile, dots(dot, tile, width), (sums, p, locals) =>
        scaled(sums, p, tile, locals("v128", 3)),
      ),
    );
  const singles = tilesOf(tile.rows, 1);
  const pairs = tilesOf(tile.rowsOfPairs ?? 0, 2);
  const panelFloats = 16 * tile.vectors;
  const params = {
    to: "i32",
    x: "i32",
    rows: "i32",
    group: "i32",
    columns: "i32",
    T: "i32",
    K: "i32",
    panels: "i32",
  } as const;
  return m.func("product8", params, (p, locals) => {
    const [panel, x, row, at, bytes, size, ahead, step, even, steps] = locals("i32", 10);
    const rows = rowTiles(p.T, tile, locals);
    /** One or two panels, all rows. */
    const pass = (tiles: readonly Func[], panels: number): readonly Statement[] => [
      x.set(p.x),
      row.set(p.rows),
      at.set(p.to),
      ahead.set(p.group),
      step.set(0),
      when(i32.ge_u(p.T, READ_AHEAD_FROM), () => [
        when(i32.ge_u(p.panels, i32.add(panel, 2 * panels)), () => [
          ahead.set(i32.add(p.group, i32.mul(bytes, panels))),
          step.set(i32.div_u(tile.unroll * kOf(dot) * 4 * tile.vectors * panels, rows.count)),
        ]),
      ]),
      ...rows.each((height) => [
        ...choose(
          height,
          tiles.map((f) => call(f, at, size, x, p.group, bytes, steps, ahead, step, row, p.columns)),
        ),
        advance(at, i32.mul(height, panelFloats)),
        advance(x, i32.mul(i32.mul(height, 4), steps)),
        advance(row, i32.mul(height, ROW_BYTES)),
        advance(ahead, i32.mul(i32.div_u(steps, tile.unroll), step)),
      ]),
      advance(p.to, i32.mul(size, panels)),
      advance(p.group, i32.mul(bytes, panels)),
      advance(p.columns, 3 * panelFloats * panels),
    ];
    return [
      ...rows.split,
      steps.set(i32.mul(i32.div_u(i32.add(p.K, 3), 4), 4 / kOf(dot))),
      size.set(i32.mul(p.T, panelFloats)),
      bytes.set(i32.mul(steps, kOf(dot) * 4 * tile.vectors)),
      when(pairs.length === 0 ? 0 : i32.ge_u(p.T, PAIRS_FROM), () => [
        even.set(whole(p.panels, 2, 2)),
        forRange(panel, 0, even, 2, () => pass(pairs, 2)),
      ]),
      forRange(panel, panel, p.panels, 1, () => pass(singles, 1)),
    ];
  });
}

/** Sums of whole numbers to floats: less what the zero point has brought in, times the row's scale and the column's, plus the bias. */
function scaled(
  { to, acc, vectorOf, panelOf }: Sums,
  p: TileParams,
  { vectors }: Tile,
  [s, z]: readonly Local<"v128">[],
): readonly Statement[] {
  /** A vector of the column's numbers: 0 their scales, 1 their sums, 2 their biases. */
  const column = (j: number, which: number) =>
    v128.load(p.columns, 16 * (vectors * (3 * panelOf(j) + which) + vectorOf(j)));
  const each = (i: number, visit: (sum: Local<"v128">, j: number) => Statement): readonly Statement[] =>
    acc[i].map(visit);
  return acc.flatMap((_, i) => [
    s.set(v128.load32_splat(p.rows, ROW_BYTES * i)),
    z.set(v128.load32_splat(p.rows, ROW_BYTES * i + 4)),
    ...each(i, (sum, j) => sum.set(f32x4.convert_i32x4_s(i32x4.sub(sum, i32x4.mul(z, column(j, 1)))))),
    ...each(i, (sum, j) => sum.set(f32x4.add(f32x4.mul(f32x4.mul(sum, s), column(j, 0)), column(j, 2)))),
    ...each(i, (sum, j) => v128.store(to[panelOf(j)] as I32, sum, 16 * (i * vectors + vectorOf(j)))),
  ]);
}
