/*
 * Readers of the packed tables in `tables/`, which `reference/tokenizer/unicode_tables.py` writes: numbers in base 26, where a small letter
 * ends a number, and its higher digits are the signs from "(" on, which code is full of: gzip likes that. Ranges are gap, length; a gap counts from the end of the range before.
 */

export function numbers(packed: string): number[] {
  const list: number[] = [];
  let n = 0;
  for (const letter of packed) {
    const code = letter.charCodeAt(0);
    n = n * 26 + code - (code < 97 ? 40 : 97);
    if (code < 97) continue;
    list.push(n);
    n = 0;
  }
  return list;
}

/** 0, 1, 2, 3, 4, … as 0, -1, 1, -2, 2, … */
export function signed(n: number): number {
  return n & 1 ? -(n + 1) / 2 : n / 2;
}

/** Calls `each(first, end)` for every range; `end` is exclusive. */
export function forRanges(packed: string, each: (first: number, end: number) => void): void {
  let at = 0;
  numbers(packed).forEach((n, i) => {
    if (i & 1) each(at, at + n);
    at += n;
  });
}

/** Calls `each` for every code point of the ranges. */
export function forPoints(packed: string, each: (point: number) => void): void {
  forRanges(packed, (first, end) => {
    for (let c = first; c < end; c++) each(c);
  });
}

/** Adds the lower case of runs of gap, count, step, distance: `count` code points, `step` apart, each mapped to itself plus `distance`. */
export function addRuns(packed: string, to: Map<number, readonly number[]>): void {
  const runs = numbers(packed);
  let at = 0;
  for (let i = 0; i < runs.length; i += 4) {
    const [gap, count, step, distance] = runs.slice(i, i + 4);
    at += gap;
    for (let n = 0; n < count; n++) to.set(at + n * step, [at + n * step + signed(distance)]);
    at += (count - 1) * step + 1;
  }
}

/** Tells answers from others; of the value's JSON. */
export function checksum(value: unknown): number {
  let sum = 0;
  const text = JSON.stringify(value);
  for (let i = 0; i < text.length; i++) sum = (Math.imul(sum, 31) + text.charCodeAt(i)) | 0;
  return sum;
}
