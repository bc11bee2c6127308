/*
 * gpu.js 2.24.1, fault 3: in mode webasm a kernel whose output changes its size compiles a module for every size, each with a memory of its own and a
 * copy of all constants in it: up to eight of them (kernel.moduleCacheLimit). Run: node copies.js
 */
import { createRequire } from "node:module";

const memories = [];
const { Memory } = WebAssembly;
WebAssembly.Memory = class extends Memory {
  constructor(descriptor) {
    super(descriptor);
    memories.push(this.buffer.byteLength);
  }
};
const { GPU, input } = createRequire(import.meta.url)("gpu.js");
const [K, N] = [1024, 1024];
const gpu = new GPU({ mode: "webasm" });
const source = `function (x) {
  let sum = 0;
  for (let k = 0; k < ${K}; k++) { sum += x[this.thread.y][k] * this.constants.weight[this.thread.x][k]; }
  return sum;
}`;
const constants = { weight: input(new Float32Array(N * K), [K, N]) };
const kernel = gpu.createKernel(source, { output: [N, 1], constants, dynamicOutput: true, dynamicArguments: true });
const counted = [];
for (const T of [1, 2, 3, 4, 3, 2, 1]) {
  kernel.setOutput([N, T]);
  kernel(input(new Float32Array(T * K), [K, T]));
  counted.push(memories.length);
}
const least = Math.min(...memories);
console.log(
  JSON.stringify({ weightBytes: 4 * N * K, memoriesAfterEachSize: counted, leastBytesOfOne: least }, null, 1),
);
await gpu.destroy();
