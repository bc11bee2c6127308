import "./node.ts";

/** `munjang/llamaindex` where there is a file system: models are opened by name, and in every container. */
export * from "./llamaindex.ts";
