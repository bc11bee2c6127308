/* The same in Node (with the package webgpu) and in Deno: `program.js DIST ORDER`, an answer of one line of JSON on standard output. */
import { encodes } from "./work.js";

const [dist, order] = process.argv.slice(2);
const how = JSON.parse(order);
const entry = await import(`${dist}node/webgpu.js`);
let gpu = globalThis.navigator?.gpu;
if (gpu === undefined) {
  const { create } = await import("webgpu");
  gpu = create([]);
  entry.setGpu(async () => gpu);
}
const { openDevice } = await import(`${dist}kernels/webgpu/device.js`);
const { device, about, software } = await openDevice(gpu, "high-performance").catch((error) => {
  return { about: undefined, wrong: error.message };
});
device?.destroy();
const tables =
  how.works === undefined || device === undefined
    ? undefined
    : await encodes({ ...how, index: `${dist}node/node.js`, webgpu: `${dist}node/webgpu.js` });
console.log(`\n${JSON.stringify({ about, software, tables })}`);
process.exit(0); // Dawn's objects may hold the process open
