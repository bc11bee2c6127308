import {
  brIf,
  call,
  type Func,
  f32,
  f32x4,
  forRange,
  i32,
  type Local,
  loop,
  type Statement,
  v128,
  when,
} from "./asm.ts";
import type { ModuleBuilder } from "./module-builder.ts";

/** A register tile: rows of x times vectors of four output columns. */
export interface Tile {
  readonly rows: number;
  readonly vectors: number;
}

/** Products summed in one chain before they are added to the total: part of the numerics version (docs/kernels.md). */
export const K_BLOCK = 256;

/** Steps of k in one turn of the tile's loop: 4 instead of 8 cost 3 %, 2 cost 8 % (Zen 4, Node 24). */
const UNROLL = 8;

/** Rows are split into as few tiles as will do, of heights that differ by one at most. */
export interface Heights {
  readonly most: number;
  /** Calls `each` for every row tile of T rows, with `height` set; between them `each` moves its own pointers. */
  forTiles(
    T: Local<"i32">,
    local: () => Local<"i32">,
    each: (height: Local<"i32">) => readonly Statement[],
  ): readonly Statement[];
}

export function tileHeights(most: number): Heights {
  return {
    most,
    forTiles(T, local, each) {
      const [tiles, low, higher, t, height] = [local(), local(), local(), local(), local()];
      return [
        tiles.set(i32.div_u(i32.add(T, most - 1), most)),
        low.set(i32.div_u(T, tiles)),
        higher.set(i32.rem_u(T, tiles)),
        forRange(t, 0, tiles, 1, () => [height.set(i32.add(low, i32.lt_u(t, higher))), ...each(height)]),
      ];
    },
  };
}

/** packRows(to, x, stride, T, K): T rows of K floats, `stride` bytes apart, into the packed layout. */
export function packRows(m: ModuleBuilder, heights: Heights): Func {
  const params = { to: "i32", x: "i32", stride: "i32", T: "i32", K: "i32" } as const;
  return m.func("packRows", params, (p, local) => {
    const int = () => local("i32");
    const [k, block, row, end, i, to, from] = [int(), int(), int(), int(), int(), int(), int()];
    return [
      p.K.set(i32.mul(p.K, 4)),
      forRange(k, 0, p.K, 4 * K_BLOCK, () => [
        block.set(i32.sub(p.K, k)),
        when(i32.lt_u(4 * K_BLOCK, block), () => [block.set(4 * K_BLOCK)]),
        row.set(i32.add(p.x, k)),
        ...heights.forTiles(p.T, int, (height) => [
          end.set(i32.add(p.to, i32.mul(height, 4))),
          forRange(p.to, p.to, end, 4, () => [
            to.set(p.to),
            from.set(i32.add(row, block)),
            forRange(i, row, from, 4, () => [f32.store(to, f32.load(i)), to.set(i32.add(to, i32.mul(height, 4)))]),
            row.set(i32.add(row, p.stride)),
          ]),
          p.to.set(i32.add(p.to, i32.mul(height, i32.sub(block, 4)))),
        ]),
      ]),
    ];
  });
}

/**
 * product(sums, x, panel, bias, T, K): sums[t][j] = bias[j] + the K-blocks' sums in order, for one panel of P columns; x and the panel
 * packed. sums is [T, P].
 *
 * Why one panel at a time with all rows: the panel's K-block (8 KB for 8 columns) and the sums stay in the first-level cache, the rows
 * stream from the second, and every weight is read from memory once, in order.
 */
export function packedProduct(m: ModuleBuilder, tile: Tile, heights: Heights): Func {
  const tiles = Array.from({ length: tile.rows }, (_, i) => registerTile(m, i + 1, tile.vectors));
  const width = 16 * tile.vectors;
  const params = { sums: "i32", x: "i32", panel: "i32", bias: "i32", T: "i32", K: "i32" } as const;
  return m.func("product", params, (p, local) => {
    const int = () => local("i32");
    const [k, block, at, end] = [int(), int(), int(), int()];
    const bias = Array.from({ length: tile.vectors }, () => local("v128"));
    return [
      ...bias.map((b, j) => b.set(v128.load(p.bias, 16 * j))),
      end.set(i32.add(p.sums, i32.mul(p.T, width))),
      forRange(at, p.sums, end, width, () => bias.map((b, j) => v128.store(at, b, 16 * j))),
      forRange(k, 0, p.K, K_BLOCK, () => [
        block.set(i32.sub(p.K, k)),
        when(i32.lt_u(K_BLOCK, block), () => [block.set(K_BLOCK)]),
        at.set(p.sums),
        ...heights.forTiles(p.T, int, (height) => [
          ...tiles.map((f, i) => when(i32.eq(height, i + 1), () => [call(f, at, p.x, p.panel, block)])),
          at.set(i32.add(at, i32.mul(height, width))),
          p.x.set(i32.add(p.x, i32.mul(height, i32.mul(block, 4)))),
        ]),
        p.panel.set(i32.add(p.panel, i32.mul(block, width))),
      ]),
    ];
  });
}

/** tileH(sums, x, w, k): adds k products to a tile of `height` rows: each a chain from zero, then added to what stands in sums. */
function registerTile(m: ModuleBuilder, height: number, vectors: number): Func {
  const width = 16 * vectors;
  return m.func(`tile${height}`, { sums: "i32", x: "i32", w: "i32", k: "i32" }, (p, local) => {
    const acc = Array.from({ length: height }, () => Array.from({ length: vectors }, () => local("v128")));
    const w = Array.from({ length: vectors }, () => local("v128"));
    const x = local("v128");
    const end = local("i32");
    const steps = (count: number): readonly Statement[] => [
      ...Array.from({ length: count }, (_, u) => [
        ...w.map((v, j) => v.set(v128.load(p.w, u * width + 16 * j))),
        ...acc.flatMap((row, i) => [
          x.set(v128.load32_splat(p.x, 4 * (u * height + i))),
          ...row.map((a, j) => a.set(f32x4.add(a, f32x4.mul(x, w[j])))),
        ]),
      ]).flat(),
      p.x.set(i32.add(p.x, 4 * height * count)),
      p.w.set(i32.add(p.w, width * count)),
    ];
    const whole = i32.mul(i32.div_u(p.k, UNROLL), UNROLL * width);
    return [
      end.set(i32.add(p.w, whole)),
      when(i32.ne(p.w, end), () => [loop((again) => [...steps(UNROLL), brIf(again, i32.ne(p.w, end))])]),
      end.set(i32.add(p.w, i32.mul(i32.rem_u(p.k, UNROLL), width))),
      when(i32.ne(p.w, end), () => [loop((again) => [...steps(1), brIf(again, i32.ne(p.w, end))])]),
      // All loads and sums first, then all stores: mixed, V8 would not pair 128-bit operations into 256-bit ones anywhere here.
      ...acc.flatMap((row, i) => row.map((a, j) => a.set(f32x4.add(v128.load(p.sums, i * width + 16 * j), a)))),
      ...acc.flatMap((row, i) => row.map((a, j) => v128.store(p.sums, a, i * width + 16 * j))),
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
