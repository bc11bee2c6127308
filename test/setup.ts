import { setWorkerFile } from "../src/node-threads.ts";

/** Workers run what `npm run build` made of the same source: Node 20 does not run TypeScript. */
setWorkerFile(new URL("../dist/node-worker.js", import.meta.url));
