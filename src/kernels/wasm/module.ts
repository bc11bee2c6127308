import type { Address } from "./arena.ts";
import { claim, meet } from "./crew.ts";
import type { Int8 } from "./int8/index.ts";
import { moduleBuilder } from "./module-builder.ts";
import { packRows, transpose } from "./pack.ts";
import { packedProduct } from "./product.ts";
import type { Tile } from "./row-tiles.ts";
import { copy, layerNorm, overLanes, softmax, unpack } from "./rows.ts";
import { gelu, geluTanh, type Lanes, relu } from "./vector-math.ts";

/** What the module offers. Addresses and strides are in bytes, T, K, H, L in numbers. */
export interface Functions {
  packRows(to: Address, x: Address, stride: number, T: number, K: number, share: number, shares: number): void;
  // biome-ignore format: one line a function
  product(sums: Address, x: Address, group: Address, bias: Address, T: number, K: number, panels: number): void;
  gelu(at: Address, bytes: number): void;
  gelu_tanh(at: Address, bytes: number): void;
  relu(at: Address, bytes: number): void;
  transpose(to: Address, from: Address, stride: number, rows: number, K: number): void;
  unpack(to: Address, stride: number, from: Address, T: number, panels: number): void;
  copy(to: Address, from: Address, toStride: number, fromStride: number, rows: number, bytes: number): void;
  softmax(scores: Address, stride: number, rows: number, L: number, scale: number): void;
  // biome-ignore format: one line a function
  layerNorm(to: Address, x: Address, residual: Address, gain: Address, shift: Address, mask: Address, T: number, H: number, epsilon: number, row: Address): void;
  /** These two in the module for shared memory. */
  claim(at: Address): number;
  meet(at: Address, count: number): void;
}

export { CREW, FIRST_FREE, MASKS } from "./layout.ts";

/** The kernels as a module. Every size is a parameter; only the tile is built in. */
export function kernelModule(tile: Tile, shared: boolean, mark?: string, int8?: Int8): Uint8Array<ArrayBuffer> {
  const m = moduleBuilder({ shared, maximum: 65536 });
  packRows(m, tile);
  packedProduct(m, tile);
  int8?.functions(m);
  for (const [name, lanes] of ACTIVATIONS) overLanes(m, name, lanes);
  transpose(m, 16 * tile.vectors);
  copy(m);
  unpack(m, tile.vectors);
  softmax(m);
  layerNorm(m);
  if (shared) {
    claim(m);
    meet(m);
  }
  return m.bytes(mark);
}

const ACTIVATIONS: readonly (readonly [string, Lanes])[] = [
  ["gelu", gelu],
  ["gelu_tanh", geluTanh],
  ["relu", relu],
];
