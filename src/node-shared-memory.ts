import { Worker } from "node:worker_threads";

/** Writes a word of the memory it is given and wakes whoever waits for it. */
const PROBE =
  "const { workerData } = require('node:worker_threads'); const words = new Int32Array(workerData.buffer); Atomics.store(words, 0, 1); Atomics.notify(words, 0);";

/** Starts a worker that is given memory; the answer stops it. */
export type StartProbe = (code: string, memory: WebAssembly.Memory) => () => unknown;

/**
 * Whether memory is really shared with workers, found out with one, in 20 ms. Bun's runtime for WebAssembly is not V8, and its workers are young: a
 * team whose members each had a memory of their own would wait for each other for ever. False where nothing comes back for `patience` ms.
 */
export function sharesMemory(start: StartProbe = probe, patience = 5000): boolean {
  let stop: (() => unknown) | undefined;
  try {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const words = new Int32Array(memory.buffer);
    stop = start(PROBE, memory);
    Atomics.wait(words, 0, 0, patience);
    return Atomics.load(words, 0) === 1;
  } catch {
    return false;
  } finally {
    stop?.();
  }
}

const probe: StartProbe = (code, memory) => {
  const worker = new Worker(code, { eval: true, workerData: memory });
  worker.unref();
  return () => worker.terminate();
};
