import "./node.ts";

/** `munjang/ai-sdk` where there is a file system: models are opened by name, and in every container. */
export * from "./ai-sdk.ts";
