/** ⌊n^(1/root)⌋, which is at most `most`: the largest x with x^root <= n, by bisection. */
export function wholeRoot(n: bigint, root: bigint, most: bigint): bigint {
  let low = 0n;
  let high = most;
  while (low < high) {
    const middle = (low + high + 1n) / 2n;
    if (middle ** root <= n) low = middle;
    else high = middle - 1n;
  }
  return low;
}
