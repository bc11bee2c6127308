/**
 * Rows of a stored [rows, width] table as float32: from memory, where the table keeps its stored type (float16 stays at two bytes), or
 * straight from the file, where only the rows asked for are read.
 */
import { ModelError, show } from "../base/errors.ts";
import { bfloat16ToFloat32, float16ToFloat32 } from "../base/half.ts";
import type { DType, RowSource, Tensor, TensorData } from "../base/tensor.ts";
import { arrayOf } from "./arrays.ts";

/** Where a table comes from, for messages. */
export interface Place {
  readonly file: string;
  readonly field: string;
}

/** Types `toFloat32` reads. */
const FLOAT_TYPES: readonly string[] = ["float32", "float16", "bfloat16", "float64"] satisfies DType[];

/** Bytes of one read from a file, at most (one row may be longer): long runs of rows are read in parts. */
const READ_BYTES = 1 << 20;

/** Reads in flight at once: enough to hide the latency of range requests, few enough not to flood a server. */
const READS = 8;

/** Widens stored elements [n] to float32 [n]: exact, but for float64, which is rounded to nearest. */
export function toFloat32(data: TensorData, dtype: string, out: Float32Array): Float32Array {
  if (dtype === "float16") return float16ToFloat32(data as Uint16Array, out);
  if (dtype === "bfloat16") return bfloat16ToFloat32(data as Uint16Array, out);
  out.set(data as Float32Array | Float64Array);
  return out;
}

/**
 * Rows of a table [rows, width] in memory, row-major from element 0 as `read` gives it, widened as they are read.
 * @throws ModelError where the table is no matrix of floats; `read` where an id names no row or `out` is too short.
 */
export function rowsInMemory(table: Tensor, place: Place): RowSource {
  const { data, dtype } = table;
  const [rows, width] = checkTable(dtype, table.shape, place);
  return {
    rows,
    width,
    read(ids: Int32Array, out: Float32Array): void {
      checkIds(ids, rows, width, out, place);
      for (let t = 0; t < ids.length; t++) {
        const row = data.subarray(ids[t] * width, (ids[t] + 1) * width);
        toFloat32(row, dtype, out.subarray(t * width, (t + 1) * width));
      }
    },
  };
}

/**
 * Rows of a table [rows, width] that stays where it is. `read(from, to)` reads bytes of it. Ids are sorted, so that
 * each row is read once and neighbours in one go; an id that stands twice costs one copy.
 * @throws ModelError where the table is no matrix of floats; `read` where an id names no row or `out` is too short.
 */
export function rowsFromSource(
  read: (from: number, to: number) => Promise<ArrayBuffer>,
  dtype: string,
  shape: readonly number[],
  place: Place,
): RowSource {
  const [rows, width] = checkTable(dtype, shape, place);
  const Kept = arrayOf(dtype as DType);
  const rowBytes = width * Kept.BYTES_PER_ELEMENT;
  return {
    rows,
    width,
    async read(ids: Int32Array, out: Float32Array): Promise<void> {
      checkIds(ids, rows, width, out, place);
      const order = Uint32Array.from(ids, (_, t) => t).sort((a, b) => ids[a] - ids[b]); // [T]
      const runs = findRuns(ids, order, width);
      let next = 0;
      const work = async (): Promise<void> => {
        while (next < runs.length) {
          const [from, to] = runs[next++];
          const first = ids[order[from]];
          const last = ids[order[to - 1]];
          try {
            const data = new Kept(await read(first * rowBytes, (last + 1) * rowBytes));
            for (let k = from; k < to; k++) {
              const t = order[k];
              const row = data.subarray((ids[t] - first) * width, (ids[t] - first + 1) * width);
              toFloat32(row, dtype, out.subarray(t * width, (t + 1) * width));
            }
          } catch (error) {
            next = runs.length; // the others finish what they have begun and begin nothing more
            throw error;
          }
        }
      };
      // Settled, not all: nobody may write into `out` after this has returned.
      const ends = await Promise.allSettled(Array.from({ length: Math.min(READS, runs.length) }, work));
      for (const end of ends) if (end.status === "rejected") throw end.reason;
    },
  };
}

/** Splits sorted ids [T] into stretches [from, to) of `order` whose rows touch and fit one read. */
function findRuns(ids: Int32Array, order: Uint32Array, width: number): [number, number][] {
  const rowsAtOnce = Math.max(1, Math.floor(READ_BYTES / (8 * Math.max(1, width))));
  const runs: [number, number][] = [];
  let from = 0;
  for (let k = 1; k <= order.length; k++) {
    const touches = k < order.length && ids[order[k]] - ids[order[k - 1]] <= 1;
    if (touches && ids[order[k]] - ids[order[from]] < rowsAtOnce) continue;
    runs.push([from, k]);
    from = k;
  }
  return runs;
}

function checkTable(dtype: string, shape: readonly number[], place: Place): readonly number[] {
  checkFloats(dtype, place);
  if (shape.length !== 2) throw new ModelError("rows are read from a matrix [rows, width]", { ...place, value: shape });
  return shape;
}

/** Refuses what is not floats that JavaScript can read. */
export function checkFloats(dtype: string, place: Place): void {
  if (FLOAT_TYPES.includes(dtype)) return;
  throw new ModelError(
    `is ${dtype}, which is not read as float32: store it as one of ${FLOAT_TYPES.join(", ")}`,
    place,
  );
}

function checkIds(ids: Int32Array, rows: number, width: number, out: Float32Array, { file, field }: Place): void {
  for (let t = 0; t < ids.length; t++) {
    if (ids[t] < 0 || ids[t] >= rows) {
      const problem = `the table has rows 0 to ${rows - 1}: do the tokenizer and the weights belong together?`;
      throw new ModelError(problem, { file, field: `${field} row`, value: ids[t] });
    }
  }
  if (out.length < ids.length * width) {
    const problem = `${ids.length} rows of ${width} need ${ids.length * width} elements, and out has ${show(out.length)}`;
    throw new ModelError(problem, { file, field });
  }
}
