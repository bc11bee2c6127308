/**
 * A table in several files: its rows as tensors of their own, `name.rows.0`, `name.rows.20000`, …, each named by its first row. So is a word
 * table written that would not fit the largest file allowed.
 */
import { ModelError } from "../base/errors.ts";
import {
  type RowSource,
  type RowsPlace,
  rowMajor,
  sizeOf,
  type Tensor,
  type TensorInfo,
  type TensorSource,
} from "../base/tensor.ts";
import { arrayOf } from "./arrays.ts";
import { label } from "./json-text.ts";

/** The name of the rows from `first` on. */
export function rowsName(name: string, first: number): string {
  return `${name}.rows.${first}`;
}

/** A part of a table. */
export interface RowsPart {
  readonly name: string;
  readonly source: TensorSource;
  readonly info: TensorInfo;
}

/** What `TensorSource` offers, of one table. */
export interface Table {
  readonly info: TensorInfo;
  read(): Promise<Tensor>;
  readFloat32(): Promise<Tensor<Float32Array>>;
  rows(where: RowsPlace, whole?: boolean): Promise<RowSource>;
  ends(): Promise<Uint8Array>;
}

/** Takes the parts of tables out of a list of tensors, by the tables' names. */
export function findParts(parts: Iterable<RowsPart>): Map<string, RowsPart[]> {
  const tables = new Map<string, RowsPart[]>();
  for (const part of parts) {
    const name = /^(.+)\.rows\.\d+$/.exec(part.name)?.[1];
    if (name === undefined) continue;
    const known = tables.get(name);
    if (known === undefined) tables.set(name, [part]);
    else known.push(part);
  }
  return tables;
}

/**
 * The table of such parts.
 * @throws ModelError where they do not follow each other, or are of different kinds.
 */
export function joinRows(name: string, unsorted: readonly RowsPart[], file: string): Table {
  const firstOf = (part: RowsPart): number => Number(part.name.slice(name.length + ".rows.".length));
  const parts = [...unsorted].sort((a, b) => firstOf(a) - firstOf(b));
  const { dtype, shape } = parts[0].info;
  const [, width] = shape;
  let count = 0;
  for (const part of parts) {
    const at = { file, field: label(part.name) };
    if (firstOf(part) !== count) throw new ModelError(`rows from ${count} on are missing: fetch all the parts`, at);
    if (part.info.dtype !== dtype || part.info.shape.length !== 2 || part.info.shape[1] !== width) {
      throw new ModelError(`is another kind of table than its first part, ${dtype} [${shape}]`, at);
    }
    count += part.info.shape[0];
  }
  const info = { dtype, shape: [count, width] };

  async function joined<T extends Tensor>(each: (part: RowsPart) => Promise<T>): Promise<T> {
    const first = await each(parts[0]);
    const data = new (arrayOf(first.dtype))(sizeOf(info.shape));
    let at = 0;
    for (const part of parts) {
      const piece = part === parts[0] ? first : await each(part);
      (data as Float32Array).set(piece.data as Float32Array, at);
      at += piece.data.length;
    }
    return { ...first, data, shape: info.shape, stride: rowMajor(info.shape), offset: 0 };
  }

  return {
    info,
    read: () => joined((part) => part.source.read(part.name)),
    readFloat32: () => joined((part) => part.source.readFloat32(part.name)),
    async rows(where, whole) {
      const tables: RowSource[] = [];
      for (const part of parts) tables.push(await part.source.rows(part.name, where, whole));
      return {
        rows: count,
        width,
        async read(ids, out) {
          let first = 0;
          for (const [i, table] of tables.entries()) {
            const last = i === tables.length - 1;
            // Ids below and beyond all rows are told by the part they are nearest to.
            const places = [...ids.keys()].filter(
              (t) => (ids[t] >= first || i === 0) && (ids[t] < first + table.rows || last),
            );
            const own = new Float32Array(places.length * width);
            await table.read(
              Int32Array.from(places, (t) => ids[t] - first),
              own,
            );
            for (const [n, t] of places.entries()) out.set(own.subarray(n * width, (n + 1) * width), t * width);
            first += table.rows;
          }
        },
      };
    },
    async ends() {
      /** As for tensors in one piece: the first and the last so many bytes. */
      const ENDS = 4096;
      const total = sizeOf(info.shape) * (arrayOf(dtype)?.BYTES_PER_ELEMENT ?? 1);
      const all: number[][] = [[], []];
      // A part's own ends are all of it, or as many bytes as are asked for here.
      for (const part of parts) {
        if (all[0].length < ENDS) all[0].push(...(await part.source.ends(part.name)));
      }
      for (const part of [...parts].reverse()) {
        if (all[1].length < ENDS) all[1].unshift(...(await part.source.ends(part.name)));
      }
      const tail = Math.min(ENDS, Math.max(0, total - ENDS));
      return Uint8Array.from([...all[0].slice(0, Math.min(ENDS, total)), ...(tail > 0 ? all[1].slice(-tail) : [])]);
    },
  };
}
