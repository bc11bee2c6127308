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
  /** What is still open of what a model took from the GPU, once it has been disposed of. */
  async left(mode) {
    const once = async () => {
      const model = await munjang.SentenceTransformer.load(`${models}plain`, { backend: gpujs({ mode, module }) });
      await model.encode(["잠이 옵니다", "졸음이 옵니다"]);
      await model.dispose();
    };
    await once(); // what gpu.js tries once for all stays
    const contexts = noting(HTMLCanvasElement.prototype, "getContext");
    const buffers = noting(globalThis.GPUDevice?.prototype, "createBuffer");
    const destroyed = noting(globalThis.GPUBuffer?.prototype, "destroy", (buffer) => buffer);
    await once();
    const open = contexts.stop().filter((context) => !context.isContextLost());
    const all = buffers.stop();
    const gone = new Set(destroyed.stop());
    return { taken: contexts.seen.length + all.length, left: open.length + all.filter((b) => !gone.has(b)).length };
  },
  /** Loses the context once the model has been used. */
  async lost(mode) {
    const noted = noting(HTMLCanvasElement.prototype, "getContext");
    const model = await munjang.SentenceTransformer.load(`${models}plain`, { backend: gpujs({ mode, module }) });
    const contexts = noted.stop();
    await model.encode("잠이 옵니다");
    for (const context of contexts) context.getExtension("WEBGL_lose_context")?.loseContext();
    return model.encode("잠이 옵니다").then(
      (vector) => `a vector: ${vector.slice(0, 3)}`,
      (error) => `${error.name}: ${error.message}`,
    );
  },
};

/** Notes what calls of a method give, or what they are called on. */
function noting(holder, name, what = (_, given) => given) {
  const seen = [];
  const original = holder?.[name];
  if (original === undefined) return { seen, stop: () => seen };
  holder[name] = function (...all) {
    const given = original.apply(this, all);
    const noted = what(this, given);
    if (noted) seen.push(noted);
    return given;
  };
  return {
    seen,
    stop() {
      holder[name] = original;
      return seen;
    },
  };
}
