import { brIf, call, type Func, f32, forRange, i32, loop, type Statement, when } from "./asm.ts";
import { K_BLOCK } from "./layout.ts";
import type { ModuleBuilder } from "./module-builder.ts";
import { rowTiles, type Tile } from "./row-tiles.ts";

/**
 * packRows(to, x, stride, T, K, share, shares): T rows of K floats, `stride` bytes apart, into the packed layout: the tiles whose turn it is
 * when `shares` threads take turns and this is number `share`.
 */
export function packRows(m: ModuleBuilder, tile: Tile): Func {
  const packers = Array.from({ length: tile.rows }, (_, i) => packTile(m, i + 1));
  const params = { to: "i32", x: "i32", stride: "i32", T: "i32", K: "i32", share: "i32", shares: "i32" } as const;
  return m.func("packRows", params, (p, local) => {
    const int = () => local("i32");
    const [k, block, from, turn] = [int(), int(), int(), int()];
    const rows = rowTiles(p.T, tile, int);
    return [
      ...rows.split,
      forRange(k, 0, p.K, K_BLOCK, () => [
        block.set(i32.sub(p.K, k)),
        when(i32.lt_u(K_BLOCK, block), () => [block.set(K_BLOCK)]),
        from.set(i32.add(p.x, i32.mul(k, 4))),
        ...rows.each((height) => [
          when(i32.eq(i32.rem_u(turn, p.shares), p.share), () =>
            packers.map((f, i) => when(i32.eq(height, i + 1), () => [call(f, p.to, from, p.stride, block)])),
          ),
          turn.set(i32.add(turn, 1)),
          from.set(i32.add(from, i32.mul(height, p.stride))),
          p.to.set(i32.add(p.to, i32.mul(height, i32.mul(block, 4)))),
        ]),
      ]),
    ];
  });
}

/** packH(to, from, stride, k): `height` rows of k floats side by side, [k][height]. */
function packTile(m: ModuleBuilder, height: number): Func {
  return m.func(`pack${height}`, { to: "i32", from: "i32", stride: "i32", k: "i32" }, (p, local) => {
    const rows = Array.from({ length: height }, () => local("i32"));
    const end = local("i32");
    const steps = (count: number): readonly Statement[] => [
      ...Array.from({ length: count }, (_, u) =>
        rows.map((row, i) => f32.store(p.to, f32.load(row, 4 * u), 4 * (u * height + i))),
      ).flat(),
      ...rows.map((row) => row.set(i32.add(row, 4 * count))),
      p.to.set(i32.add(p.to, 4 * height * count)),
    ];
    const turns = (count: number): Statement =>
      when(i32.ne(rows[0], end), () => [loop((again) => [...steps(count), brIf(again, i32.ne(rows[0], end))])]);
    return [
      ...rows.map((row, i) => row.set(i === 0 ? p.from : i32.add(rows[i - 1], p.stride))),
      end.set(i32.add(p.from, i32.mul(i32.div_u(p.k, 4), 16))),
      turns(4),
      end.set(i32.add(p.from, i32.mul(p.k, 4))),
      turns(1),
    ];
  });
}

/**
 * transpose(to, from, stride, rows, K): up to P rows of K floats, `stride` bytes apart, into one panel [K][P]. Lanes past `rows` are left
 * as they are.
 */
export function transpose(m: ModuleBuilder, panel: number): Func {
  const params = { to: "i32", from: "i32", stride: "i32", rows: "i32", K: "i32" } as const;
  return m.func("transpose", params, (p, local) => {
    const [row, k, to, end] = [local("i32"), local("i32"), local("i32"), local("i32")];
    return [
      forRange(row, 0, p.rows, 1, () => [
        to.set(i32.add(p.to, i32.mul(row, 4))),
        end.set(i32.add(p.from, i32.mul(p.K, 4))),
        forRange(k, p.from, end, 4, () => [f32.store(to, f32.load(k)), to.set(i32.add(to, panel))]),
        p.from.set(i32.add(p.from, p.stride)),
      ]),
    ];
  });
}
