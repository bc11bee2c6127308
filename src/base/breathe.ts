/** Gives the event loop a turn, so that a server answers, a page is drawn, and an abort arrives between batches. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => {
    // setTimeout last: browsers stretch it to 4 ms and more. A runtime with none of these has nothing waiting either.
    const g: {
      setImmediate?: (f: () => void) => void;
      MessageChannel?: typeof MessageChannel;
      setTimeout?: typeof setTimeout;
      EdgeRuntime?: string;
    } = globalThis;
    // On Vercel's edge runtime, whose name this is, the first two throw when they are used.
    const { setImmediate, MessageChannel: Channel } = g.EdgeRuntime ? ({} as typeof g) : g;
    // Twice: called from a timer or from I/O, the first comes before the timers' next turn.
    if (setImmediate) setImmediate(() => setImmediate(resolve));
    else if (Channel) {
      const { port1, port2 } = new Channel();
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(0);
    } else if (g.setTimeout) g.setTimeout(resolve, 0);
    else resolve();
  });
}

/** Milliseconds, parts of them too where the runtime has a clock that fine. */
export function now(): number {
  return (globalThis.performance ?? Date).now();
}
