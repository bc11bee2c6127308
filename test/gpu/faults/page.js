/*
 * gpu.js 2.24.1, faults 4 to 7, in a page that has gpu.js as a classic script; faults.test.ts runs it in headless Chromium. `seen` is what it
 * gives, or throws.
 */
const library = globalThis.GPU;
const add = "function (x) { return x[this.thread.x] + 1; }";
const settings = { output: [4], precision: "single" };

globalThis.seen = {
  /** The interface of WebGPU that every page has by the name GPU is no longer there, so that `instanceof` fails. */
  interfaceOfWebGPU: () => navigator.gpu instanceof globalThis.GPU,

  /** The class of every kernel of WebGL calls its mode "gpu". */
  modeOf(mode) {
    const kernel = new library({ mode }).createKernel(add, settings);
    kernel([1, 2, 3, 4]);
    return kernel.kernel.constructor.mode;
  },

  /** `precision: "single"` is about textures: what a small kernel computes with is declared `lowp`, which phones take at its word. */
  declared(mode, tactic) {
    const kernel = new library({ mode }).createKernel(add, { ...settings, tactic });
    kernel([1, 2, 3, 4]);
    const { context, fragShader } = kernel.kernel;
    return context.getShaderSource(fragShader).match(/precision (\w+) float/)[1];
  },

  /** After the context is lost a kernel gives zeros. */
  async lost(mode) {
    const kernel = new library({ mode }).createKernel(add, settings);
    const before = Array.from(kernel([1, 2, 3, 4]));
    const { context } = kernel.kernel;
    const gone = new Promise((told) => kernel.kernel.canvas.addEventListener("webglcontextlost", told));
    context.getExtension("WEBGL_lose_context").loseContext();
    await gone;
    return { before, after: Array.from(kernel([1, 2, 3, 4])) };
  },
};
