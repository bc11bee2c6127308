import { setThreads, type Thread, threadsHere } from "./run/threads.ts";

/** Web Workers, of pages and of runtimes that have the same. Importing this makes them known to `load`; Node's own go before. */
if (typeof Worker === "function" && threadsHere() === undefined) {
  setThreads({
    spawn,
    cores: globalThis.navigator?.hardwareConcurrency ?? 1,
    // A page must be isolated (COOP and COEP headers) to share memory; where there is no such thing as isolation, nothing stands in the way.
    shared: typeof SharedArrayBuffer === "function" && globalThis.crossOriginIsolated !== false,
  });
}

function spawn(workerUrl?: string | URL): Thread {
  const worker =
    workerUrl === undefined
      ? new Worker(new URL("./web-worker.js", import.meta.url), { type: "module", name: "munjang" }) // as bundlers look for it
      : new Worker(workerUrl, { type: "module", name: "munjang" });
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    listen(message, ended) {
      worker.onmessage = ({ data }) => message(data);
      worker.onerror = (event) => {
        event.preventDefault?.(); // it is told to whoever waits for the team
        ended(event.message ?? "it could not be started");
      };
      worker.onmessageerror = () => ended("a message could not be read");
    },
    hold() {}, // a page is held open by its reader
    async stop() {
      worker.terminate();
    },
  };
}
