/**
 * Text as code points that remember where they came from: `points[i]` stands for UTF-16 units `starts[i]` to `ends[i]` of the caller's
 * string. Every step of normalisation gives a new one.
 */
export interface Traced {
  readonly points: number[];
  readonly starts: number[];
  readonly ends: number[];
}

/** Code points of `text` from `start` to `end`; a lone surrogate counts as U+FFFD. */
export function trace(text: string, start = 0, end: number = text.length): Traced {
  const to = emptyTraced();
  for (let i = start; i < end; ) {
    const c = text.codePointAt(i) as number;
    const length = c > 0xffff ? 2 : 1;
    push(to, c >= 0xd800 && c < 0xe000 ? 0xfffd : c, i, i + length);
    i += length;
  }
  return to;
}

export function emptyTraced(): Traced {
  return { points: [], starts: [], ends: [] };
}

export function push(to: Traced, point: number, start: number, end: number): void {
  to.points.push(point);
  to.starts.push(start);
  to.ends.push(end);
}

/** Adds `point` with the place that `from[i]` has. */
export function pushFrom(to: Traced, point: number, from: Traced, i: number): void {
  push(to, point, from.starts[i], from.ends[i]);
}

/** The code points from `start` to `end` as a string. */
export function textOf(points: readonly number[], start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCodePoint(points[i]);
  return text;
}
