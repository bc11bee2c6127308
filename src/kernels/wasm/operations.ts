import type { Batch } from "../../base/batch.ts";
import type { Activation, Embeddings, Kernels, Linear, Norm } from "../kernels.ts";
import type { Address } from "./arena.ts";
import type { Crew } from "./crew.ts";
import { GROUP, K_BLOCK, packedSize, panelStart, ROWS } from "./layout.ts";
import type { Functions } from "./module.ts";
import { MASKS } from "./module.ts";

/** Where an operation keeps what it needs in between. Each answers with room for at least so many floats. */
export interface Rooms {
  /** Rows of x, packed for the tile; all threads of a crew work on the same. */
  packed(length: number): Address;
  /** Up to OWN_ROWS of them, for this thread alone; 0 where it is the only one. */
  readonly own: Address;
  /** What attention and LayerNorm keep, for this thread alone. */
  scratch(length: number): Address;
  /** Results of one group, [GROUP / P, ROWS, P], for this thread alone. */
  readonly sums: Address;
  /** The bias of products that have none, [GROUP]. */
  readonly zeros: Address;
}

/** Rows that every thread of a crew packs for itself. */
export const OWN_ROWS = 16;

/** Floats of room for packed rows, whatever kind of numbers. */
export function packedRoom(T: number, K: number): number {
  return T * (K + 8); // whole numbers take less, and bring a scale for each row
}

/** Floats of scratch that attention needs for a sentence of L tokens. */
export function attentionRoom(L: number, D: number, P: number): number {
  return parts(L, D, P).size;
}

/** The rows of T that are the share of number `index` of `count`. */
function share(T: number, index: number, count: number): [from: number, to: number] {
  return [Math.floor((T * index) / count), Math.floor((T * (index + 1)) / count)];
}

interface Parts {
  /** Length of a row of scores: whole vectors. */
  readonly keys: number;
  /** Where the parts begin, in floats; the keys at 0. */
  readonly values: number;
  readonly scores: number;
  readonly rows: number;
  readonly size: number;
}

function parts(L: number, D: number, P: number): Parts {
  const T = Math.min(ROWS, L);
  const keys = Math.ceil(L / P) * P;
  const values = packedSize(L, D, P);
  const scores = values + packedSize(D, L, P);
  const rows = scores + T * keys;
  return { keys, values, scores, rows, size: rows + T * Math.max(D, L) };
}

/** A matrix product of one kind of numbers: first all threads pack the rows, then each computes groups of columns. */
export interface Product {
  /** Packs T rows of x, [T,K], end to end: the share of number `index` of `count`. */
  pack(packed: Address, x: Address, w: Linear<Address>, T: number, index: number, count: number): void;
  /** sums[panel][t][j] of the panels of the group that begins with column n. */
  group(sums: Address, packed: Address, w: Linear<Address>, n: number, T: number, panels: number): void;
}

/**
 * The four operations as one thread of a crew runs its share of them. `P` is the width of the panels the module `f` was made for.
 */
export function operations(
  f: Functions,
  floats: () => Float32Array,
  P: number,
  crew: Crew,
  rooms: Rooms,
  whole?: Product,
): Pick<Kernels<Address>, "embed" | "linear" | "attention" | "layerNorm"> {
  const floats32: Product = {
    pack: (packed, x, { in: K }, T, index, count) => f.packRows(packed, x, 4 * K, T, K, index, count),
    group: (sums, packed, { weight, bias, in: K }, n, T, panels) =>
      f.product(sums, packed, weight + 4 * n * K, bias + 4 * n, T, K, panels),
  };

  function linear(out: Address, x: Address, w: Linear<Address>, T: number, act?: Activation): void {
    const { in: K, out: N } = w;
    // Few rows are packed by each thread for itself: that takes less than meeting.
    const together = rooms.own === 0 || T > OWN_ROWS;
    const packed = together ? rooms.packed(packedRoom(Math.min(ROWS, T), K)) : rooms.own;
    const chunks = Math.ceil(T / ROWS);
    const product = w.balance === undefined ? floats32 : (whole as Product);
    for (let chunk = 0; chunk < chunks; chunk++) {
      const [first, end] = share(T, chunk, chunks);
      const rows = end - first;
      product.pack(packed, x + 4 * first * K, w, rows, together ? crew.index : 0, together ? crew.count : 1);
      if (together) crew.meet();
      const groups = Math.ceil(N / GROUP);
      for (let g = crew.claim(); g < groups; g = crew.claim()) {
        const n = g * GROUP;
        group(out + 4 * (first * N + n), 4 * N, product, packed, w, rows, n, act);
      }
      crew.meet();
    }
  }

  /** The columns of the group that begins with n, of a product of packed operands, stored to rows `stride` bytes apart. */
  // biome-ignore format: one line
  function group(out: Address, stride: number, product: Product, x: Address, w: Linear<Address>, T: number, n: number, act?: Activation): void {
    const columns = Math.min(GROUP, w.out - n);
    const panels = Math.ceil(columns / P);
    product.group(rooms.sums, x, w, n, T, panels);
    if (act !== undefined) f[act](rooms.sums, 4 * panels * T * P);
    const whole = Math.floor(columns / P);
    f.unpack(out, stride, rooms.sums, T, whole);
    const rest = columns - whole * P;
    if (rest > 0) f.copy(out + 4 * whole * P, rooms.sums + 4 * whole * P * T, stride, 4 * P, T, 4 * rest);
  }

  /** A product without bias, all groups of it. */
  function multiply(out: Address, stride: number, x: Address, weight: Address, T: number, K: number, N: number): void {
    const w = { weight, bias: 0, in: K, out: N };
    for (let n = 0; n < N; n += GROUP) {
      w.bias = rooms.zeros - 4 * n; // the same zeros for every group
      group(out + 4 * n, stride, floats32, x, w, T, n);
    }
  }

  function attention(out: Address, qkv: Address, batch: Batch, heads: number, H: number): void {
    const sentences = batch.starts.length - 1;
    for (let piece = crew.claim(); piece < sentences * heads; piece = crew.claim()) {
      attendTo(out, qkv, batch, Math.floor(piece / heads), piece % heads, H / heads, H);
    }
    crew.meet();
  }

  /** One head of sentence n. */
  // biome-ignore format: one line
  function attendTo(out: Address, qkv: Address, batch: Batch, n: number, head: number, D: number, H: number): void {
    const scale = Math.fround(1 / Math.sqrt(D));
    const stride = 12 * H;
    const first = batch.starts[n];
    const L = batch.starts[n + 1] - first;
    const { keys, values, scores, rows, size } = parts(L, D, P);
    const keysAt = rooms.scratch(size);
    const [valuesAt, scoresAt, rowsAt] = [keysAt + 4 * values, keysAt + 4 * scores, keysAt + 4 * rows];
    const q = qkv + first * stride + 4 * head * D;
    const k = q + 4 * H;
    const v = k + 4 * H;
    for (let s = 0; s < L; s += P) {
      for (let d = 0; d < D; d += K_BLOCK) {
        const to = keysAt + 4 * panelStart(s, d, L, D, P);
        f.transpose(to, k + s * stride + 4 * d, stride, Math.min(P, L - s), Math.min(K_BLOCK, D - d));
      }
    }
    for (let d = 0; d < D; d += P) {
      for (let s = 0; s < L; s += K_BLOCK) {
        const to = valuesAt + 4 * panelStart(d, s, D, L, P);
        f.copy(to, v + s * stride + 4 * d, 4 * P, stride, Math.min(K_BLOCK, L - s), 4 * Math.min(P, D - d));
      }
    }
    for (let t = 0; t < L; t += ROWS) {
      const T = Math.min(ROWS, L - t);
      f.packRows(rowsAt, q + t * stride, stride, T, D, 0, 1);
      multiply(scoresAt, 4 * keys, rowsAt, keysAt, T, D, L);
      f.softmax(scoresAt, 4 * keys, T, L, scale);
      f.packRows(rowsAt, scoresAt, 4 * keys, T, L, 0, 1);
      multiply(out + 4 * ((first + t) * H + head * D), 4 * H, rowsAt, valuesAt, T, L, D);
    }
  }

  // biome-ignore format: one line
  function layerNorm(out: Address, x: Address, residual: Address | null, norm: Norm<Address>, T: number, H: number): void {
    const [from, to] = share(T, crew.index, crew.count);
    const at = 4 * from * H;
    const row = rooms.scratch(H + 4);
    const mask = MASKS + 16 * (H % 4);
    const added = residual === null ? 0 : residual + at;
    f.layerNorm(out + at, x + at, added, norm.gain, norm.shift, mask, to - from, H, norm.epsilon, row);
    crew.meet();
  }

  /** (word + position) + type.   [T,H] */
  function embed(out: Address, words: Address, tables: Embeddings<Address>, batch: Batch, H: number): void {
    const m = floats();
    const [from, end] = share(batch.ids.length, crew.index, crew.count);
    for (let t = from; t < end; t++) {
      const word = words / 4 + t * H;
      const position = tables.position / 4 + batch.positions[t] * H;
      const type = tables.type / 4 + batch.typeIds[t] * H;
      for (let h = 0, to = out / 4 + t * H; h < H; h++) {
        m[to + h] = Math.fround(m[word + h] + m[position + h]) + m[type + h];
      }
    }
    crew.meet();
  }

  return { embed, linear, attention, layerNorm };
}
