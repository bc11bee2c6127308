/*
 * gpu.js 2.24.1, fault 1: a loop ends after 1000 turns, without a word, where its bound is an argument, or anything computed. It should add 3072
 * ones. Run: node loop-cap.js
 */
import { createRequire } from "node:module";

const { GPU, input } = createRequire(import.meta.url)("gpu.js");
const K = 3072;
const ones = input(new Float32Array(K).fill(1), [K]);

const BOUNDS = {
  "a number": "3072",
  "a constant": "this.constants.k",
  "a product with a constant": "this.constants.quarter * 4",
  "an argument": "k",
};

const sums = {};
for (const mode of ["cpu", "webasm"]) {
  const gpu = new GPU({ mode });
  for (const [name, bound] of Object.entries(BOUNDS)) {
    const source = `function (x, k) { let sum = 0; for (let i = 0; i < ${bound}; i++) { sum += x[i]; } return sum; }`;
    const kernel = gpu.createKernel(source, { output: [1], constants: { k: K, quarter: K / 4 } });
    sums[`${mode}: ${name}`] = kernel(ones, K)[0];
  }
  const source = "function (x, k) { let sum = 0; for (let i = 0; i < k; i++) { sum += x[i]; } return sum; }";
  const kernel = gpu.createKernel(source, { output: [1], loopMaxIterations: K });
  sums[`${mode}: an argument, and loopMaxIterations`] = kernel(ones, K)[0];
  await gpu.destroy();
}
console.log(JSON.stringify(sums, null, 1));
