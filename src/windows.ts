import { breathe } from "./base/breathe.ts";
import { refuse } from "./base/door.ts";

/**
 * Gathers items into lists of at most `size`; a list is given out early when the next item is not there yet. An abort ends it at once,
 * even while the source is idle; leaving it closes the source, without waiting for one that is idle.
 */
export async function* windows<V>(
  items: Iterable<V> | AsyncIterable<V>,
  size: number,
  signal?: AbortSignal,
): AsyncGenerator<V[]> {
  if (typeof items !== "object" || items === null || !(Symbol.iterator in items || Symbol.asyncIterator in items)) {
    refuse("encodeStream", "takes an iterable of texts; one text goes to encode", items);
  }
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  let waiting = false;
  const take = async (): Promise<IteratorResult<V>> => {
    waiting = true;
    const item = await iterator.next();
    waiting = false;
    return item;
  };
  let end = (_: unknown): void => {};
  const abort = (): void => end(signal?.reason);
  signal?.addEventListener("abort", abort);
  /** A promise of its own for every wait: one for all would hold whatever it was raced against. */
  const wait = <T>(work: Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      end = reject;
      if (signal?.aborted) abort();
      work.then(resolve, reject);
    });
  let window: V[] = [];
  try {
    for (;;) {
      const next = take();
      next.catch(() => {}); // after a break nobody waits for it
      if ((await wait(Promise.race([next, breathe()]))) === undefined && window.length > 0) {
        yield window;
        window = [];
      }
      const item = await wait(next);
      if (item.done === true) break;
      window.push(item.value);
      if (window.length === size) {
        yield window;
        window = [];
      }
    }
    if (window.length > 0) yield window;
  } finally {
    signal?.removeEventListener("abort", abort);
    const closing = Promise.resolve(iterator.return?.());
    closing.catch(() => {});
    // An async generator that is waiting itself closes only when that is over, which may be never.
    if (!waiting) await closing;
  }
}
