/** Lets one piece of work run at a time, in the order in which it was asked for: several calls share one scratch memory, batch by batch. */
export function turns(): <R>(work: () => Promise<R>) => Promise<R> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => {}); // a failure is its caller's, not the next one's
    return mine;
  };
}

/** Gives the event loop a turn, so that a server answers and an abort arrives between batches. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => {
    // setTimeout last: browsers stretch it to 4 ms and more. A runtime with none of these has nothing waiting either.
    const g: {
      setImmediate?: (f: () => void) => void;
      MessageChannel?: typeof MessageChannel;
      setTimeout?: typeof setTimeout;
    } = globalThis;
    const { setImmediate } = g;
    // Twice: called from a timer or from I/O, the first comes before the timers' next turn.
    if (setImmediate !== undefined) setImmediate(() => setImmediate(resolve));
    else if (g.MessageChannel !== undefined) throughChannel(g.MessageChannel, resolve);
    else if (g.setTimeout !== undefined) g.setTimeout(resolve, 0);
    else resolve();
  });
}

function throughChannel(Channel: typeof MessageChannel, done: () => void): void {
  const { port1, port2 } = new Channel();
  port1.onmessage = () => {
    port1.close();
    done();
  };
  port2.postMessage(0);
}
