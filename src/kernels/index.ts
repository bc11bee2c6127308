export { js } from "./js/index.ts";
export type { Activation, Embeddings, Kernels, Linear, Norm } from "./kernels.ts";
export { reference } from "./reference.ts";
export { wasm } from "./wasm/index.ts";
