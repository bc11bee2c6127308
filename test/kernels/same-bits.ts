import type { Kernels } from "../../src/kernels/kernels.ts";
import type { Address } from "../../src/kernels/wasm/arena.ts";
import { randomNumbers } from "../random.ts";

/* What tests of very bits share: operands, somewhere to write that shows every fault, and the comparison. */

/** Throws with the first number whose bits are not those wanted. */
export function sameBits(ours: Float32Array, wanted: Float32Array, what: string): void {
  if (ours.length !== wanted.length || wanted.length === 0) throw new Error(`${what}: ${ours.length} numbers`);
  const [a, b] = [ours, wanted].map((values) => new Uint32Array(values.buffer, values.byteOffset, values.length));
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) throw new Error(`${what}: ${ours[i]} is not ${wanted[i]} at ${i}`);
  }
}

/** Numbers of sizes that differ, so that sums round at every term: up to 8, as often below 1/8 as above. */
export function mixed(seed: number): (length: number) => Float32Array {
  const random = randomNumbers(seed);
  return (length) => random(length).map((value, i) => value * [8, 1, 0.125, 0.01][(i * 7) % 4]);
}

/** What an operation writes and reads, on some backend of WebAssembly addresses. */
export interface Bench {
  readonly kernels: Kernels<Address>;
  put(values: Float32Array): Address;
  /** Room for `length` numbers, filled with NaN, so that one left out shows; and a guard after them that must stay. */
  out(length: number): { at: Address; read(): Promise<Float32Array> };
}

const GUARD = 40;

export function benchOf(kernels: Kernels<Address>): Bench {
  const upload = (values: Float32Array): Address => {
    const at = kernels.alloc(values.length);
    kernels.write(at, values);
    return at;
  };
  return {
    kernels,
    put: upload,
    out(length) {
      const at = upload(new Float32Array(length + GUARD).fill(Number.NaN).fill(1234.5, length));
      return {
        at,
        async read() {
          const all = await kernels.read(at, length + GUARD);
          if (!all.subarray(length).every((value) => value === 1234.5)) throw new Error("written past the end");
          return all.slice(0, length);
        },
      };
    },
  };
}
