import { refuse } from "../../base/door.ts";
import type { Kernels, Linear, Loading } from "../kernels.ts";
import { type Address, arena, growing, PAGE, put, type Store } from "./arena.ts";
import { alone } from "./crew.ts";
import type { Int8 } from "./int8/index.ts";
import { CONSTANTS, FIRST_FREE, GROUP, MASKS, packedSize, packWeights, ROWS } from "./layout.ts";
import type { Functions } from "./module.ts";
import { operations } from "./operations.ts";
import { packedFor, scratchFor } from "./seat.ts";
import { compile, panelOf, type Variant, variant } from "./variants.ts";
import { constants } from "./vector-math.ts";

/**
 * The WebAssembly SIMD backend: float32 throughout, every sum in a fixed order, multiply then add, so that a sentence has the same bits
 * whatever the batch, the runtime and the machine (docs/kernels.md). Rejects where WebAssembly or its SIMD is missing or forbidden.
 */
export async function wasm(): Promise<Kernels<Address>> {
  const kind = variant("wasm", 128);
  return wasmOf(await compile(kind, false), kind);
}

/** The kernels of one thread, from a variant's module for memory that is not shared. */
export async function wasmOf(module: WebAssembly.Module, kind: Variant): Promise<Kernels<Address>> {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: PAGE });
  const instance = await WebAssembly.instantiate(module, { env: { memory } });
  const f = instance.exports as unknown as Functions;
  const crew = alone();
  const room = arena(memory, FIRST_FREE);
  writeConstants(room);
  const P = panelOf(kind);
  const rooms = {
    packed: growing(room.take),
    scratch: growing(room.take),
    sums: room.take(ROWS * GROUP),
    zeros: room.take(GROUP),
    own: 0,
  };
  return {
    name: kind.name,
    // What a batch needs beside its activations, taken once: rooms that grow leave behind what they were.
    reserve(sizes, tokens) {
      rooms.packed(packedFor(sizes, tokens));
      rooms.scratch(scratchFor(sizes, tokens, P));
    },
    ...storing(room, P, kind.int8),
    read: async (from, length) => room.floats().slice(from / 4, from / 4 + length),
    dispose: async () => {},
    ...operations(f, room.floats, P, crew, rooms, kind.int8?.product(f)),
  };
}

/** The constants that kernels read from memory. */
export function writeConstants(room: Store): void {
  put(room, CONSTANTS, Float32Array.from(constants));
  const ones = new Float32Array(new Int32Array([-1, -1, -1]).buffer);
  for (const inside of [1, 2, 3]) put(room, MASKS + 16 * inside, ones.subarray(0, inside));
}

/** The part of the interface that is used at load: it only needs a place to write to. */
export function storing(store: Store, P: number, int8?: Int8): Loading<Address> {
  /** Where memory ends. */
  const orRefuse = (prepare: () => Linear<Address>): Linear<Address> => {
    try {
      return prepare();
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      return refuse("backend", "there is no memory for the model's weights: WebAssembly has 4 GB at most", "wasm");
    }
  };
  return {
    copies: true,
    alloc: store.take,
    expect: store.expect,
    write: (to, values) => put(store, to, values),
    prepare: (weight, bias) =>
      orRefuse(() => {
        const [N, K] = weight.shape;
        const size = packedSize(N, K, P);
        const linear = { weight: store.take(size), bias: store.take(Math.ceil(N / P) * P), in: K, out: N };
        store.fill(linear.weight, size, (packed) => packWeights(packed, weight.data, weight.offset, N, K, P));
        put(store, linear.bias, bias.data.subarray(bias.offset, bias.offset + N));
        return linear;
      }),
    prepareWhole: int8 && ((weight, bias) => orRefuse(() => int8.prepare(store, P, weight, bias))),
  };
}
