import {
  advance,
  call,
  type Func,
  f32x4,
  forRange,
  type I32,
  i32,
  type Local,
  type Statement,
  v128,
  when,
} from "./asm.ts";
import { PAIRS_FROM } from "./layout.ts";
import type { ModuleBuilder } from "./module-builder.ts";
import { rowTiles, type Tile } from "./row-tiles.ts";
import { bytesOf, choose, forBlocks, whole } from "./steps.ts";
import { type Arithmetic, registerTile, type Sums } from "./tile.ts";

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
  /** Rows from which the tiles read ahead. Below, the weights are read fast enough for the hardware to keep ahead by itself. */
  const READ_AHEAD_FROM = 11;
  const tilesOf = (rows: number, panels: number): Func[] =>
    Array.from({ length: rows }, (_, i) =>
      registerTile(
        m,
        `tile${i + 1}x${panels}`,
        i + 1,
        panels,
        tile,
        () => floats(tile),
        (sums) => addUp(sums, tile),
      ),
    );
  const singles = tilesOf(tile.rows, 1);
  const pairs = tilesOf(tile.rowsOfPairs ?? 0, 2);
  const width = 16 * tile.vectors;
  const params = { sums: "i32", x: "i32", group: "i32", bias: "i32", T: "i32", K: "i32", panels: "i32" } as const;
  return m.func("product", params, (p, locals) => {
    const [k, block, at, end, panel, x, bytes, size, ahead, step, even] = locals("i32", 11);
    const rows = rowTiles(p.T, tile, locals);
    const bias = locals("v128", tile.vectors);
    /** One or two panels, all rows. */
    const pass = (tiles: readonly Func[], panels: number): readonly Statement[] => [
      x.set(p.x),
      // What comes next in memory, if it is of this group.
      ahead.set(p.group),
      step.set(0),
      when(i32.ge_u(p.T, READ_AHEAD_FROM), () => [
        when(i32.ge_u(p.panels, i32.add(panel, 2 * panels)), () => [
          ahead.set(i32.add(p.group, i32.mul(bytes, panels))),
          // So many bytes a turn that all turns of all row tiles together pass over it, and do not leave it.
          step.set(i32.div_u(tile.unroll * width * panels, rows.count)),
        ]),
      ]),
      ...rows.each((height) => [
        ...choose(
          height,
          tiles.map((f) => call(f, at, size, x, p.group, bytes, block, ahead, step, 0, 0)),
        ),
        advance(at, i32.mul(height, width)),
        advance(x, i32.mul(height, bytesOf(block))),
        advance(ahead, i32.mul(i32.div_u(block, tile.unroll), step)),
      ]),
      advance(at, i32.mul(size, panels - 1)),
      advance(p.group, i32.mul(bytes, panels)),
    ];
    return [
      ...rows.split,
      size.set(i32.mul(p.T, width)),
      at.set(p.sums),
      forRange(panel, 0, p.panels, 1, () => [
        ...bias.map((b, j) => b.set(v128.load(p.bias, 16 * j))),
        end.set(i32.add(at, size)),
        forRange(at, at, end, width, () => bias.map((b, j) => v128.store(at, b, 16 * j))),
        advance(p.bias, width),
      ]),
      forBlocks(k, block, p.K, () => [
        bytes.set(i32.mul(block, width)),
        at.set(p.sums),
        panel.set(0),
        when(pairs.length === 0 ? 0 : i32.ge_u(p.T, PAIRS_FROM), () => [
          even.set(whole(p.panels, 2, 2)),
          forRange(panel, 0, even, 2, () => pass(pairs, 2)),
        ]),
        forRange(panel, panel, p.panels, 1, () => pass(singles, 1)),
        p.x.set(x),
      ]),
    ];
  });
}

/** Float32: a step is one k. Multiply, then add, each rounded; or both in one, rounded once where the machine can. */
function floats({ vectors, fused }: Tile): Arithmetic {
  return {
    stepBytes: 16 * vectors,
    setUp: [],
    weights: (w, at, offset) => w.map((v, j) => v.set(v128.load(at, offset + 16 * j))),
    add: (sum, x, w) => (fused ? f32x4.relaxed_madd(x, w, sum) : f32x4.add(sum, f32x4.mul(x, w))),
  };
}

/** Adds the chains of one K-block to what stands there. */
function addUp({ to, acc, vectorOf, panelOf }: Sums, { vectors }: Tile): readonly Statement[] {
  const each = (visit: (sum: Local<"v128">, at: I32, offset: number) => Statement): readonly Statement[] =>
    acc.flatMap((row, i) => row.map((sum, j) => visit(sum, to[panelOf(j)], 16 * (i * vectors + vectorOf(j)))));
  return [
    // All loads and sums first, then all stores: mixed, V8 would not pair 128-bit operations into 256-bit ones anywhere here.
    ...each((sum, at, offset) => sum.set(f32x4.add(v128.load(at, offset), sum))),
    ...each((sum, at, offset) => v128.store(at, sum, offset)),
  ];
}
