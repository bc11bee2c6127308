import type { Variant } from "../kernels/wasm/variants.ts";

/** A worker as this engine needs it, whatever the runtime calls it. */
export interface Thread {
  post(message: unknown, transfer?: ArrayBuffer[]): void;
  /** Called with every message from it, and once with what ended it when it ends by itself. */
  listen(message: (message: unknown) => void, ended: (why: unknown) => void): void;
  /** Whether this worker alone keeps the process from ending. */
  hold(open: boolean): void;
  stop(): Promise<void>;
}

/** How workers come about on this runtime. */
export interface Threads {
  /** Starts one; throws where that is not possible. */
  spawn(workerUrl?: string | URL): Thread;
  /** Another way, for where no worker comes of the first; `munjang/inline-worker` brings it. */
  spare?(): Thread;
  /** Cores a model may use when nobody says how many. */
  readonly cores: number;
  /** Why none are started unless somebody says how many. */
  readonly wary?: string;
  /** Whether memory can be shared with workers here. */
  readonly shared: boolean;
  /**
   * Tells the engine to pair 128-bit operations into 256-bit ones, for the whole process and for good, and compiles a variant. ModelError where
   * it cannot.
   */
  widen?(kind: Variant, shared: boolean): Promise<WebAssembly.Module>;
}

let platform: Threads | undefined;

/** Called by the entry of a runtime that has workers. */
export function setThreads(to: Threads): void {
  platform = to;
}

export function threadsHere(): Threads | undefined {
  return platform;
}
