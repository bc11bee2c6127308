// Batches, bounds, and what happens to those who leave or break things, with a model that does as it is told.
import { describe, expect, it } from "vitest";
import { openQueue } from "../src/queue.ts";
import { Refusal } from "../src/refusal.ts";
import { add, OPTIONS, scripted } from "./scripted.ts";

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
    // A million in some 20 ms: 60,000 take more than a millisecond, and less than one and a half.
    const longer = add(queue, [4], 60_000);
    expect(() => add(queue, [5], 60_000)).toThrow(expect.objectContaining({ reason: "overloaded" }));
    // Ten million never will: there is no use in another try.
    expect(() => add(queue, [6], 10_000_000)).toThrow(
      expect.objectContaining({
        reason: "too large",
        retryAfter: undefined,
        message: expect.stringMatching(/send fewer texts/),
      }),
    );
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
