import { ModelError } from "../../base/errors.ts";
import type { Tensor } from "../../base/tensor.ts";
import type { Kernels, Linear } from "../kernels.ts";
import { type Address, arena, growing, PAGE, type Store } from "./arena.ts";
import { alone } from "./crew.ts";
import { GROUP, packWeights, ROWS } from "./layout.ts";
import { FIRST_FREE, type Functions, kernelModule, MASKS } from "./module.ts";
import { operations } from "./operations.ts";
import type { Tile } from "./product.ts";
import { CONSTANTS, constants } from "./vector-math.ts";

/** Ten sums, two vectors of the weight, one of x and one product are 14 of the 15 registers that V8 has for them. */
const NARROW: Tile = { rows: 5, vectors: 2 };

/**
 * The WebAssembly SIMD backend: float32 throughout, every sum in a fixed order, multiply then add, so that a sentence has the same bits
 * whatever the batch, the runtime and the machine (docs/kernels.md). Rejects where WebAssembly or its SIMD is missing or forbidden.
 */
export async function wasm(): Promise<Kernels<Address>> {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: PAGE });
  const { instance } = await WebAssembly.instantiate(kernelModule(NARROW, false), { env: { memory } });
  const room = arena(memory, FIRST_FREE);
  writeConstants(room);
  const P = 4 * NARROW.vectors;
  const rooms = {
    packed: growing(room.take),
    scratch: growing(room.take),
    sums: room.take(ROWS * GROUP),
    zeros: room.take(GROUP),
  };
  return {
    name: "wasm",
    ...storing(room, P),
    read: async (from, length) => room.floats().slice(from / 4, from / 4 + length),
    dispose: async () => {},
    ...operations(instance.exports as unknown as Functions, room.floats, P, alone(), rooms),
  };
}

/** The constants that kernels read from memory. */
export function writeConstants(room: Store): void {
  room.put(CONSTANTS, Float32Array.from(constants));
  const ones = new Float32Array(new Int32Array([-1, -1, -1]).buffer);
  for (const inside of [1, 2, 3]) room.put(MASKS + 16 * inside, ones.subarray(0, inside));
}

/** The part of the interface that is used at load: it only needs a place to write to. */
export function storing(store: Store, P: number): Pick<Kernels<Address>, "alloc" | "write" | "prepare"> {
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
