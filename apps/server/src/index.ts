/** A server of sentence embeddings without a socket. Nothing here needs Node. */
export type { EmbeddingModel, ModelOrLoad } from "./model.ts";
export type { RequestRecord, ServerOptions, WorkRecord } from "./options.ts";
export type { BatchRecord } from "./queue.ts";
export { createServer, type EmbeddingServer } from "./server.ts";
