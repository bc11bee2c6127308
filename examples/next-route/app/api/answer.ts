import { ModelError, type SentenceTransformer } from "munjang";

const MOST_TEXTS = 100;

/** Answers `{"texts": ["…"]}` with `{"backend": {…}, "embeddings": [[…]]}`. */
export async function answer(request: Request, load: () => Promise<SentenceTransformer>): Promise<Response> {
  const body: { texts?: unknown } | null = await request.json().catch(() => null);
  const texts = body?.texts;
  if (!Array.isArray(texts) || texts.length > MOST_TEXTS || texts.some((text) => typeof text !== "string")) {
    return Response.json({ error: `the body must be {"texts": […]}, at most ${MOST_TEXTS} texts` }, { status: 400 });
  }
  try {
    const model = await load();
    const embeddings = await model.encode(texts as string[]);
    return Response.json({ backend: model.backend, embeddings: embeddings.map((row) => Array.from(row)) });
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    return Response.json({ error: error.message }, { status: 503 });
  }
}

/** One load for all requests; after a failure the next request tries again. */
export function once<A extends unknown[], T>(load: (...args: A) => Promise<T>): (...args: A) => Promise<T> {
  let loading: Promise<T> | undefined;
  return (...args) => {
    loading ??= load(...args).catch((error) => {
      loading = undefined;
      throw error;
    });
    return loading;
  };
}
