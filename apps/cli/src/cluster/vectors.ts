/** Rows of unit length in one piece of memory, [N, D]: their products are cosines. */
export interface Rows {
  readonly count: number;
  readonly width: number;
  readonly data: Float32Array;
}

/** @throws Error for rows of different lengths, and for what has no direction. */
export function unitRows(vectors: readonly ArrayLike<number>[]): Rows {
  const width = vectors[0]?.length ?? 0;
  const data = new Float32Array(vectors.length * width);
  for (const [i, vector] of vectors.entries()) {
    if (vector.length !== width) {
      throw new Error(`vector ${i} has ${vector.length} numbers and vector 0 has ${width}: they are of two models`);
    }
    let squares = 0;
    for (let j = 0; j < width; j++) squares += vector[j] * vector[j];
    const length = Math.sqrt(squares);
    if (!(length > 0 && length < Number.POSITIVE_INFINITY)) throw new Error(`vector ${i} has the length ${length}`);
    for (let j = 0; j < width; j++) data[i * width + j] = vector[j] / length;
  }
  return { count: vectors.length, width, data };
}

/** Product of row i of one matrix and row j of another, both [.., width]. */
export function product(a: Float32Array, i: number, b: Float32Array, j: number, width: number): number {
  let [p, q, r, s] = [0, 0, 0, 0];
  const x = i * width;
  const y = j * width;
  let n = 0;
  // Four sums, because one would wait for itself.
  for (; n + 3 < width; n += 4) {
    p += a[x + n] * b[y + n];
    q += a[x + n + 1] * b[y + n + 1];
    r += a[x + n + 2] * b[y + n + 2];
    s += a[x + n + 3] * b[y + n + 3];
  }
  for (; n < width; n++) p += a[x + n] * b[y + n];
  return p + r + (q + s);
}
