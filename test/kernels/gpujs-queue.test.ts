import { expect, it } from "vitest";
import { queue } from "../../src/kernels/gpujs/queue.ts";

/* Calls in order, whether they answer at once or with a promise. */

/** A promise, and what settles it. */
function later<R>(): { promise: Promise<R>; give(value: R): void; fail(error: Error): void } {
  let [give, fail]: [(value: R) => void, (error: Error) => void] = [() => {}, () => {}];
  const promise = new Promise<R>((resolve, reject) => {
    [give, fail] = [resolve, reject];
  });
  return { promise, give, fail };
}

it("does one thing after the other, those that answer at once after those that do not", async () => {
  const { put, begin, read } = queue();
  const slow = later<void>();
  const order: string[] = [];
  begin(() => order.push("begun"));
  put(async () => {
    order.push("slow begins");
    await slow.promise;
    order.push("slow ends");
  });
  put(() => order.push("quick"));
  const seen = read(() => order.join(", "));
  put(() => order.push("after the read"));
  await Promise.resolve();
  expect(order).toEqual([]); // nothing runs inside a call
  while (order.length < 2) await new Promise((turn) => setTimeout(turn));
  slow.give();
  expect(await seen).toBe("begun, slow begins, slow ends, quick");
  expect(await read(() => order.length)).toBe(5);
});

it.each(["throws", "rejects"])(
  "what %s is told by the reads that follow, and nothing behind it is done",
  async (how) => {
    const { put, begin, read } = queue();
    const done: string[] = [];
    begin(() => done.push("first"));
    const before = read(() => "as it was before");
    put(() => {
      const error = new Error("out of memory");
      if (how === "throws") throw error;
      return Promise.reject(error);
    });
    put(() => done.push("never"));
    await expect(read(() => done)).rejects.toThrow("out of memory");
    await expect(read(() => done)).rejects.toThrow("out of memory");
    expect(await before).toBe("as it was before");
    expect(done).toEqual(["first"]);
  },
);

it("starts clean once a failure has been told, and not before", async () => {
  const { put, begin, read } = queue();
  put(() => {
    throw new Error("lost");
  });
  begin(() => {}); // nobody knows of it yet
  await expect(read(() => 1)).rejects.toThrow("lost");
  begin(() => {});
  expect(await read(() => 2)).toBe(2);
});

it("a read that fails is no failure of what follows", async () => {
  const { read } = queue();
  const failed = read(() => Promise.reject(new Error("cannot be read")));
  expect(await read(() => 3)).toBe(3);
  await expect(failed).rejects.toThrow("cannot be read");
});

it("a failed read that is awaited late does not end the process", async () => {
  const { put, read } = queue();
  const uncaught: unknown[] = [];
  const note = (reason: unknown): void => void uncaught.push(reason);
  process.on("unhandledRejection", note);
  put(() => Promise.reject(new Error("first")));
  const stage = read(() => 1);
  await expect(read(() => 2)).rejects.toThrow("first");
  await new Promise((turn) => setTimeout(turn)); // Node tells of rejections between turns of the event loop
  process.off("unhandledRejection", note);
  expect(uncaught).toEqual([]);
  await expect(stage).rejects.toThrow("first");
});

it("is idle when everything is done, failures included", async () => {
  const { put, idle } = queue();
  const slow = later<void>();
  let idled = false;
  put(() => slow.promise);
  const waiting = idle().then(() => {
    idled = true;
  });
  await new Promise((turn) => setTimeout(turn));
  expect(idled).toBe(false);
  slow.fail(new Error("lost"));
  await waiting;
  expect(idled).toBe(true);
});

it("lets others go on while it computes for long", async () => {
  const { put, read } = queue();
  let turns = 0;
  let going = true;
  const count = (): void => {
    turns++;
    if (going) setImmediate(count);
  };
  setImmediate(count);
  const busy = (): void => {
    for (const end = Date.now() + 20; Date.now() < end; );
  };
  for (let i = 0; i < 5; i++) put(busy);
  await read(() => {});
  going = false;
  expect(turns).toBeGreaterThanOrEqual(4);
});
