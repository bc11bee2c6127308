import { setThreads, type Thread, threadsHere } from "./run/threads.ts";

/** Web Workers, of pages and of runtimes that have the same. Importing this makes them known to `load`; Node's own go before. */
if (typeof Worker === "function" && threadsHere() === undefined) {
  setThreads({
    spawn,
    cores: globalThis.navigator?.hardwareConcurrency ?? 1,
    // Firefox 153: one load in some thirty stops for ever inside `new Worker`, where a worker starts workers.
    wary:
      "importScripts" in globalThis && globalThis.navigator?.userAgent.includes("Firefox")
        ? "in Firefox a worker that starts workers can hang"
        : undefined,
    // A page must be isolated (COOP and COEP headers) to share memory; where there is no such thing as isolation, nothing stands in the way.
    shared: typeof SharedArrayBuffer === "function" && globalThis.crossOriginIsolated !== false,
  });
}

/**
 * A worker by its address, which stands here as bundlers look for it: they copy the file, which needs no other. A page may not run what lies on
 * another origin, but a Blob is of the page's own, and may import that.
 */
function spawn(workerUrl: string | URL = new URL("./web-worker.js", import.meta.url)): Thread {
  const url = `${workerUrl}`;
  const far = /^(https?|data):/.test(url) && new URL(url).origin !== globalThis.location?.origin;
  return far ? spawnText(`import ${JSON.stringify(url)}`, url) : start(url, url);
}

/** A worker by its code; `from` is what messages call it. */
export function spawnText(code: string, from: string): Thread {
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  try {
    return start(url, from, () => URL.revokeObjectURL(url));
  } catch (error) {
    URL.revokeObjectURL(url);
    throw error;
  }
}

/** `begun` is called when the address is needed no longer. */
function start(url: string, from: string, begun = () => {}): Thread {
  const worker = new Worker(url, { type: "module", name: "munjang" });
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    listen(message, ended) {
      worker.onmessage = ({ data }) => {
        begun();
        message(data);
      };
      worker.onerror = (event) => {
        event.preventDefault?.(); // it is told to whoever waits for the team
        ended(
          event.message ?? `${from} was not found, or may not run: import munjang/inline-worker, or give workerUrl`,
        );
      };
      worker.onmessageerror = () => ended("a message could not be read");
    },
    hold() {}, // a page is held open by its reader
    async stop() {
      begun();
      worker.terminate();
    },
  };
}
