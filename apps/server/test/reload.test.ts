// A model that breaks is loaded again, whoever is there to see it.
import { afterEach, describe, expect, it, vi } from "vitest";
import type { EmbeddingModel } from "../src/model.ts";
import { openQueue } from "../src/queue.ts";
import { add, OPTIONS, scripted } from "./scripted.ts";

afterEach(() => void vi.useRealTimers());

describe("a broken model", () => {
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

  it("is loaded again with nobody in the queue: a probe of its health may be what lets requests in", async () => {
    const models = [scripted(), scripted(), scripted()];
    const loads: ((model: EmbeddingModel) => void)[] = [];
    const load = (): Promise<EmbeddingModel> => new Promise((resolve) => loads.push(resolve));
    const queue = openQueue(models[0].model, load, OPTIONS);
    const poison = add(queue, [1]);
    const breaking = async ({ next, state }: (typeof models)[number]): Promise<void> => {
      const call = await next();
      state.broken = true;
      call.fail(new Error("a worker has stopped"));
    };
    await breaking(models[0]);
    await vi.waitUntil(() => loads.length === 1);
    loads[0](models[1].model);
    await breaking(models[1]);
    await expect(poison.rows).rejects.toMatchObject({ reason: "backend" });
    expect(queue.waiting.requests).toBe(0);
    await vi.waitUntil(() => loads.length === 2);
    expect(queue.healthy).toBe(false);
    loads[1](models[2].model);
    await vi.waitUntil(() => queue.healthy);
  });

  it("is tried again after a second, two, four, with nobody in the queue; who comes meanwhile is told when", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const [first, second] = [scripted(), scripted()];
    const tries: number[] = [];
    const load = async (): Promise<EmbeddingModel> => {
      tries.push(performance.now());
      if (tries.length < 4) throw new Error("the disk is gone");
      return second.model;
    };
    const queue = openQueue(first.model, load, OPTIONS);
    const lost = add(queue, [1]);
    const call = await first.next();
    first.state.broken = true;
    call.fail(new Error("a worker has stopped"));
    await expect(lost.rows).rejects.toMatchObject({ reason: "unavailable", message: /could not be loaded again/ });
    for (const [n, pause] of [1000, 2000, 4000].entries()) {
      expect(queue.healthy).toBe(false);
      await vi.advanceTimersByTimeAsync(pause / 2);
      await expect(add(queue, [2]).rows).rejects.toMatchObject({
        ...{ reason: "unavailable", retryAfter: Math.ceil(pause / 2000) },
        cause: expect.objectContaining({ message: "the disk is gone" }),
      });
      expect(tries).toHaveLength(n + 1);
      await vi.advanceTimersByTimeAsync(pause / 2);
      expect(tries).toHaveLength(n + 2);
    }
    expect(queue.healthy).toBe(true);
    expect(tries.map((time) => time - tries[0])).toEqual([0, 1000, 3000, 7000]);
    const later = add(queue, [3]);
    (await second.next()).answer();
    expect(await later.rows).toEqual([3]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is not tried again once the queue is closed", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const { model, next, state } = scripted();
    const load = async (): Promise<EmbeddingModel> => {
      throw new Error("the disk is gone");
    };
    const queue = openQueue(model, load, OPTIONS);
    const lost = add(queue, [1]);
    const call = await next();
    state.broken = true;
    call.fail(new Error("a worker has stopped"));
    await expect(lost.rows).rejects.toMatchObject({ reason: "unavailable" });
    expect(vi.getTimerCount()).toBe(1);
    await queue.close();
    expect(vi.getTimerCount()).toBe(0);
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
