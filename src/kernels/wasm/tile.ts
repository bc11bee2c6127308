import { advance, drop, type Func, type I32, i32, type Local, type Statement, until, type V128, v128 } from "./asm.ts";
import type { ModuleBuilder, NewLocals } from "./module-builder.ts";
import type { Tile } from "./row-tiles.ts";
import { whole } from "./steps.ts";

/** What a tile computes with: how the numbers of one step of the loop lie in memory, and how they become part of the sums. */
export interface Arithmetic {
  /** Bytes of one panel's weights in a step. A row's numbers of a step are four bytes, whatever they are. */
  readonly stepBytes: number;
  /** Before the loop. */
  readonly setUp: readonly Statement[];
  /** Reads one panel's weights of a step, `offset` behind the address; `spare` may be used. */
  weights(w: readonly Local<"v128">[], at: I32, offset: number, spare: Local<"v128">): readonly Statement[];
  /** The sum with a step's products added; `x` is the row's numbers, four times. */
  add(sum: V128, x: V128, w: V128): V128;
}

/** A tile's sums at the end of the loop, as locals, and where its results belong. */
export interface Sums {
  /** Results of a panel: rows of 4 · vectors floats, one behind the other. [panels] */
  readonly to: readonly I32[];
  /** [rows][panels · vectors] */
  readonly acc: readonly (readonly Local<"v128">[])[];
  /** The vector of a panel, and the panel, of column j of `acc`. */
  readonly vectorOf: (j: number) => number;
  readonly panelOf: (j: number) => number;
}

/** The parameters that all tiles have. */
export const TILE_PARAMS = {
  to: "i32",
  size: "i32",
  x: "i32",
  w: "i32",
  bytes: "i32",
  steps: "i32",
  ahead: "i32",
  step: "i32",
  rows: "i32",
  columns: "i32",
} as const;

export type TileParams = Readonly<Record<keyof typeof TILE_PARAMS, Local<"i32">>>;

/**
 * name(to, size, x, w, bytes, steps, ahead, step, rows, columns): a tile of `height` rows and so many panels: sums of products that begin at
 * zero, and what `finish` makes of them. Results of two panels are `size` bytes apart, their weights `bytes`. Every turn of the loop also reads
 * a number at `ahead`, which goes on by `step` bytes. What `rows` and `columns` point to is for `finish` to know.
 */
export function registerTile(
  m: ModuleBuilder,
  name: string,
  height: number,
  panels: number,
  tile: Tile,
  arithmeticIn: (locals: NewLocals) => Arithmetic,
  finish: (sums: Sums, p: TileParams, locals: NewLocals) => readonly Statement[],
): Func {
  const { unroll, vectors } = tile;
  return m.func(name, TILE_PARAMS, (p, locals) => {
    const acc = Array.from({ length: height }, () => locals("v128", panels * vectors));
    const w = locals("v128", panels * vectors);
    const [x] = locals("v128");
    const [end] = locals("i32");
    const to = [p.to, ...locals("i32", panels - 1)];
    const weights = [p.w, ...locals("i32", panels - 1)];
    const arithmetic = arithmeticIn(locals);
    const { stepBytes } = arithmetic;
    const steps = (count: number): readonly Statement[] => [
      ...Array.from({ length: count }, (_, u) => [
        ...weights.flatMap((at, panel) =>
          arithmetic.weights(w.slice(panel * vectors, (panel + 1) * vectors), at, u * stepBytes, x),
        ),
        ...acc.flatMap((row, i) => [
          x.set(v128.load32_splat(p.x, 4 * (u * height + i))),
          ...row.map((sum, j) => sum.set(arithmetic.add(sum, x, w[j]))),
        ]),
      ]).flat(),
      advance(p.x, 4 * height * count),
      ...weights.map((at) => advance(at, stepBytes * count)),
    ];
    const readAhead = [drop(i32.load(p.ahead)), advance(p.ahead, p.step)];
    const sums: Sums = { to, acc, vectorOf: (j) => j % vectors, panelOf: (j) => Math.floor(j / vectors) };
    return [
      ...to.slice(1).map((at, i) => at.set(i32.add(to[i], p.size))),
      ...weights.slice(1).map((at, i) => at.set(i32.add(weights[i], p.bytes))),
      ...arithmetic.setUp,
      end.set(i32.add(p.w, whole(p.steps, unroll, unroll * stepBytes))),
      until(p.w, end, () => [...readAhead, ...steps(unroll)]),
      end.set(i32.add(p.w, i32.mul(i32.rem_u(p.steps, unroll), stepBytes))),
      until(p.w, end, () => steps(1)),
      ...finish(sums, p, locals),
    ];
  });
}
