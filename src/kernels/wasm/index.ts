import { ModelError } from "../../base/errors.ts";
import type { Tensor } from "../../base/tensor.ts";
import type { Kernels, Linear, Loading } from "../kernels.ts";
import { type Address, arena, growing, PAGE, type Store } from "./arena.ts";
import { alone } from "./crew.ts";
import { GROUP, packWeights, ROWS } from "./layout.ts";
import { FIRST_FREE, type Functions, kernelModule, MASKS } from "./module.ts";
import { operations } from "./operations.ts";
import type { Tile } from "./product.ts";
import { CONSTANTS, constants } from "./vector-math.ts";

/** One way to compute: a register tile, and what it asks of the machine. */
export interface Variant {
  readonly name: string;
  readonly tile: Tile;
  /** Bits of the vectors that are hoped for. */
  readonly width: 128 | 256;
  /** Sets the module's bytes apart from others', so that an engine cannot hand back code it made of the same bytes earlier. */
  readonly mark?: string;
}

/** Ten sums, two vectors of the weight, one of x and one product are 14 of the 15 registers that V8 has for them. */
export const NARROW: Variant = { name: "wasm", tile: { rows: 5, vectors: 2 }, width: 128 };

/**
 * The WebAssembly SIMD backend: float32 throughout, every sum in a fixed order, multiply then add, so that a sentence has the same bits
 * whatever the batch, the runtime and the machine (docs/kernels.md). Rejects where WebAssembly or its SIMD is missing or forbidden.
 */
export async function wasm(variant: Variant = NARROW): Promise<Kernels<Address>> {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: PAGE });
  const instance = await WebAssembly.instantiate(await compile(variant, false), { env: { memory } });
  const room = arena(memory, FIRST_FREE);
  writeConstants(room);
  const P = panelOf(variant);
  const rooms = {
    packed: growing(room.take),
    scratch: growing(room.take),
    sums: room.take(ROWS * GROUP),
    zeros: room.take(GROUP),
  };
  return {
    name: variant.name,
    ...storing(room, P),
    read: async (from, length) => room.floats().slice(from / 4, from / 4 + length),
    dispose: async () => {},
    ...operations(instance.exports as unknown as Functions, room.floats, P, alone(), rooms),
  };
}

/** The variant's module, for memory that threads share or for one thread's own. */
export function compile({ tile, mark }: Variant, shared: boolean): Promise<WebAssembly.Module> {
  return WebAssembly.compile(kernelModule(tile, shared, mark));
}

/** Columns of a panel. */
export function panelOf({ tile }: Variant): number {
  return 4 * tile.vectors;
}

/** The constants that kernels read from memory. */
export function writeConstants(room: Store): void {
  room.put(CONSTANTS, Float32Array.from(constants));
  const ones = new Float32Array(new Int32Array([-1, -1, -1]).buffer);
  for (const inside of [1, 2, 3]) room.put(MASKS + 16 * inside, ones.subarray(0, inside));
}

/** The part of the interface that is used at load: it only needs a place to write to. */
export function storing(store: Store, P: number): Loading<Address> {
  return {
    alloc: store.take,
    write: store.put,
    prepare(weight: Tensor<Float32Array>, bias: Tensor<Float32Array>): Linear<Address> {
      const [N, K] = weight.shape;
      try {
        const packed = packWeights(weight.data, weight.offset, N, K, P);
        const linear = { weight: store.take(packed.length), bias: store.take(Math.ceil(N / P) * P), in: K, out: N };
        store.put(linear.weight, packed);
        store.put(linear.bias, bias.data.subarray(bias.offset, bias.offset + N));
        return linear;
      } catch (cause) {
        if (!(cause instanceof RangeError)) throw cause;
        throw new ModelError("there is no memory for the model's weights: WebAssembly has 4 GB at most", {
          field: "backend",
          value: "wasm",
          cause,
        });
      }
    },
  };
}
