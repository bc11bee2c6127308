/**
 * Files of weights as models are loaded from them, above all rows of a stored [rows, width] table as float32: from memory, where the table keeps its stored type (float16 stays at two bytes), or
 * straight from the file, where only the rows asked for are read.
 */
import { refuse } from "../base/door.ts";
import { fail, show } from "../base/errors.ts";
import type { DType, ReadBytes, RowSource, RowsPlace, Tensor, TensorData, TensorSource } from "../base/tensor.ts";
import { arrayOf } from "./arrays.ts";
import { checkFloats, type Place, toFloat32 } from "./floats.ts";
import { label } from "./json-text.ts";
import type { StoredTensors } from "./stored.ts";

/** An open file as a model is loaded from it: with rows of tables, and the ends of tensors. */
export function tensorSource(weights: StoredTensors): TensorSource {
  const { file, tensors, read, readFloat32, bytes } = weights;

  async function rows(name: string, where: RowsPlace, whole?: boolean): Promise<RowSource> {
    const place = { file, field: label(name) };
    const info = tensors.get(name);
    // What lies all over the file is read once.
    if (where === "memory" || info === undefined || info.strided) return rowsInMemory(await read(name), place, whole);
    const stored: ReadBytes = (from, to) => bytes(name, from, to);
    const { dtype, shape, byteLength } = info;
    if (where === "source") return rowsFromSource(stored, dtype, shape, place, whole);
    // Such a function knows best how many reads may be under way.
    const through = where(stored, byteLength, byteLength / shape[0]);
    if (typeof through !== "function") refuse("rows", "must answer with a function that reads bytes", through);
    return rowsFromSource(through, dtype, shape, place, whole, Infinity);
  }

  async function ends(name: string): Promise<Uint8Array> {
    /** Bytes of each end that tell one model from another. */
    const ENDS = 4096;
    const { byteLength } = tensors.get(name) ?? (await read(name)).data; // which says that there is none
    if (byteLength <= 2 * ENDS) return new Uint8Array(await bytes(name, 0, byteLength));
    const both = new Uint8Array(2 * ENDS);
    both.set(new Uint8Array(await bytes(name, 0, ENDS)));
    both.set(new Uint8Array(await bytes(name, byteLength - ENDS, byteLength)), ENDS);
    return both;
  }

  return { file, tensors, read, readFloat32, rows, ends };
}

/**
 * Rows of a table [rows, width] in memory, row-major from element 0 as `read` gives it, widened as they are read.
 * @throws ModelError where the table is no matrix of floats; `read` where an id names no row or `out` is too short.
 */
export function rowsInMemory(table: Tensor, place: Place, whole?: boolean): RowSource {
  const { data, dtype } = table;
  const [rows, width] = checkTable(dtype, table.shape, place, whole);
  return {
    rows,
    width,
    read(ids: Int32Array, out: Float32Array): void {
      checkIds(ids, rows, width, out, place);
      for (let t = 0; t < ids.length; t++) copyRow(data, ids[t], dtype, out, t, width);
    },
  };
}

/**
 * Rows of a table [rows, width] that stays where it is. `read(from, to)` reads bytes of it. Ids are sorted, so that
 * each row is read once and neighbours in one go; an id that stands twice costs one copy.
 * @throws ModelError where the table is no matrix of floats; `read` where an id names no row or `out` is too short.
 */
export function rowsFromSource(
  read: ReadBytes,
  dtype: string,
  shape: readonly number[],
  place: Place,
  whole?: boolean,
  /** Reads under way at once: enough to hide the latency of range requests, few enough not to flood a server. */
  reads = 8,
): RowSource {
  const [rows, width] = checkTable(dtype, shape, place, whole);
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
            const bytes = await read(first * rowBytes, (last + 1) * rowBytes);
            // A caller's function may stand between: other rows would be other vectors, in silence.
            if (bytes?.byteLength !== (last + 1 - first) * rowBytes || ArrayBuffer.isView(bytes)) {
              fail(place.file, place.field, `rows ${first} to ${last} were asked for, and other bytes came`, bytes);
            }
            const data = new Kept(bytes);
            for (const t of order.subarray(from, to)) copyRow(data, ids[t] - first, dtype, out, t, width);
          } catch (error) {
            next = runs.length; // the others finish what they have begun and begin nothing more
            throw error;
          }
        }
      };
      // Settled, not all: nobody may write into `out` after this has returned.
      const ends = await Promise.allSettled(Array.from({ length: Math.min(reads, runs.length) }, work));
      for (const end of ends) if (end.status === "rejected") throw end.reason;
    },
  };
}

/** Row `from` of `data` to row `to` of `out`, both of `width` numbers. */
function copyRow(data: TensorData, from: number, dtype: string, out: Float32Array, to: number, width: number): void {
  toFloat32(data.subarray(from * width, (from + 1) * width), dtype, out.subarray(to * width, (to + 1) * width));
}

/** Splits sorted ids [T] into stretches [from, to) of `order` whose rows touch and fit one read. */
function findRuns(ids: Int32Array, order: Uint32Array, width: number): [number, number][] {
  /** Bytes of one read, at most (one row may be longer): long runs of rows are read in parts. */
  const READ_BYTES = 1_048_576;
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

function checkTable(dtype: string, shape: readonly number[], place: Place, whole?: boolean): readonly number[] {
  if (whole !== true) checkFloats(dtype, place);
  if (shape.length !== 2) fail(place.file, place.field, "rows are read from a matrix [rows, width]", shape);
  return shape;
}

function checkIds(ids: Int32Array, rows: number, width: number, out: Float32Array, { file, field }: Place): void {
  for (let t = 0; t < ids.length; t++) {
    if (ids[t] < 0 || ids[t] >= rows) {
      const problem = `the table has rows 0 to ${rows - 1}: tokenizer and weights do not belong together`;
      fail(file, `${field} row`, problem, ids[t]);
    }
  }
  if (out.length < ids.length * width) {
    const problem = `${ids.length} rows of ${width} need ${ids.length * width} elements, and out has ${show(out.length)}`;
    fail(file, field, problem);
  }
}
