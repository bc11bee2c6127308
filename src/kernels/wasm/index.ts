import type { Batch } from "../../base/batch.ts";
import { ModelError } from "../../base/errors.ts";
import type { Tensor } from "../../base/tensor.ts";
import type { Activation, Embeddings, Kernels, Linear, Norm } from "../kernels.ts";
import { kernelModule } from "./module.ts";
import type { Tile } from "./product.ts";
import { CONSTANTS, constants } from "./vector-math.ts";

/** An address in the backend's memory, in bytes. */
export type Address = number;

/** Ten sums, two vectors of the weight, one of x and one product are 14 of the 15 registers that V8 has for them. */
const TILE: Tile = { rows: 5, vectors: 2 };
/** Columns of a panel. */
const P = 4 * TILE.vectors;
/** Rows computed together: their packed copy (786 KB at K = 768) stays in the second-level cache, and the weights stream by once. */
const ROWS = 256;

const PAGE = 65536;
/** Masks of a row's last vector, one for each remainder of its length by 4: ones in the lanes inside. Below the constants. */
const MASKS = 0;
const FIRST_FREE = 1024;

interface Functions {
  packRows(to: Address, x: Address, stride: number, T: number, K: number): void;
  product(sums: Address, x: Address, panel: Address, bias: Address, T: number, K: number): void;
  gelu(at: Address, bytes: number): void;
  gelu_tanh(at: Address, bytes: number): void;
  relu(at: Address, bytes: number): void;
  transpose(to: Address, from: Address, stride: number, rows: number, K: number): void;
  copy(to: Address, from: Address, toStride: number, fromStride: number, rows: number, bytes: number): void;
  softmax(scores: Address, stride: number, rows: number, L: number, scale: number): void;
  // biome-ignore format: one line a function
  layerNorm(to: Address, x: Address, residual: Address, gain: Address, shift: Address, mask: Address, T: number, H: number, epsilon: number, row: Address): void;
}

/**
 * The WebAssembly SIMD backend: float32 throughout, every sum in a fixed order, multiply then add, so that a sentence has the same bits
 * whatever the batch, the runtime and the machine (docs/kernels.md). Rejects where WebAssembly or its SIMD is missing or forbidden.
 */
export async function wasm(): Promise<Kernels<Address>> {
  const bytes = kernelModule(TILE);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: PAGE });
  const { instance } = await WebAssembly.instantiate(bytes, { env: { memory } });
  const f = instance.exports as unknown as Functions;
  const room = arena(memory);
  room.floats().set(constants, CONSTANTS / 4);
  for (const inside of [1, 2, 3]) new Int32Array(memory.buffer, MASKS + 16 * inside, inside).fill(-1);
  /** Rows of x, packed for the tile.   [up to 256, K] */
  const packed = growing(room);
  /** What attention and LayerNorm keep between their steps. */
  const scratch = growing(room);
  /** One panel's results.   [up to 256, P] */
  const sums = room.take(ROWS * P);
  /** The bias of products that have none.   [P] */
  const zeros = room.take(P);

  function prepare(weight: Tensor<Float32Array>, bias: Tensor<Float32Array>): Linear<Address> {
    const [N, K] = weight.shape;
    const panels = Math.ceil(N / P);
    try {
      packed(ROWS * K);
      const to = room.take(panels * K * P);
      packPanels(room.floats(), to / 4, weight.data, weight.offset, N, K);
      const biasAt = room.take(panels * P);
      room.floats().set(bias.data.subarray(bias.offset, bias.offset + N), biasAt / 4);
      return { weight: to, bias: biasAt, in: K, out: N };
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      throw new ModelError("there is no memory for the model's weights: WebAssembly has 4 GB at most", {
        field: "backend",
        value: "wasm",
        cause,
      });
    }
  }

  function linear(out: Address, x: Address, w: Linear<Address>, T: number, act?: Activation): void {
    for (let first = 0; first < T; first += ROWS) {
      const rows = Math.min(ROWS, T - first);
      const { in: K, out: N } = w;
      const rowsAt = packed(ROWS * K);
      f.packRows(rowsAt, x + 4 * first * K, 4 * K, rows, K);
      panelsOf(out + 4 * first * N, 4 * N, rowsAt, w.weight, w.bias, 4 * P, rows, K, N, act);
    }
  }

  /** Every panel of a product of packed operands, stored to rows `stride` bytes apart. */
  // biome-ignore format: one line
  function panelsOf(out: Address, stride: number, x: Address, weight: Address, bias: Address, biasStep: number, T: number, K: number, N: number, act?: Activation): void {
    for (let n = 0; n < N; n += P) {
      f.product(sums, x, weight + 4 * n * K, bias + (n / P) * biasStep, T, K);
      if (act !== undefined) f[act](sums, 4 * T * P);
      f.copy(out + 4 * n, sums, stride, 4 * P, T, 4 * Math.min(P, N - n));
    }
  }

  function attention(out: Address, qkv: Address, batch: Batch, heads: number, H: number): void {
    const D = H / heads;
    const scale = Math.fround(1 / Math.sqrt(D));
    const stride = 12 * H;
    for (let n = 0; n + 1 < batch.starts.length; n++) {
      const first = batch.starts[n];
      const L = batch.starts[n + 1] - first;
      const keys = Math.ceil(L / P) * P; // a row of scores has room for whole panels
      const values = Math.ceil(D / P) * P; // columns of whole panels
      const rows = Math.min(ROWS, L);
      const keyPanels = scratch(keys * D + values * L + rows * keys + rows * Math.max(D, L));
      const valuePanels = keyPanels + 4 * keys * D;
      const scores = valuePanels + 4 * values * L;
      const packedRows = scores + 4 * rows * keys;
      for (let head = 0; head < heads; head++) {
        const q = qkv + first * stride + 4 * head * D;
        const k = q + 4 * H;
        const v = k + 4 * H;
        for (let s = 0; s < L; s += P)
          f.transpose(keyPanels + 4 * s * D, k + s * stride, stride, Math.min(P, L - s), D);
        for (let d = 0; d < D; d += P) {
          f.copy(valuePanels + 4 * d * L, v + 4 * d, 4 * P, stride, L, 4 * Math.min(P, D - d));
        }
        for (let t = 0; t < L; t += ROWS) {
          const T = Math.min(ROWS, L - t);
          f.packRows(packedRows, q + t * stride, stride, T, D);
          panelsOf(scores, 4 * keys, packedRows, keyPanels, zeros, 0, T, D, L);
          f.softmax(scores, 4 * keys, T, L, scale);
          f.packRows(packedRows, scores, 4 * keys, T, L);
          panelsOf(out + 4 * ((first + t) * H + head * D), 4 * H, packedRows, valuePanels, zeros, 0, T, L, D);
        }
      }
    }
  }

  function layerNorm(
    out: Address,
    x: Address,
    residual: Address | null,
    norm: Norm<Address>,
    T: number,
    H: number,
  ): void {
    const row = scratch(H + 4);
    f.layerNorm(out, x, residual ?? 0, norm.gain, norm.shift, MASKS + 16 * (H % 4), T, H, norm.epsilon, row);
  }

  /** (word + position) + type.   [T,H] */
  function embed(out: Address, words: Address, tables: Embeddings<Address>, batch: Batch, H: number): void {
    const m = room.floats();
    for (let t = 0; t < batch.ids.length; t++) {
      const word = words / 4 + t * H;
      const position = tables.position / 4 + batch.positions[t] * H;
      const type = tables.type / 4 + batch.typeIds[t] * H;
      for (let h = 0, to = out / 4 + t * H; h < H; h++) {
        m[to + h] = Math.fround(m[word + h] + m[position + h]) + m[type + h];
      }
    }
  }

  return {
    name: "wasm",
    alloc: room.take,
    write: (to, values) => room.floats().set(values, to / 4),
    prepare,
    read: async (from, length) => room.floats().slice(from / 4, from / 4 + length),
    dispose: async () => {},
    embed,
    linear,
    attention,
    layerNorm,
  };
}

/** Weights [N,K] at `from` into panels [N/P][K][P] at `to`; columns past the last stay zero. */
function packPanels(m: Float32Array, to: number, weight: Float32Array, from: number, N: number, K: number): void {
  for (let n = 0; n < N; n++) {
    let at = to + (n - (n % P)) * K + (n % P);
    const row = from + n * K;
    for (let k = 0; k < K; k++, at += P) m[at] = weight[row + k];
  }
}

interface Arena {
  /** Room for `length` floats, zeros, and for reading a whole vector that begins at the last of them. RangeError where there is none. */
  take(length: number): Address;
  /** All of the memory. A new view after every growth, so never kept. */
  floats(): Float32Array;
}

/** Hands out memory from the bottom up; nothing is given back. */
function arena(memory: WebAssembly.Memory): Arena {
  let free = FIRST_FREE;
  let view = new Float32Array(memory.buffer);
  return {
    take(length) {
      const at = free;
      const end = Math.ceil((at + 4 * length + 16) / 64) * 64;
      const missing = end - memory.buffer.byteLength;
      if (!(missing <= 0)) memory.grow(Math.min(Math.ceil(missing / PAGE), PAGE + 1)); // one page too many is refused, not wrapped
      free = end;
      return at;
    },
    floats() {
      if (view.buffer !== memory.buffer) view = new Float32Array(memory.buffer);
      return view;
    },
  };
}

/** Room that is as large as the largest length asked for so far; what stood in it is lost when it grows. */
function growing(room: Arena): (length: number) => Address {
  let at = 0;
  let capacity = 0;
  return (length) => {
    if (length > capacity) {
      const larger = Math.max(length, capacity * 2); // doubling: what is left behind is never more than what is used
      at = room.take(larger);
      capacity = larger;
    }
    return at;
  };
}
