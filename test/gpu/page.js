/** The same tasks in a page, which has gpu.js as a classic script. */
import { gpujs } from "/dist/gpujs.js";
import * as munjang from "/dist/index.js";
import { gpuJsKernels } from "/dist/kernels/gpujs/index.js";
import { gpuJs } from "/dist/kernels/gpujs/library.js";
import { broken, FAULTS, product, refusal, vectors } from "./run.js";

const library = globalThis.GPU; // gpu.js; the interface of WebGPU that had this name is gone
const module = async () => library;
const models = `${location.origin}/models/`;

globalThis.tasks = {
  vectors: (mode, what) => vectors(munjang, gpujs({ mode, module }), models, what),
  product: (mode) => product(async () => gpuJsKernels(await gpuJs(module), mode), [1, 5, 33, 5, 1, 1030]),
  refusal: (mode) => refusal(munjang, gpujs({ mode, module }), `${models}plain`),
  async faults(mode) {
    const told = {};
    for (const [name, fault] of Object.entries(FAULTS)) {
      told[name] = await refusal(munjang, gpujs({ mode, module: broken(library, fault) }), `${models}plain`);
    }
    return told;
  },
  /** Loses the context once the model has been used. */
  async lost(mode) {
    const contexts = [];
    const { getContext } = HTMLCanvasElement.prototype;
    HTMLCanvasElement.prototype.getContext = function (...all) {
      const context = getContext.apply(this, all);
      if (context !== null) contexts.push(context);
      return context;
    };
    const model = await munjang.SentenceTransformer.load(`${models}plain`, { backend: gpujs({ mode, module }) });
    HTMLCanvasElement.prototype.getContext = getContext;
    await model.encode("잠이 옵니다");
    for (const context of contexts) context.getExtension("WEBGL_lose_context")?.loseContext();
    return model.encode("잠이 옵니다").then(
      (vector) => `a vector: ${vector.slice(0, 3)}`,
      (error) => `${error.name}: ${error.message}`,
    );
  },
};
