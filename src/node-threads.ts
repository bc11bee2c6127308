import { availableParallelism } from "node:os";
import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import { ModelError } from "./base/errors.ts";
import { changeTiles, type Variant } from "./kernels/wasm/variants.ts";
import { compileWide } from "./kernels/wasm/wide.ts";
import { sharesMemory } from "./node-shared-memory.ts";
import { setThreads, type Thread } from "./run/threads.ts";

let shared: boolean | undefined;

/** Workers of Node, Deno and Bun. Importing this makes them known to `load`. */
setThreads({
  spawn,
  widen,
  cores: availableParallelism(),
  // Bun is asked for it once, when a model is loaded for workers; else one worker has a memory of its own.
  get shared() {
    shared ??= process.versions.bun === undefined || sharesMemory();
    return shared;
  },
});

// V8 before 13 puts all loads of a turn first and the arithmetic behind, so that what a turn loads must fit the registers beside the sums:
// 4 x 8, one step, and no pairs of panels. 51 GFLOP/s on Node 20 and 22, where 5 x 8 and eight steps spill and reach 23.
if (Number.parseInt(process.versions.v8 ?? "13", 10) < 13) changeTiles({ rows: 4, unroll: 1, rowsOfPairs: undefined });

let file: URL | undefined;

/** Where the worker's code lies, for programs that run this from elsewhere than the built package. */
export function setWorkerFile(to: URL): void {
  file = to;
}

/** Asked for late, and as bundlers look for it: a CommonJS bundle does not know where it lies, and may well run without workers. */
function beside(): URL {
  try {
    return new URL("./node-worker.js", import.meta.url);
  } catch {
    throw new Error("this bundle does not know where it lies, nor where munjang/node-worker does: give workerUrl");
  }
}

function spawn(workerUrl?: string | URL): Thread {
  // Without the program's own flags: --input-type and --import are for its entry, and would fail or run twice here.
  // A heap that may not grow beyond 512 MB takes 1.5 MB less from the start; what is large lies outside of it.
  const resourceLimits = { maxOldGenerationSizeMb: 512 };
  const url = new URL(workerUrl ?? file ?? beside());
  const worker = new Worker(url, { name: "munjang", execArgv: [], resourceLimits });
  let stopping = false;
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    listen(message, ended) {
      worker.on("message", message);
      worker.on("error", (error: NodeJS.ErrnoException) => {
        const missing = error.code === "MODULE_NOT_FOUND" || error.code === "ERR_MODULE_NOT_FOUND";
        ended(missing ? `${url} is missing: put munjang/node-worker there, or give workerUrl` : error);
      });
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

/**
 * V8 can turn pairs of 128-bit operations into 256-bit ones; it is an experiment of V8's, off unless asked for. In Node 22 it does nothing
 * useful, in 20 it only prints a warning.
 */
async function widen(kind: Variant, shared: boolean): Promise<WebAssembly.Module> {
  const { node, deno, bun } = process.versions as Record<string, string | undefined>;
  const runtime = bun !== undefined ? `Bun ${bun}` : deno !== undefined ? `Deno ${deno}` : `Node ${node}`;
  if (bun !== undefined || deno !== undefined || Number.parseInt(node ?? "0", 10) < 24) {
    throw new ModelError(`needs Node 24 or newer; this is ${runtime}. Leave it out`, { field: "wide", value: true });
  }
  setFlagsFromString("--experimental-wasm-revectorize");
  return compileWide(kind, shared);
}
