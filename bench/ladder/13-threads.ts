import { moduleBuilder } from "../../src/kernels/wasm/module-builder.ts";
import { tiles } from "./08-wasm-tiles.ts";
import { type Compute, packColumns, packRows } from "./in-wasm.ts";
import type { Rung } from "./rung.ts";
import { startThread, type Thread } from "./thread.ts";

/**
 * The tiles of 5 x 8 on all cores, over one memory: each takes a share of the columns. Whoever waits spins, because a product takes less time
 * than waking a thread.
 */
export const threads: Rung = {
  name: "threads",
  idea: "every core takes a share of the columns",
  after: "SIMD tiles, 5 x 8",
  async make(b, { M, K, N }) {
    const cores = Math.min(8, globalThis.navigator?.hardwareConcurrency ?? 2);
    const builder = moduleBuilder({ shared: true, maximum: 65_536 });
    tiles({ rows: 5, vectors: 2, unroll: 8 })(builder);
    const module = await WebAssembly.compile(builder.bytes());
    // Behind the matrices two words: the number of the call, and how many have done their part of it.
    const [atB, atC, atWords] = [M * K, M * K + K * N, M * K + K * N + M * N];
    const pages = Math.ceil((4 * (atWords + 2)) / 65_536);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: 65_536, shared: true });
    const floats = new Float32Array(memory.buffer);
    const words = new Int32Array(memory.buffer, 4 * atWords, 2);
    packColumns(floats.subarray(atB, atC), b, K, N, 8);
    const share = (n: number): number => 8 * Math.floor(((N / 8) * n) / cores);
    const others: Thread[] = [];
    for (let n = 1; n < cores; n++) {
      const [first, end] = [share(n), share(n + 1)];
      const at = [0, 4 * (atB + first * K), 4 * (atC + first), M, K, N, end - first];
      others.push(await startThread({ module, memory, words: 4 * atWords, at }));
    }
    const { product } = (await WebAssembly.instantiate(module, { env: { memory } })).exports as { product: Compute };
    return {
      run(a, c) {
        packRows(floats, a, M, K, 5);
        Atomics.store(words, 1, 0);
        Atomics.add(words, 0, 1);
        Atomics.notify(words, 0);
        product(0, 4 * atB, 4 * atC, M, K, N, share(1));
        while (Atomics.load(words, 1) < others.length);
        c.set(floats.subarray(atC, atWords));
      },
      async dispose() {
        for (const other of others) await other.stop();
      },
    };
  },
};
