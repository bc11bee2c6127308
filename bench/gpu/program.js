/* The same in Node (with the package webgpu) and in Deno: `program.js DIST ORDER-FILE`, an answer of one line of JSON on standard output. */
import { readFileSync } from "node:fs";
import process from "node:process";
import { encodes } from "./work.js";

const [dist, order] = process.argv.slice(2);
const how = order === undefined ? {} : JSON.parse(readFileSync(order, "utf8"));
const entry = await import(`${dist}node/webgpu.js`);
let gpu = globalThis.navigator?.gpu;
if (gpu === undefined) {
  const { create } = await import("webgpu");
  gpu = globalThis.gpu = create([]); // kept: Dawn's devices do not outlive what gave them
  // Where munjang looks first: it has this package of its own only where it is installed beside it.
  Object.defineProperty(globalThis, "navigator", { value: { gpu }, configurable: true });
}
const { openDevice } = await import(`${dist}kernels/webgpu/device.js`);
const opened = await openDevice(gpu, "high-performance").catch((error) => ({ wrong: error.message }));
opened.device?.destroy();
const { about, software, wrong } = opened;
const { SentenceTransformer } = await import(`${dist}node/node.js`);
const webgpu = ({ float16 }) => entry.webgpu({ float16, powerPreference: "high-performance" });
const tables = about && how.works ? await encodes({ ...how, SentenceTransformer, opened: { webgpu } }) : undefined;
console.log(`\n${JSON.stringify({ about, software, wrong, tables })}`);
process.exit(0); // Dawn's objects may hold the process open
