// Batches, bounds, and what happens to those who leave or break things, with a model that does as it is told.
import { describe, expect, it } from "vitest";
import type { EmbeddingModel } from "../src/model.ts";
import { openQueue, type Queue, type QueueOptions } from "../src/queue.ts";
import { Refusal } from "../src/refusal.ts";

interface Call {
  readonly inputs: readonly unknown[];
  readonly signal: AbortSignal;
  /** Answers each text with a row that holds the text. */
  answer(): void;
  fail(error: Error): void;
}

/** A model whose calls wait for the test. A text is a number. `broken` makes it fail whatever it is asked. */
function scripted(): {
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

const OPTIONS: QueueOptions = { maxBatchTokens: 10, maxQueuedTokens: 100, timeout: 1000 };

const add = (queue: Queue, values: readonly number[], tokens = 1, more: object = {}) => {
  const texts = values.map((value) => ({ input: value as never, tokens }));
  const added = queue.add({ texts, kind: "sentence", ...more });
  const rows = added.done.then(({ rows }) => rows.map((row) => (row as Float32Array)[0]));
  rows.catch(() => {}); // asserted where it matters
  return { ...added, rows };
};

describe("batches", () => {
  it("computes at once, and gathers what comes meanwhile by tokens, in order", async () => {
    const { model, next } = scripted();
    const queue = openQueue(model, undefined, OPTIONS);
    const first = add(queue, [1]);
    const second = add(queue, [2]);
    const rest = [add(queue, [3, 4, 5], 3), add(queue, [6, 7], 2), add(queue, [8], 2)];
    const [a, b] = [await next(), await next()];
    expect([a.inputs, b.inputs]).toEqual([[1], [2]]); // two in the engine's hands, no more
    expect(queue.waiting).toEqual({ requests: 3, tokens: 15 });
    a.answer();
    const c = await next();
    expect(c.inputs).toEqual([3, 4, 5]); // and 6 would be 11 tokens
    b.answer();
    const d = await next();
    expect(d.inputs).toEqual([6, 7, 8]);
    d.answer(); // before the batch that came before it
    c.answer();
    expect(await first.rows).toEqual([1]);
    expect(await second.rows).toEqual([2]);
    expect(await Promise.all(rest.map(({ rows }) => rows))).toEqual([[3, 4, 5], [6, 7], [8]]);
    expect(queue.waiting).toEqual({ requests: 0, tokens: 0 });
  });

  it("cuts a large request into several batches, and a text larger than a batch is one of its own", async () => {
    const { model, next, calls } = scripted();
    const queue = openQueue(model, undefined, OPTIONS);
    const large = add(queue, [1, 2, 3, 4, 5], 4);
    const huge = add(queue, [6], 50);
    for (let batch = 0; batch < 4; batch++) (await next()).answer();
    expect(await large.rows).toEqual([1, 2, 3, 4, 5]);
    expect(await huge.rows).toEqual([6]);
    expect(calls.map(({ inputs }) => inputs)).toEqual([[1, 2], [3, 4], [5], [6]]);
  });

  it("does not mix rows of sentences with rows of tokens, nor prompts", async () => {
    const { model, next, calls } = scripted();
    const queue = openQueue(model, undefined, OPTIONS);
    add(queue, [0]);
    add(queue, [0]);
    add(queue, [1]);
    add(queue, [2], 1, { kind: "tokens" });
    add(queue, [3], 1, { prompt: "a" });
    add(queue, [4], 1, { prompt: "a" });
    for (let batch = 0; batch < 5; batch++) (await next()).answer();
    expect(calls.slice(2).map(({ inputs }) => inputs)).toEqual([[1], [2], [3, 4]]);
  });
});

describe("bounds", () => {
  it("turns away what does not fit, and takes it later; a request finds room in an empty queue however large", async () => {
    const { model, next } = scripted();
    const queue = openQueue(model, undefined, OPTIONS);
    const taken = [add(queue, [1]), add(queue, [2]), add(queue, [3], 200)];
    expect(() => add(queue, [4])).toThrow(expect.objectContaining({ reason: "overloaded", retryAfter: 1 }));
    for (let batch = 0; batch < 3; batch++) (await next()).answer();
    await Promise.all(taken.map(({ done }) => done));
    const later = add(queue, [4]);
    (await next()).answer();
    expect(await later.rows).toEqual([4]);
  });
});

describe("time", () => {
  it("turns away who could not be answered in time, by what full batches took of late, and never by small ones", async () => {
    const { model, next } = scripted();
    const queue = openQueue(model, undefined, { ...OPTIONS, timeout: 1, maxQueuedTokens: 1e9 });
    const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
    const small = add(queue, [1]); // 20 ms for a token: no measure of a million
    await pause();
    (await next()).answer();
    await small.rows;
    const large = add(queue, [2], 1_000_000);
    const behind = add(queue, [3]);
    await pause();
    (await next()).answer();
    (await next()).answer();
    await Promise.all([large.rows, behind.rows]);
    // A million in 20 ms; ten million are more than a millisecond.
    const longer = add(queue, [4], 10_000_000);
    expect(() => add(queue, [5])).toThrow(expect.objectContaining({ reason: "overloaded" }));
    (await next()).answer();
    expect(await longer.rows).toEqual([4]);
  });
});

describe("leaving", () => {
  it("takes the texts out of the queue, and stops a batch that nobody waits for any more", async () => {
    const { model, next, calls } = scripted();
    const queue = openQueue(model, undefined, OPTIONS);
    const flying = add(queue, [1]);
    const other = add(queue, [2]);
    const waiting = add(queue, [3], 9);
    const patient = add(queue, [4]);
    const [a, b] = [await next(), await next()];
    const gone = new Refusal("gone", "the client has left");
    for (const { drop } of [flying, waiting]) drop(gone);
    expect(queue.waiting).toEqual({ requests: 1, tokens: 1 });
    await expect(flying.rows).rejects.toBe(gone);
    await expect(waiting.rows).rejects.toBe(gone);
    expect([a.signal.aborted, b.signal.aborted]).toEqual([true, false]);
    b.answer();
    (await next()).answer();
    expect(await other.rows).toEqual([2]);
    expect(await patient.rows).toEqual([4]);
    expect(calls.flatMap(({ inputs }) => inputs)).toEqual([1, 2, 4]);
  });

  it("does not stop a batch that somebody else waits for", async () => {
    const { model, next } = scripted();
    const queue = openQueue(model, undefined, OPTIONS);
    add(queue, [0]);
    add(queue, [0]);
    const leaving = add(queue, [1]);
    const staying = add(queue, [2]);
    (await next()).answer();
    (await next()).answer();
    const shared = await next();
    expect(shared.inputs).toEqual([1, 2]);
    leaving.drop(new Refusal("gone", ""));
    expect(shared.signal.aborted).toBe(false);
    shared.answer();
    expect(await staying.rows).toEqual([2]);
  });
});

describe("failing", () => {
  it("computes the requests of a failed batch one by one, so that one bad one takes no other along", async () => {
    const { model, next } = scripted();
    const queue = openQueue(model, undefined, OPTIONS);
    add(queue, [0]);
    add(queue, [0]);
    const [good, bad, fine] = [add(queue, [1, 2]), add(queue, [3]), add(queue, [4])];
    (await next()).answer();
    (await next()).answer();
    const together = await next();
    expect(together.inputs).toEqual([1, 2, 3, 4]);
    together.fail(new Error("its vector is not a number"));
    for (const expected of [[1, 2], [3], [4]]) {
      const call = await next();
      expect(call.inputs).toEqual(expected);
      if (expected[0] === 3) call.fail(new Error("its vector is not a number"));
      else call.answer();
    }
    expect(await good.rows).toEqual([1, 2]);
    expect(await fine.rows).toEqual([4]);
    await expect(bad.rows).rejects.toMatchObject({ reason: "backend", message: /its vector is not a number/ });
    expect(queue.healthy).toBe(true);
  });

  it("loads a broken model again and loses no request", async () => {
    const [first, second] = [scripted(), scripted()];
    const breaks: unknown[] = [];
    const onBreak = (error: unknown): void => void breaks.push(error);
    const queue = openQueue(first.model, async () => second.model, { ...OPTIONS, onBreak });
    const all = [add(queue, [1]), add(queue, [2]), add(queue, [3, 4], 4)];
    const [a, b] = [await first.next(), await first.next()];
    first.state.broken = true;
    const dead = new Error("a worker has stopped");
    a.fail(dead);
    b.fail(dead);
    const seen: unknown[] = [];
    for (let batch = 0; batch < 3; batch++) {
      const call = await second.next();
      seen.push(...call.inputs);
      expect(second.calls).toHaveLength(batch + 1); // what may break it is alone
      call.answer();
    }
    expect(await Promise.all(all.map(({ rows }) => rows))).toEqual([[1], [2], [3, 4]]);
    expect(seen.sort()).toEqual([1, 2, 3, 4]);
    expect(breaks).toEqual([dead]);
    expect(first.state.disposed).toBe(true);
  });

  it("turns a request away that breaks the model twice, and keeps those beside it", async () => {
    const models = [scripted(), scripted(), scripted()];
    let loaded = 0;
    const queue = openQueue(models[0].model, async () => models[++loaded].model, OPTIONS);
    const [poison, innocent] = [add(queue, [1]), add(queue, [2])];
    for (const [n, { next, state }] of models.entries()) {
      if (n === 2) break;
      const call = await next();
      expect(call.inputs).toEqual([1]);
      state.broken = true;
      call.fail(new Error("a worker has stopped"));
      if (n === 0) (await next()).fail(new Error("a worker has stopped"));
    }
    (await models[2].next()).answer();
    await expect(poison.rows).rejects.toMatchObject({ reason: "backend" });
    expect(await innocent.rows).toEqual([2]);
  });

  it("says so where the model cannot be loaded again, and tries again with the next request", async () => {
    const [first, second] = [scripted(), scripted()];
    let tries = 0;
    const load = async (): Promise<EmbeddingModel> => {
      if (++tries === 1) throw new Error("the disk is gone");
      return second.model;
    };
    const queue = openQueue(first.model, load, OPTIONS);
    const lost = add(queue, [1]);
    const call = await first.next();
    first.state.broken = true;
    call.fail(new Error("a worker has stopped"));
    await expect(lost.rows).rejects.toMatchObject({ reason: "unavailable", message: /could not be loaded again/ });
    expect(queue.healthy).toBe(false);
    const later = add(queue, [2]);
    (await second.next()).answer();
    expect(await later.rows).toEqual([2]);
    expect(queue.healthy).toBe(true);
  });

  it("without a way to load it, everything after is refused", async () => {
    const { model, next, state } = scripted();
    const queue = openQueue(model, undefined, OPTIONS);
    const lost = add(queue, [1]);
    const call = await next();
    state.broken = true;
    call.fail(new Error("a worker has stopped"));
    await expect(lost.rows).rejects.toMatchObject({ reason: "unavailable" });
    await expect(add(queue, [2]).rows).rejects.toMatchObject({ reason: "unavailable" });
  });
});

describe("closing", () => {
  it("finishes what it holds, takes nothing more, and lets go of the model", async () => {
    const { model, next, state } = scripted();
    const queue = openQueue(model, undefined, OPTIONS);
    const held = [add(queue, [1]), add(queue, [2]), add(queue, [3])];
    const closed = queue.close();
    expect(() => add(queue, [4])).toThrow(/stopping/);
    for (let batch = 0; batch < 3; batch++) {
      expect(state.disposed).toBe(false);
      (await next()).answer();
    }
    await closed;
    expect(state.disposed).toBe(true);
    expect(await Promise.all(held.map(({ rows }) => rows))).toEqual([[1], [2], [3]]);
  });
});
