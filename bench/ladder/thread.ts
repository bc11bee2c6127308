/** What another thread is given: where its part of the product lies, and the two words by which it is called and answers. */
export interface Task {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly words: number;
  readonly at: readonly number[];
}

export interface Thread {
  stop(): unknown;
}

/** Runs on the thread: waits for a call, computes its part, says so. A negative number of the call ends it. */
const PROGRAM = `async ({ module, memory, words, at }, ready) => {
  const { product } = (await WebAssembly.instantiate(module, { env: { memory } })).exports;
  const word = new Int32Array(memory.buffer, words, 2);
  let call = Atomics.load(word, 0);
  ready();
  for (;;) {
    // Spins for a while, then sleeps.
    for (let turn = 0; turn < 20000 && Atomics.load(word, 0) === call; turn++);
    Atomics.wait(word, 0, call);
    call = Atomics.load(word, 0);
    if (call < 0) return;
    product(...at);
    Atomics.add(word, 1, 1);
  }
}`;

/** The part of node:worker_threads that is used; this file also runs in pages, which know nothing of Node. */
interface NodeThreads {
  Worker: new (
    source: string,
    options: object,
  ) => {
    unref(): void;
    once(
      event: string,
      listener: (value: never) => void,
    ): { once(event: string, listener: (value: never) => void): void };
    terminate(): Promise<unknown>;
  };
}

/** In Node by its own threads, elsewhere by the web's. */
export async function startThread(task: Task): Promise<Thread> {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): NodeThreads } };
  const threads = process?.getBuiltinModule?.("node:worker_threads");
  if (threads !== undefined) {
    const source = `const { parentPort, workerData } = require("node:worker_threads");
      (${PROGRAM})(workerData, () => parentPort.postMessage(0));`;
    const worker = new threads.Worker(source, { eval: true, workerData: task });
    worker.unref();
    await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
    return { stop: () => worker.terminate() };
  }
  const source = `onmessage = ({ data }) => (${PROGRAM})(data, () => postMessage(0));`;
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(url);
  worker.postMessage(task);
  await new Promise((resolve, reject) => {
    worker.onmessage = resolve;
    worker.onerror = ({ message }) => reject(new Error(message));
  });
  URL.revokeObjectURL(url);
  return { stop: () => worker.terminate() };
}
