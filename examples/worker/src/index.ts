/**
 * Embeds sentences with the full KR-SBERT in a Worker of 128 MB: the encoder in memory (88 MB in int8), the word table in an R2 bucket.
 *
 *     POST /embed {"texts": ["잠이 옵니다", "졸음이 옵니다"]}   ->   {"embeddings": [[…], […]]}
 */
import { ModelError, SentenceTransformer } from "munjang";
import { type Bucket, inBucket } from "munjang/edge";
import "munjang/int8";
import int8 from "munjang/wasm/int8.wasm"; // Workers compile nothing while they run: wrangler does it when it deploys

interface Env {
  readonly MODELS: Bucket;
  /** Folder of the model in the bucket. */
  readonly MODEL: string;
}

interface Context {
  waitUntil(promise: Promise<unknown>): void;
}

/** Texts of one request, at most: a text takes some 30 ms of CPU time, and a request has 30 s by default. */
const MOST_TEXTS = 100;

let loading: Promise<SentenceTransformer> | undefined;

async function load(env: Env): Promise<SentenceTransformer> {
  const { source, rows } = inBucket(env.MODELS, env.MODEL);
  // Of short batches the next request gets its turn sooner, and the memory they need is small.
  return SentenceTransformer.load(source, { rows, wasmModules: int8, tokensPerBatch: 128 });
}

export default {
  async fetch(request: Request, env: Env, context: Context): Promise<Response> {
    if (request.method !== "POST") return new Response('POST /embed with {"texts": ["…"]}\n', { status: 405 });
    let texts: unknown;
    try {
      ({ texts } = (await request.json()) as { texts?: unknown });
    } catch {
      return Response.json({ error: "the body must be JSON" }, { status: 400 });
    }
    if (!Array.isArray(texts) || texts.length > MOST_TEXTS || texts.some((text) => typeof text !== "string")) {
      return Response.json({ error: `texts must be a list of at most ${MOST_TEXTS} texts` }, { status: 400 });
    }
    // One load for all requests, which goes on when the first of them is cut off; after a failure the next request tries again.
    loading ??= load(env).catch((error) => {
      loading = undefined;
      throw error;
    });
    context.waitUntil(loading.catch(() => {}));
    try {
      const model = await loading;
      const embeddings = await model.encode(texts as string[]);
      return Response.json({ embeddings: embeddings.map((row) => Array.from(row)) });
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      return Response.json({ error: error.message }, { status: 503 });
    }
  },
};
