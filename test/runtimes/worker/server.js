/** munjang-server's handler as a Worker, with a model in a bucket. */
import { SentenceTransformer } from "munjang";
import { inBucket } from "munjang/edge";
import "munjang/int8";
import int8 from "munjang/wasm/int8.wasm";
import { createServer } from "munjang-server";

let server;

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/put") {
      await env.MODELS.put(JSON.parse(searchParams.get("with")).key, request.body);
      return new Response();
    }
    // On the first request: a Worker may not compute before it.
    server ??= createServer(
      () => SentenceTransformer.load(inBucket(env.MODELS, "mini").source, { wasmModules: [int8] }),
      {
        apiKeys: ["key"],
      },
    );
    return (await server).fetch(request);
  },
};
