import type { Row } from "./row.ts";

/** Rows computed in one call: a few batches, so that texts of like length stand together. */
const ROWS = 256;
/** UTF-16 units in one call, but for a single longer text. */
const UNITS = 1 << 22;

const IDLE = Symbol("idle");

/**
 * Gathers rows into windows of bounded size. Where they come `live`, a window is given out as soon as the next row is not there yet; else
 * only when it is full.
 */
export async function* windowsOf(rows: AsyncIterator<Row>, live: boolean): AsyncGenerator<Row[], void, void> {
  let window: Row[] = [];
  let units = 0;
  for (;;) {
    const next = rows.next();
    if (live && window.length > 0) {
      next.catch(() => {}); // it counts where it is awaited below
      const idle = new Promise<typeof IDLE>((resolve) => setImmediate(resolve, IDLE));
      if ((await Promise.race([next, idle])) === IDLE) {
        yield window;
        [window, units] = [[], 0];
      }
    }
    const { done, value } = await next;
    if (done) break;
    window.push(value);
    units += (value.text?.length ?? 0) + (value.record?.length ?? 0);
    if (window.length === ROWS || units >= UNITS) {
      yield window;
      [window, units] = [[], 0];
    }
  }
  if (window.length > 0) yield window;
}

/** All rows at once. */
export async function* oneWindow(rows: AsyncIterator<Row>): AsyncGenerator<Row[], void, void> {
  const all: Row[] = [];
  for (let next = await rows.next(); !next.done; next = await rows.next()) all.push(next.value);
  yield all;
}

/**
 * Computes windows and writes them in order. While one is computed, the one before is written, and no third is read: two are held at most.
 */
export async function inTurns<V>(
  windows: AsyncIterable<Row[]>,
  compute: (window: Row[]) => Promise<V>,
  write: (window: Row[], computed: V) => Promise<void>,
): Promise<void> {
  let computed: Promise<unknown> = Promise.resolve();
  let [earlier, latest]: Promise<void>[] = [Promise.resolve(), Promise.resolve()];
  try {
    for await (const window of windows) {
      await computed;
      await earlier;
      const before = latest;
      const running = compute(window);
      const writing = Promise.all([running, before]).then(([values]) => write(window, values));
      writing.catch(() => {}); // it is awaited a turn later
      [computed, earlier, latest] = [running, before, writing];
    }
  } catch (error) {
    await latest.catch(() => {}); // what came before is written yet
    throw error;
  }
  await latest;
}
