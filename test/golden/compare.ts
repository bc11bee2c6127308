/** Compares every element. The checker of the golden tests, itself tested in compare.test.ts. */

/** The element that is furthest from what it should be. */
export interface Worst {
  /** |got - want|, divided by the scale of its row where there is one. */
  readonly error: number;
  /** Where it is, flat; -1 if there was nothing to compare. */
  readonly at: number;
  readonly got: number;
  readonly want: number;
}

const NOTHING: Worst = { error: 0, at: -1, got: 0, want: 0 };

export interface CompareOptions {
  /** Names the thing in messages: `plain, "잠이 옵니다", layer 1`. */
  readonly what?: string;
  /** Shape, outermost first; says where a cell is, and what a row is. Default: one row. */
  readonly shape?: readonly number[];
  /** Errors relative to the largest |want| in their row (last axis), for models with outlier channels. Default false. */
  readonly relativeToRow?: boolean;
}

/** The worst element. Throws where lengths differ or anything is not a finite number: no error is larger than those. */
export function worstOf(got: ArrayLike<number>, want: ArrayLike<number>, options: CompareOptions = {}): Worst {
  const what = options.what ?? "values";
  const shape = options.shape ?? [want.length];
  if (shape.reduce((n, d) => n * d, 1) !== want.length)
    throw new Error(`${what}: ${want.length} numbers cannot have the shape [${shape}]`);
  if (got.length !== want.length) throw new Error(`${what}: ${got.length} numbers, not ${want.length}`);
  const width = shape.length === 0 ? 1 : shape[shape.length - 1];
  let worst = NOTHING;
  let scale = 1;
  for (let i = 0; i < want.length; i++) {
    if (options.relativeToRow && i % width === 0) scale = largest(want, i, i + width);
    if (!Number.isFinite(got[i]) || !Number.isFinite(want[i])) {
      throw new Error(`${what}: ${got[i]} where ${want[i]} belongs, at ${place(i, shape)}`);
    }
    const error = Math.abs(got[i] - want[i]) / scale;
    if (error > worst.error || worst.at < 0) worst = { error, at: i, got: got[i], want: want[i] };
  }
  return worst;
}

/** As `worstOf`, and throws with the worst cell if it is further off than `bound`. */
export function compare(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  bound: number,
  options: CompareOptions = {},
): Worst {
  if (!(bound >= 0)) throw new Error(`a bound of ${bound} compares nothing`);
  const worst = worstOf(got, want, options);
  if (worst.error > bound) {
    throw new Error(
      `${options.what ?? "values"}: ${worst.got} is not ${worst.want}, off by ${worst.error.toExponential(3)}` +
        `${options.relativeToRow ? " of the row's largest" : ""} (at most ${bound.toExponential(3)}), at ${place(worst.at, options.shape)}`,
    );
  }
  return worst;
}

/** The larger of two. */
export function worse(a: Worst, b: Worst): Worst {
  return b.error > a.error || a.at < 0 ? b : a;
}

/** Largest |want| of a row; 1 where all are zero, so that the error stays absolute. */
function largest(want: ArrayLike<number>, start: number, end: number): number {
  let max = 0;
  for (let i = start; i < end; i++) max = Math.max(max, Math.abs(want[i]));
  return max === 0 ? 1 : max;
}

/** 17 of [2, 3, 4] is [1, 1, 1]. */
function place(at: number, shape: readonly number[] | undefined): string {
  if (at < 0 || shape === undefined || shape.length < 2) return `[${at}]`;
  const out: number[] = [];
  let rest = at;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    out.unshift(rest % shape[axis]);
    rest = Math.floor(rest / shape[axis]);
  }
  return `[${out}]`;
}
