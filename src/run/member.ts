import type { Batch } from "../base/batch.ts";
import type { BertConfig } from "../bert/config.ts";
import { type BertWeights, forward, type Scratch } from "../bert/forward.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { type Address, PAGE } from "../kernels/wasm/arena.ts";
import { int8 } from "../kernels/wasm/int8/index.ts";
import { type Seat, takeSeat } from "../kernels/wasm/seat.ts";

/** What a team tells its members, in this order: where the numbers are, numbers to keep, what to run, and then batches. */
export type Order =
  | { readonly kind: "memory"; readonly memory: WebAssembly.Memory | MemorySize }
  | { readonly kind: "put"; readonly at: Address; readonly values: Float32Array }
  | ({ readonly kind: "start"; readonly seat: Seat } & Model)
  | { readonly kind: "run"; readonly batch: Batch; readonly words: Float32Array; readonly see: boolean };

/** A memory of the member's own. */
export interface MemorySize {
  readonly initial: number;
  readonly maximum: number;
}

interface Model {
  /** Where the memory in use ends. */
  readonly end: Address;
  readonly weights: BertWeights<Address>;
  readonly config: BertConfig;
  readonly scratch: Scratch<Address>;
}

/** A stage of the forward pass: its name in `bert/forward.ts`, its numbers, and their shape. */
export type Stage = readonly [name: string, values: Float32Array, shape: readonly [rows: number, columns: number]];

/** What a member answers: that it is there, that it can be told to run, and what the first of them has at the end of a batch. */
export type Answer =
  | { readonly kind: "ready" }
  | { readonly kind: "done"; readonly hidden: Float32Array; readonly stages: readonly Stage[] }
  | { readonly kind: "failed"; readonly message: string };

/**
 * A worker's side of a team: follows orders one after the other. All members run the same `forward`; each does its share of every
 * operation, and the last of them to finish an operation lets all go on to the next.
 */
export function member(answer: (answer: Answer, transfer: ArrayBuffer[]) => void): (order: Order) => void {
  let memory: WebAssembly.Memory;
  let run: (order: Order & { kind: "run" }) => Promise<void>;
  const follow = async (order: Order): Promise<void> => {
    switch (order.kind) {
      case "memory":
        memory =
          order.memory instanceof WebAssembly.Memory ? order.memory : new WebAssembly.Memory({ ...order.memory });
        return answer({ kind: "ready" }, []);
      case "put":
        reach(memory, order.at + order.values.byteLength);
        new Float32Array(memory.buffer, order.at, order.values.length).set(order.values);
        return;
      case "start":
        reach(memory, order.end);
        run = runner(
          await takeSeat(order.seat, memory, (plan) => int8(plan, 128)),
          order.seat.index === 0,
          order,
          answer,
        );
        return answer({ kind: "ready" }, []);
      case "run":
        return run(order);
    }
  };
  let last = Promise.resolve();
  return (order) => {
    last = last
      .then(() => follow(order))
      .catch((error: unknown) => answer({ kind: "failed", message: String(error) }, []));
  };
}

/** Makes the memory reach up to an address. */
function reach(memory: WebAssembly.Memory, end: Address): void {
  const missing = end - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
}

function runner(
  kernels: Kernels<Address>,
  first: boolean,
  { weights, config, scratch }: Model,
  answer: (answer: Answer, transfer: ArrayBuffer[]) => void,
): (order: Order & { kind: "run" }) => Promise<void> {
  return async ({ batch, words, see }) => {
    const seen: { name: string; values: Promise<Float32Array>; shape: readonly [number, number] }[] = [];
    const x = await forward(kernels, weights, config, batch, words, scratch, (name, buffer, shape) => {
      // The others cannot have written over it: they wait for this one at the end of every operation.
      if (see && first) seen.push({ name, shape, values: kernels.read(buffer, shape[0] * shape[1]) });
    });
    if (!first) return;
    const hidden = await kernels.read(x, batch.ids.length * config.hiddenSize);
    const stages: Stage[] = [];
    for (const { name, values, shape } of seen) stages.push([name, await values, shape]);
    const buffers = [hidden, ...stages.map(([, values]) => values)].map((values) => values.buffer as ArrayBuffer);
    answer({ kind: "done", hidden, stages }, buffers);
  };
}
