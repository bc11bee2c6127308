import { setThreads, threadsHere } from "./run/threads.ts";
import { spawnText } from "./web-threads.ts";

/*
 * The worker's code as a string, 17 KB: what `load` starts where the file beside the engine does not come, as in a bundle of esbuild's. The
 * Content-Security-Policy must allow it (`worker-src blob:`). It exports nothing: `import "munjang/inline-worker"` before a model is loaded.
 */
const CODE = "the worker"; // written here by bundle.ts

const here = threadsHere();
if (here !== undefined) setThreads({ ...here, spare: () => spawnText(CODE, "munjang/inline-worker") });
