import { advance, call, type Func, f32, forRange, i32, type Statement, until, when } from "./asm.ts";
import type { ModuleBuilder } from "./module-builder.ts";
import { rowTiles, type Tile } from "./row-tiles.ts";
import { bytesOf, choose, forBlocks, whole } from "./steps.ts";

/**
 * packRows(to, x, stride, T, K, share, shares): T rows of K floats, `stride` bytes apart, into the packed layout: the tiles whose turn it is
 * when `shares` threads take turns and this is number `share`.
 */
export function packRows(m: ModuleBuilder, tile: Tile): Func {
  const packers = Array.from({ length: tile.rows }, (_, i) => packTile(m, i + 1));
  const params = { to: "i32", x: "i32", stride: "i32", T: "i32", K: "i32", share: "i32", shares: "i32" } as const;
  return m.func("packRows", params, (p, locals) => {
    const [k, block, from, turn] = locals("i32", 4);
    const rows = rowTiles(p.T, tile, locals);
    return [
      ...rows.split,
      forBlocks(k, block, p.K, () => [
        from.set(i32.add(p.x, bytesOf(k))),
        ...rows.each((height) => [
          when(i32.eq(i32.rem_u(turn, p.shares), p.share), () =>
            choose(
              height,
              packers.map((f) => call(f, p.to, from, p.stride, block)),
            ),
          ),
          advance(turn, 1),
          advance(from, i32.mul(height, p.stride)),
          advance(p.to, i32.mul(height, bytesOf(block))),
        ]),
      ]),
    ];
  });
}

/** packH(to, from, stride, k): `height` rows of k floats side by side, [k][height]. */
function packTile(m: ModuleBuilder, height: number): Func {
  return m.func(`pack${height}`, { to: "i32", from: "i32", stride: "i32", k: "i32" }, (p, locals) => {
    const rows = locals("i32", height);
    const [end] = locals("i32");
    const steps = (count: number): readonly Statement[] => [
      ...Array.from({ length: count }, (_, u) =>
        rows.map((row, i) => f32.store(p.to, f32.load(row, 4 * u), 4 * (u * height + i))),
      ).flat(),
      ...rows.map((row) => advance(row, 4 * count)),
      advance(p.to, 4 * height * count),
    ];
    return [
      ...rows.map((row, i) => row.set(i === 0 ? p.from : i32.add(rows[i - 1], p.stride))),
      end.set(i32.add(p.from, whole(p.k, 4, 16))),
      until(rows[0], end, () => steps(4)),
      end.set(i32.add(p.from, bytesOf(p.k))),
      until(rows[0], end, () => steps(1)),
    ];
  });
}

/**
 * transpose(to, from, stride, rows, K): up to P rows of K floats, `stride` bytes apart, into one panel [K][P]. Lanes past `rows` are left
 * as they are.
 */
export function transpose(m: ModuleBuilder, panel: number): Func {
  const params = { to: "i32", from: "i32", stride: "i32", rows: "i32", K: "i32" } as const;
  return m.func("transpose", params, (p, locals) => {
    const [row, k, to, end] = locals("i32", 4);
    return [
      forRange(row, 0, p.rows, 1, () => [
        to.set(i32.add(p.to, bytesOf(row))),
        end.set(i32.add(p.from, bytesOf(p.K))),
        forRange(k, p.from, end, 4, () => [f32.store(to, f32.load(k)), advance(to, panel)]),
        advance(p.from, p.stride),
      ]),
    ];
  });
}
