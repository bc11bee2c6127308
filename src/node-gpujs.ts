import { setInstalled } from "./kernels/gpujs/library.ts";

/** `munjang/gpujs` in Node, where gpu.js is a package beside this one. A bundler must not look for it: it need not be there. */
setInstalled(() => {
  const name = "gpu.js";
  return import(/* @vite-ignore */ /* webpackIgnore: true */ /* turbopackIgnore: true */ name);
});

export * from "./gpujs.ts";
