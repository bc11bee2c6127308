/**
 * L-BFGS: the smallest value of a smooth function of many variables. Nocedal and Wright, Numerical Optimization, 2006: algorithm 7.5, with the
 * line search 3.5 and 3.6 for the strong Wolfe conditions.
 */

/** Answers the value at `x` and fills in the gradient. */
export type Smooth = (x: Float64Array, gradient: Float64Array) => number;

export interface MinimizeOptions {
  /** Done when no element of the gradient is larger. */
  readonly tolerance: number;
  readonly maxIterations?: number;
  /**
   * Multiplies a vector, in place, by something near the inverse of the function's second derivatives, symmetric and positive: fewer steps, the
   * same minimum. Without it that is a number.
   */
  readonly precondition?: (vector: Float64Array) => void;
}

export interface Minimum {
  readonly x: Float64Array;
  readonly value: number;
  readonly iterations: number;
  /** Whether it ended before `maxIterations`. */
  readonly converged: boolean;
}

/** Pairs of steps and changes of the gradient that are kept. */
const MEMORY = 10;
/** A step must bring this share of the decrease that the slope promises, and leave at most that share of the slope. */
const DECREASE = 1e-4;
const CURVATURE = 0.9;
const TRIALS = 30;

interface Point {
  readonly step: number;
  readonly value: number;
  /** Of the value along the line. */
  readonly slope: number;
}

export function minimize(f: Smooth, start: Float64Array, options: MinimizeOptions): Minimum {
  const { tolerance, maxIterations = 1000, precondition = () => {} } = options;
  const size = start.length;
  let x = Float64Array.from(start);
  let gradient = new Float64Array(size);
  let nextX = new Float64Array(size);
  let nextGradient = new Float64Array(size);
  let value = f(x, gradient);
  const pairs: Pair[] = [];
  for (let iterations = 0; ; iterations++) {
    if (largest(gradient) <= tolerance) return { x, value, iterations, converged: true };
    if (iterations === maxIterations) return { x, value, iterations, converged: false };
    const direction = descent(gradient, pairs, precondition);
    const slope = dot(gradient, direction);
    const at = (step: number): Point => {
      for (let i = 0; i < size; i++) nextX[i] = x[i] + step * direction[i];
      return { step, value: f(nextX, nextGradient), slope: dot(nextGradient, direction) };
    };
    const first =
      pairs.length === 0 && options.precondition === undefined
        ? Math.min(1, 1 / Math.sqrt(dot(direction, direction)))
        : 1;
    const found = search(at, { step: 0, value, slope }, first);
    // No step goes further down: what is left is below the roundings of the value.
    if (found === undefined) return { x, value, iterations, converged: true };
    // The oldest pair's memory is used again: with a million variables a pair is 16 MB.
    const old = pairs.length === MEMORY ? pairs.shift() : undefined;
    const { s, y } = old ?? { s: new Float64Array(size), y: new Float64Array(size) };
    for (let i = 0; i < size; i++) {
      s[i] = nextX[i] - x[i];
      y[i] = nextGradient[i] - gradient[i];
    }
    const sy = dot(s, y);
    if (sy > 0) pairs.push({ s, y, sy });
    value = found.value;
    [x, nextX] = [nextX, x];
    [gradient, nextGradient] = [nextGradient, gradient];
  }
}

interface Pair {
  readonly s: Float64Array;
  readonly y: Float64Array;
  /** s · y */
  readonly sy: number;
}

/** The direction of algorithm 7.4, two loops over the pairs. */
function descent(
  gradient: Float64Array,
  pairs: readonly Pair[],
  precondition: (vector: Float64Array) => void,
): Float64Array {
  const direction = gradient.map((g) => -g);
  const alphas = pairs.map(() => 0);
  for (let i = pairs.length - 1; i >= 0; i--) {
    const { s, y, sy } = pairs[i];
    alphas[i] = dot(s, direction) / sy;
    add(direction, -alphas[i], y);
  }
  precondition(direction);
  const last = pairs.at(-1);
  if (last !== undefined) {
    const scaled = Float64Array.from(last.y);
    precondition(scaled);
    const scale = last.sy / dot(last.y, scaled);
    for (let i = 0; i < direction.length; i++) direction[i] *= scale;
  }
  for (const [i, { s, y, sy }] of pairs.entries()) add(direction, alphas[i] - dot(y, direction) / sy, s);
  return direction;
}

/** A step that meets the Wolfe conditions; the last call of `at` was made there. Undefined where none makes the value smaller. */
function search(at: (step: number) => Point, start: Point, first: number): Point | undefined {
  const enough = ({ step, value }: Point): boolean => value <= start.value + DECREASE * step * start.slope;
  const flat = ({ slope }: Point): boolean => Math.abs(slope) <= -CURVATURE * start.slope;
  let before = start;
  let step = first;
  for (let trial = 0; trial < TRIALS; trial++) {
    const here = at(step);
    if (!enough(here) || (trial > 0 && here.value >= before.value)) return zoom(before, here);
    if (flat(here)) return here;
    if (here.slope >= 0) return zoom(here, before);
    before = here;
    step *= 2;
  }
  return before === start ? undefined : at(before.step);

  /** Between two points, of which `low` is the better and its slope leads to the other. */
  function zoom(low: Point, high: Point): Point | undefined {
    for (let trial = 0; trial < TRIALS; trial++) {
      const here = at(between(low, high));
      if (!enough(here) || here.value >= low.value) high = here;
      else {
        if (flat(here)) return here;
        if (here.slope * (high.step - low.step) >= 0) high = low;
        low = here;
      }
    }
    return low.step === 0 ? undefined : at(low.step);
  }
}

/** Where the cubic through two points is smallest (3.59), kept away from both ends; the middle where there is no such place. */
function between(a: Point, b: Point): number {
  const width = b.step - a.step;
  const d1 = a.slope + b.slope - (3 * (a.value - b.value)) / (a.step - b.step);
  const d2 = Math.sign(width) * Math.sqrt(d1 * d1 - a.slope * b.slope);
  const share = 1 - (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2);
  return a.step + width * (Number.isNaN(share) ? 0.5 : Math.min(0.9, Math.max(0.1, share)));
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function add(to: Float64Array, times: number, x: Float64Array): void {
  for (let i = 0; i < to.length; i++) to[i] += times * x[i];
}

function largest(values: Float64Array): number {
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
}
