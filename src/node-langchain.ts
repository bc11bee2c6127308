import "./node.ts";

/** `munjang/langchain` where there is a file system: models are opened by name, and in every container. */
export * from "./langchain.ts";
