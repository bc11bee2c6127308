import type { QuantisedTensor, Tensor } from "../../../base/tensor.ts";
import type { Linear } from "../../kernels.ts";
import { type Address, put, type Store } from "../arena.ts";
import { MASKS } from "../layout.ts";
import type { ModuleBuilder } from "../module-builder.ts";
import type { Product } from "../operations.ts";
import type { Tile } from "../row-tiles.ts";
import { type Dot, TILES } from "./dots.ts";
import { checkInputs } from "./inputs.ts";
import { type Bits, columnBytes, packWhole } from "./layout.ts";
import { wholeProduct } from "./product.ts";
import { quantiseRows } from "./quantise.ts";

/** How a model of whole numbers is computed. Plain data, to be posted to workers. */
export interface Int8Plan {
  readonly bits: Bits;
  readonly dot: Dot;
}

/** What products of whole numbers add to the module, to loading and to the operations. */
export interface Int8 {
  readonly plan: Int8Plan;
  functions(m: ModuleBuilder): void;
  /** Packs a weight into the store, panels of `P` columns. */
  prepare(store: Store, P: number, weight: QuantisedTensor, bias: Tensor<Float32Array>): Linear<Address>;
  /** The product, by the module's functions. */
  product(functions: object): Product;
}

/** The functions this adds to the module; addresses and strides in bytes. */
interface Functions8 {
  // biome-ignore format: one line a function
  quantiseRows(to: Address, rows: Address, x: Address, balance: Address, mask: Address, T: number, K: number, share: number, shares: number): void;
  // biome-ignore format: one line a function
  product8(to: Address, x: Address, rows: Address, group: Address, columns: Address, T: number, K: number, panels: number): void;
}

export function int8(plan: Int8Plan, width: 128 | 256): Int8 {
  const { bits, dot } = plan;
  const tile: Tile = TILES[dot](width);
  return {
    plan,
    functions(m) {
      quantiseRows(m, tile, dot, bits);
      wholeProduct(m, tile, dot, width);
    },
    prepare(store, P, { data, shape: [N, K], scale, sum, balance }, bias) {
      checkInputs(K, bits);
      const panels = Math.ceil(N / P);
      const weight = store.take((panels * P * columnBytes(K)) / 4);
      store.fill(weight, (panels * P * columnBytes(K)) / 4, (into) => {
        packWhole(new Int8Array(into.buffer, into.byteOffset, into.byteLength), data, N, K, P, dot);
      });
      const columns = store.take(panels * 3 * P);
      store.fill(columns, panels * 3 * P, (into) => {
        const whole = new Int32Array(into.buffer, into.byteOffset, into.length);
        for (let n = 0; n < N; n++) {
          const at = 3 * (n - (n % P)) + (n % P);
          into[at] = scale[n];
          whole[at + P] = sum[n];
          into[at + 2 * P] = bias.data[bias.offset + n];
        }
      });
      const factors = store.take(K);
      put(store, factors, balance);
      return { weight, bias: columns, in: K, out: N, balance: factors };
    },
    product(functions) {
      const f = functions as Functions8;
      /** The rows' scales stand behind the rows. */
      const rowsAt = (packed: Address, K: number, T: number): Address =>
        packed + Math.ceil((T * columnBytes(K) * (dot === "pairs2" ? 2 : 1)) / 16) * 16;
      return {
        pack: (packed, x, { in: K, balance }, T, index, count) =>
          f.quantiseRows(packed, rowsAt(packed, K, T), x, balance as Address, MASKS + 16 * (K % 4), T, K, index, count),
        group: (to, packed, { weight, bias, in: K }, n, T, panels) =>
          f.product8(to, packed, rowsAt(packed, K, T), weight + n * columnBytes(K), bias + 12 * n, T, K, panels),
      };
    },
  };
}
