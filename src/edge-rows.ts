import { letGo } from "./base/bytes.ts";
import type { ReadBytes, RowsPlace } from "./base/tensor.ts";

/** Tables of which some rows are kept. */
export interface KeptRows {
  /** What `TensorSource.rows` takes: reads a table's bytes, whole rows, through what is kept of it. */
  readonly through: Exclude<RowsPlace, string>;
  /** Bytes of memory taken. */
  bytes(): number;
}

/**
 * Keeps rows, `most` bytes of them at most. Rows are fetched by pages of neighbours; those that were asked for stay until none is older, the
 * others of a page as long as there is nothing better to do with the memory. `npm run bench:rows` counts what that leaves of requests.
 *
 * Only what has arrived is kept, never the promise of it: on Cloudflare a request must not wait for what another has asked for, which may
 * be cut off.
 */
export function keepRows(most: number, pageBytes: number): KeptRows {
  /** Bytes of a piece of the memory: it is taken as it is needed. */
  const PIECE = 1 << 20;
  const pieces: Uint8Array[] = [];
  /** Places of rows in it, by the rows' numbers, the one that was asked for longest ago first. */
  const asked = new Map<number, number>();
  /** Places of their neighbours, the one that came first first. */
  const neighbours = new Map<number, number>();
  /** Rows of all tables so far, and the bytes of one: those of the first table. */
  let numbered = 0;
  let size = 0;

  const at = (place: number): Uint8Array => {
    const perPiece = Math.max(1, Math.floor(PIECE / size));
    const n = Math.floor(place / perPiece);
    pieces[n] ??= new Uint8Array(Math.min(perPiece, Math.floor(most / size) - n * perPiece) * size);
    return pieces[n].subarray((place % perPiece) * size, ((place % perPiece) + 1) * size);
  };

  /** A place for a row: a new one or, where it is `needed`, a neighbour's, or that of the row asked for longest ago. */
  const placeFor = (needed: boolean): number | undefined => {
    const held = asked.size + neighbours.size; // a place that was handed out once is taken ever after
    if ((held + 1) * size <= most) return held;
    if (!needed) return undefined;
    for (const from of [neighbours, asked]) {
      for (const [number, place] of from) {
        from.delete(number);
        return place;
      }
    }
    return undefined;
  };

  return {
    bytes: () => pieces.reduce((sum, { length }) => sum + length, 0),
    through(read, byteLength, rowBytes) {
      const first = numbered;
      numbered += byteLength / rowBytes;
      size ||= rowBytes;
      if (rowBytes !== size) return read; // no model has such tables
      return through(read, byteLength, rowBytes, first);
    },
  };

  function through(read: ReadBytes, byteLength: number, rowBytes: number, first: number): ReadBytes {
    const pageRows = Math.max(1, Math.floor(pageBytes / rowBytes));
    const rows = byteLength / rowBytes;
    /** Puts a row's bytes where they are found again; a row that is there already moves to the end. */
    const keep = (row: number, bytes: Uint8Array | undefined, needed: boolean): void => {
      const number = first + row;
      const known = asked.get(number) ?? neighbours.get(number);
      if (known !== undefined && !needed) return;
      const place = known ?? placeFor(needed);
      if (place === undefined) return;
      if (known === undefined && bytes !== undefined) at(place).set(bytes);
      neighbours.delete(number);
      asked.delete(number);
      (needed ? asked : neighbours).set(number, place);
    };

    return async (from, to) => {
      const all = new Uint8Array(to - from);
      const [begin, end] = [from / rowBytes, to / rowBytes];
      const missing = new Set<number>();
      for (let row = begin; row < end; row++) {
        const place = asked.get(first + row) ?? neighbours.get(first + row);
        if (place === undefined) missing.add(Math.floor(row / pageRows));
        else {
          all.set(at(place), (row - begin) * rowBytes);
          keep(row, undefined, true);
        }
      }
      if (missing.size === 0) return all.buffer;
      const arrived = async (page: number): Promise<void> => {
        const start = page * pageRows;
        const stop = Math.min(start + pageRows, rows);
        const bytes = await read(start * rowBytes, stop * rowBytes);
        const its = (row: number): Uint8Array => new Uint8Array(bytes, (row - start) * rowBytes, rowBytes);
        for (let row = Math.max(start, begin); row < Math.min(stop, end); row++) {
          all.set(its(row), (row - begin) * rowBytes);
          keep(row, its(row), true);
        }
        // While there is room; later they would only chase each other.
        for (let row = start; row < stop && placeFor(false) !== undefined; row++) keep(row, its(row), false);
        letGo(bytes);
      };
      await Promise.all([...missing].map(arrived));
      return all.buffer;
    };
  }
}
