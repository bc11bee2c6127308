/** How near two sets of vectors are, and how near two orders. */

export interface Cosines {
  readonly mean: number;
  readonly worst: number;
  readonly each: readonly number[];
}

/** Cosines row by row. */
export function cosines(a: readonly Float32Array[], b: readonly Float32Array[]): Cosines {
  const each = a.map((x, n) => {
    let [xy, xx, yy] = [0, 0, 0];
    for (let i = 0; i < x.length; i++) {
      xy += x[i] * b[n][i];
      xx += x[i] * x[i];
      yy += b[n][i] * b[n][i];
    }
    return xy / Math.sqrt(xx * yy);
  });
  return { mean: each.reduce((sum, value) => sum + value, 0) / each.length, worst: Math.min(...each), each };
}

/** Spearman's rank correlation; equal values share the mean of their ranks. */
export function spearman(a: readonly number[], b: readonly number[]): number {
  return pearson(ranks(a), ranks(b));
}

function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((i, j) => values[i] - values[j]);
  const rank = new Array<number>(values.length);
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && values[order[to]] === values[order[from]]) to++;
    for (let i = from; i < to; i++) rank[order[i]] = (from + to - 1) / 2;
    from = to;
  }
  return rank;
}

function pearson(a: readonly number[], b: readonly number[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) ** 2;
    bb += (b[i] - mb) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}
