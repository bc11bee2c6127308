import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { windows } from "../src/windows.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

it.each([
  ["without a signal", undefined],
  ["with one", new AbortController().signal],
])("holds nothing of what it has given out, %s", async (_, signal) => {
  const items: WeakRef<object>[] = [];
  async function* source(): AsyncGenerator<object> {
    for (let n = 0; n < 2000; n++) {
      const item = { n };
      items.push(new WeakRef(item));
      yield item;
    }
  }
  let count = 0;
  for await (const window of windows(source(), 8, signal)) {
    count += window.length;
    if (count !== 1600) continue;
    for (let n = 0; n < 2; n++) {
      await new Promise((resolve) => setTimeout(resolve, 10)); // what waits for its turn holds something, and so do new weak references
      collect();
    }
    expect(items.filter((item) => item.deref() !== undefined).length).toBeLessThan(100);
  }
  expect(count).toBe(2000);
});

it("does not wait for a source where the signal has fired before", async () => {
  const reason = new Error("enough");
  const never: AsyncIterable<string> = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) };
  await expect(windows(never, 4, AbortSignal.abort(reason)).next()).rejects.toBe(reason);
});
