import "./node.ts";

/** `munjang/pipeline` where there is a file system: models are opened by name, and in every container. */
export * from "./pipeline.ts";
