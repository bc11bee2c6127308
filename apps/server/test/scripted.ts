// A model that does as the test tells it, and requests to a queue before it.
import type { EmbeddingModel } from "../src/model.ts";
import type { Queue, QueueOptions } from "../src/queue.ts";

export interface Call {
  readonly inputs: readonly unknown[];
  readonly signal: AbortSignal;
  /** Answers each text with a row that holds the text. */
  answer(): void;
  fail(error: Error): void;
}

/** A model whose calls wait for the test. A text is a number. `broken` makes it fail whatever it is asked. */
export function scripted(): {
  model: EmbeddingModel;
  calls: Call[];
  next: () => Promise<Call>;
  state: { broken: boolean; disposed: boolean };
} {
  const calls: Call[] = [];
  const state = { broken: false, disposed: false };
  let seen = 0;
  let came = (): void => {};
  const encode = (inputs: readonly unknown[] | string, options?: { signal: AbortSignal }): Promise<unknown> => {
    if (state.broken) return Promise.reject(new Error("a worker has stopped"));
    if (inputs === "가") return Promise.resolve(Float32Array.of(0)); // asked whether it still works
    const signal = options?.signal as AbortSignal;
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      const rows = (inputs as number[]).map((input) => Float32Array.of(input));
      calls.push({ inputs: inputs as number[], signal, answer: () => resolve(rows), fail: reject });
      came();
    });
  };
  const next = async (): Promise<Call> => {
    while (calls.length <= seen) await new Promise<void>((resolve) => (came = resolve));
    return calls[seen++];
  };
  const dispose = async (): Promise<void> => {
    state.disposed = true;
  };
  return { model: { encode, dispose } as unknown as EmbeddingModel, calls, next, state };
}

export const OPTIONS: QueueOptions = { maxBatchTokens: 10, maxQueuedTokens: 100, timeout: 1000 };

export const add = (queue: Queue, values: readonly number[], tokens = 1, more: object = {}) => {
  const texts = values.map((value) => ({ input: value as never, tokens }));
  const added = queue.add({ texts, kind: "sentence", ...more });
  const rows = added.done.then(({ rows }) => rows.map((row) => (row as Float32Array)[0]));
  rows.catch(() => {}); // asserted where it matters
  return { ...added, rows };
};
