/** Readers of the packed tables in `tables/`, which `reference/tokenizer/unicode_tables.py` writes: numbers in base 36, one blank between. */

export function numbers(packed: string): number[] {
  return packed.split(" ").map((word) => Number.parseInt(word, 36));
}

/** Calls `each(first, end)` for every range of a table of gap, length; `end` is exclusive. */
export function forRanges(packed: string, each: (first: number, end: number) => void): void {
  const list = numbers(packed);
  let at = 0;
  for (let i = 0; i < list.length; i += 2) {
    at += list[i];
    each(at, at + list[i + 1]);
    at += list[i + 1];
  }
}
