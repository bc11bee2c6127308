/*
 * gpu.js 2.24.1, fault 2: what a mode cannot do is done on the processor in plain JavaScript. A line on the console says so; `gpu.mode`, and the
 * result, do not. Run: node fallback.js
 */
import { createRequire } from "node:module";

const { GPU, CPUKernel } = createRequire(import.meta.url)("gpu.js");
console.warn = () => {};
const gpu = new GPU({ mode: "webasm" });
const kernel = gpu.createKernel("function () { return this.constants.pair[0]; }", {
  output: [2],
  constants: { pair: [3, 4] },
  constantTypes: { pair: "Array(2)" },
});
const result = Array.from(kernel());
const told = { result, mode: gpu.mode, onProcessor: kernel.kernel instanceof CPUKernel };
console.log(JSON.stringify({ ...told, reason: kernel.kernel.fallbackReason }, null, 1));
await gpu.destroy();
