/** Numbers that stand for texts, [N, D + V]: D columns where every row has a number, behind them V where most are 0. Both parts may be of no column. */
export interface Features {
  readonly rows: number;
  /** D. */
  readonly denseWidth: number;
  /** [N, D] */
  readonly dense: Float64Array;
  /** V. */
  readonly sparseWidth: number;
  /** Where the numbers of each row begin, and their count at the end, [N + 1]. */
  readonly starts: Int32Array;
  /** Column of each number, 0 to V - 1. */
  readonly columns: Int32Array;
  readonly values: Float64Array;
}

const NOTHING = { sparseWidth: 0, columns: new Int32Array(0), values: new Float64Array(0) };

/** @throws Error for rows of different lengths, or with what is no number. */
export function fromVectors(vectors: readonly ArrayLike<number>[]): Features {
  const denseWidth = vectors[0]?.length ?? 0;
  const dense = new Float64Array(vectors.length * denseWidth);
  for (const [i, vector] of vectors.entries()) {
    if (vector.length !== denseWidth) {
      throw new Error(
        `vector ${i} has ${vector.length} numbers and vector 0 has ${denseWidth}: they are of two models`,
      );
    }
    for (let j = 0; j < denseWidth; j++) {
      if (!Number.isFinite(vector[j])) throw new Error(`number ${j} of vector ${i} is ${vector[j]}`);
      dense[i * denseWidth + j] = vector[j];
    }
  }
  return { ...NOTHING, rows: vectors.length, denseWidth, dense, starts: new Int32Array(vectors.length + 1) };
}

/** A row of few numbers among many zeros: column and value, columns in any order. */
export type SparseRow = readonly (readonly [column: number, value: number])[];

export function fromSparse(rows: readonly SparseRow[], sparseWidth: number): Features {
  const starts = new Int32Array(rows.length + 1);
  for (const [i, row] of rows.entries()) starts[i + 1] = starts[i] + row.length;
  const columns = new Int32Array(starts[rows.length]);
  const values = new Float64Array(starts[rows.length]);
  for (const [i, row] of rows.entries()) {
    for (const [n, [column, value]] of row.entries()) {
      columns[starts[i] + n] = column;
      values[starts[i] + n] = value;
    }
  }
  return { rows: rows.length, denseWidth: 0, dense: new Float64Array(0), sparseWidth, starts, columns, values };
}

/** The dense part of one beside the sparse part of the other. */
export function together(dense: Features, sparse: Features): Features {
  return { ...sparse, denseWidth: dense.denseWidth, dense: dense.dense };
}
