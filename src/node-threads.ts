import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { setThreads, type Thread } from "./run/threads.ts";

/** Workers of Node, Deno and Bun. Importing this makes them known to `load`. */
setThreads({ spawn, cores: availableParallelism(), shared: true });

let file: string | URL = new URL("./node-worker.js", import.meta.url);

/** Where the worker's code lies, for programs that run this from elsewhere than the built package. */
export function setWorkerFile(to: URL): void {
  file = to;
}

function spawn(workerUrl?: string | URL): Thread {
  const worker = new Worker(new URL(workerUrl ?? file), { name: "munjang" });
  let stopping = false;
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    listen(message, ended) {
      worker.on("message", message);
      worker.on("error", ended);
      worker.on("exit", (code) => {
        if (!stopping) ended(`exit code ${code}`);
      });
    },
    hold: (open) => (open ? worker.ref() : worker.unref()),
    async stop() {
      stopping = true;
      await worker.terminate();
    },
  };
}
