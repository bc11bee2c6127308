/** Pearson's correlation of two lists of one length, in float64; NaN where one of them is constant. */
export function pearson(x: ArrayLike<number>, y: ArrayLike<number>): number {
  const [a, b] = [centred(x), centred(y)];
  let sum = 0;
  for (const [i, value] of a.entries()) sum += value * b[i];
  const r = sum / (norm(a) * norm(b));
  return Math.min(1, Math.max(-1, r));
}

/** Spearman's rank correlation: Pearson's of the ranks, equal values sharing the mean of theirs. */
export function spearman(x: ArrayLike<number>, y: ArrayLike<number>): number {
  return pearson(ranks(x), ranks(y));
}

/** Ranks from 1 up; equal values share the mean of theirs. */
export function ranks(values: ArrayLike<number>): Float64Array {
  const order = Array.from(values, (_, i) => i).sort((a, b) => values[a] - values[b]);
  const found = new Float64Array(values.length);
  for (let from = 0; from < order.length; ) {
    let to = from;
    while (to < order.length && values[order[to]] === values[order[from]]) to++;
    for (let i = from; i < to; i++) found[order[i]] = (from + 1 + to) / 2;
    from = to;
  }
  return found;
}

function centred(values: ArrayLike<number>): Float64Array {
  const found = Float64Array.from(values);
  const mean = found.reduce((sum, value) => sum + value, 0) / found.length;
  // Equal values may have a mean that is another by a rounding.
  if (found.every((value) => value === found[0])) return found.fill(0);
  return found.map((value) => value - mean);
}

function norm(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}
