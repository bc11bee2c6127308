import { brIf, call, drop, type Func, f32x4, forRange, i32, loop, type Statement, v128, when } from "./asm.ts";
import { K_BLOCK } from "./layout.ts";
import type { ModuleBuilder } from "./module-builder.ts";
import { MANY_ROWS, rowTiles, type Tile } from "./row-tiles.ts";

/**
 * product(sums, x, group, bias, T, K, panels): sums[panel][t][j] = bias[j] + the K-blocks' sums in order, for the panels of one group; x
 * and the group packed. sums is [panels, T, P].
 *
 * Why K-blocks outside and panels inside: ten rows of one K-block (10 KB) stay in the first-level cache while the weights of the whole
 * group stream past them. The other way round the stream pushes them out, and a sentence of ten tokens takes 1.5 times as long (Zen 5).
 *
 * Why the tiles read ahead: with many rows a panel is read once and used for long, and the hardware's prefetching has stopped by the time
 * the next one is wanted. One load a turn of the loop, spread over all row tiles, keeps it going: 59 instead of 53 GFLOP/s at 60 rows,
 * nothing at 250. At ten rows it does harm (41 instead of 53).
 */
export function packedProduct(m: ModuleBuilder, tile: Tile): Func {
  const tilesOf = (rows: number, panels: number): Func[] =>
    Array.from({ length: rows }, (_, i) => registerTile(m, i + 1, panels, tile));
  const singles = tilesOf(tile.rows, 1);
  const pairs = tilesOf(tile.rowsOfPairs ?? 0, 2);
  const width = 16 * tile.vectors;
  const params = { sums: "i32", x: "i32", group: "i32", bias: "i32", T: "i32", K: "i32", panels: "i32" } as const;
  return m.func("product", params, (p, local) => {
    const int = () => local("i32");
    const [k, block, at, end, panel, x] = [int(), int(), int(), int(), int(), int()];
    const [bytes, size, ahead, step, even] = [int(), int(), int(), int(), int()];
    const rows = rowTiles(p.T, tile, int);
    const bias = Array.from({ length: tile.vectors }, () => local("v128"));
    /** One or two panels, all rows. */
    const pass = (tiles: readonly Func[], panels: number): readonly Statement[] => [
      x.set(p.x),
      // What comes next in memory, if it is of this group.
      ahead.set(p.group),
      step.set(0),
      when(i32.ge_u(p.T, MANY_ROWS), () => [
        when(i32.ge_u(p.panels, i32.add(panel, 2 * panels)), () => [
          ahead.set(i32.add(p.group, i32.mul(bytes, panels))),
          // So many bytes a turn that all turns of all row tiles together pass over it, and do not leave it.
          step.set(i32.div_u(tile.unroll * width * panels, rows.count)),
        ]),
      ]),
      ...rows.each((height) => [
        ...tiles.map((f, i) =>
          when(i32.eq(height, i + 1), () => [call(f, at, size, x, p.group, bytes, block, ahead, step)]),
        ),
        at.set(i32.add(at, i32.mul(height, width))),
        x.set(i32.add(x, i32.mul(height, i32.mul(block, 4)))),
        ahead.set(i32.add(ahead, i32.mul(i32.div_u(block, tile.unroll), step))),
      ]),
      at.set(i32.add(at, i32.mul(size, panels - 1))),
      p.group.set(i32.add(p.group, i32.mul(bytes, panels))),
    ];
    return [
      ...rows.split,
      size.set(i32.mul(p.T, width)),
      at.set(p.sums),
      forRange(panel, 0, p.panels, 1, () => [
        ...bias.map((b, j) => b.set(v128.load(p.bias, 16 * j))),
        end.set(i32.add(at, size)),
        forRange(at, at, end, width, () => bias.map((b, j) => v128.store(at, b, 16 * j))),
        p.bias.set(i32.add(p.bias, width)),
      ]),
      forRange(k, 0, p.K, K_BLOCK, () => [
        block.set(i32.sub(p.K, k)),
        when(i32.lt_u(K_BLOCK, block), () => [block.set(K_BLOCK)]),
        bytes.set(i32.mul(block, width)),
        at.set(p.sums),
        panel.set(0),
        ...(pairs.length === 0
          ? []
          : [
              when(i32.ge_u(p.T, MANY_ROWS), () => [
                even.set(i32.mul(i32.div_u(p.panels, 2), 2)),
                forRange(panel, 0, even, 2, () => pass(pairs, 2)),
              ]),
            ]),
        forRange(panel, panel, p.panels, 1, () => pass(singles, 1)),
        p.x.set(x),
      ]),
    ];
  });
}

/**
 * tileHxN(sums, size, x, w, bytes, k, ahead, step): adds k products to a tile of H rows and N panels: each a chain from zero, then added to
 * what stands in sums. The panels' sums are `size` bytes apart, their weights `bytes`. Every turn of the loop also reads a number at `ahead`,
 * which goes on by `step` bytes.
 */
function registerTile(m: ModuleBuilder, height: number, panels: number, tile: Tile): Func {
  const width = 16 * tile.vectors;
  const params = {
    sums: "i32",
    size: "i32",
    x: "i32",
    w: "i32",
    bytes: "i32",
    k: "i32",
    ahead: "i32",
    step: "i32",
  } as const;
  return m.func(`tile${height}x${panels}`, params, (p, local) => {
    const columns = panels * tile.vectors;
    const acc = Array.from({ length: height }, () => Array.from({ length: columns }, () => local("v128")));
    const w = Array.from({ length: columns }, () => local("v128"));
    const x = local("v128");
    const end = local("i32");
    const [sums, weights] = [p.sums, p.w].map((first) => [
      first,
      ...Array.from({ length: panels - 1 }, () => local("i32")),
    ]);
    const panelOf = (j: number): number => Math.floor(j / tile.vectors);
    const inPanel = (j: number): number => 16 * (j % tile.vectors);
    const steps = (count: number): readonly Statement[] => [
      ...Array.from({ length: count }, (_, u) => [
        ...w.map((v, j) => v.set(v128.load(weights[panelOf(j)], u * width + inPanel(j)))),
        ...acc.flatMap((row, i) => [
          x.set(v128.load32_splat(p.x, 4 * (u * height + i))),
          ...row.map((a, j) => a.set(tile.fused ? f32x4.relaxed_madd(x, w[j], a) : f32x4.add(a, f32x4.mul(x, w[j])))),
        ]),
      ]).flat(),
      p.x.set(i32.add(p.x, 4 * height * count)),
      ...weights.map((at) => at.set(i32.add(at, width * count))),
    ];
    const readAhead = [drop(i32.load(p.ahead)), p.ahead.set(i32.add(p.ahead, p.step))];
    const { unroll } = tile;
    const whole = i32.mul(i32.div_u(p.k, unroll), unroll * width);
    return [
      ...sums.slice(1).map((at, i) => at.set(i32.add(sums[i], p.size))),
      ...weights.slice(1).map((at, i) => at.set(i32.add(weights[i], p.bytes))),
      end.set(i32.add(p.w, whole)),
      when(i32.ne(p.w, end), () => [loop((again) => [...readAhead, ...steps(unroll), brIf(again, i32.ne(p.w, end))])]),
      end.set(i32.add(p.w, i32.mul(i32.rem_u(p.k, unroll), width))),
      when(i32.ne(p.w, end), () => [loop((again) => [...steps(1), brIf(again, i32.ne(p.w, end))])]),
      // All loads and sums first, then all stores: mixed, V8 would not pair 128-bit operations into 256-bit ones anywhere here.
      ...acc.flatMap((row, i) =>
        row.map((a, j) => a.set(f32x4.add(v128.load(sums[panelOf(j)], i * width + inPanel(j)), a))),
      ),
      ...acc.flatMap((row, i) => row.map((a, j) => v128.store(sums[panelOf(j)], a, i * width + inPanel(j)))),
    ];
  });
}
