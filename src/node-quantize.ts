import "./node.ts";

/** `munjang/quantize` where there is a file system: models are opened by name, and in every container. */
export * from "./quantize.ts";
