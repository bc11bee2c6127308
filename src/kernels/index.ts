export type { Batch } from "../base/batch.ts";
export type { QuantisedTensor } from "../base/tensor.ts";
export { js } from "./js/index.ts";
export type { Activation, Embeddings, Kernels, Linear, Norm, Sizes } from "./kernels.ts";
export { reference } from "./reference.ts";
export { wasm } from "./wasm/index.ts";
