import { breathe } from "./run/turns.ts";

/** Gathers items into lists of at most `size`; a list is given out early when the next item is not there yet. */
export async function* windows<V>(items: Iterable<V> | AsyncIterable<V>, size: number): AsyncGenerator<V[]> {
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  let window: V[] = [];
  try {
    let next = Promise.resolve(iterator.next());
    for (;;) {
      const come = await Promise.race([next, breathe()]);
      if (come === undefined && window.length > 0) {
        yield window;
        window = [];
      }
      const item = await next;
      if (item.done === true) break;
      window.push(item.value);
      if (window.length === size) {
        yield window;
        window = [];
      }
      next = Promise.resolve(iterator.next());
    }
    if (window.length > 0) yield window;
  } finally {
    await iterator.return?.();
  }
}
