/*
 * Runs one task in Node, with the built package, and prints what came of it as JSON: `node node.js task mode` and the models on the standard input.
 * It does not end itself: a process that does not end has something left open.
 */
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import * as munjang from "munjang";
import { gpujs } from "munjang/gpujs";
import { gpuJsKernels } from "../../dist/kernels/gpujs/index.js";
import { gpuJs } from "../../dist/kernels/gpujs/library.js";
import { broken, FAULTS, product, refusal, vectors } from "./run.js";

const [, , task, asked] = process.argv;
const mode = asked === "chosen" ? undefined : asked;
const module = () => import("gpu.js");
const models = fileURLToPath(new URL("../golden/models/", import.meta.url));

if (mode === "webgpu") {
  const { create, globals } = await import("webgpu");
  Object.assign(globalThis, globals);
  const navigator = { gpu: create([]) };
  Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true });
}

const tasks = {
  vectors: async () => vectors(munjang, gpujs({ mode, module }), models, JSON.parse(await text(process.stdin))),
  product: async () => product(async () => gpuJsKernels(await gpuJs(module), mode), [1, 5, 33, 5, 1, 1030]),
  refusal: () => refusal(munjang, gpujs({ mode, module }), `${models}plain`),
  async faults() {
    const library = createRequire(import.meta.url)("gpu.js");
    const told = {};
    for (const [name, fault] of Object.entries(FAULTS)) {
      told[name] = await refusal(munjang, gpujs({ mode, module: broken(library, fault) }), `${models}plain`);
    }
    return told;
  },
};
console.log(JSON.stringify(await tasks[task]()));
