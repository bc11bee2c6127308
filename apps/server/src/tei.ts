import type { Tensor } from "munjang";
import { listInputs } from "./inputs.ts";
import { checked, rowTexts, turn } from "./json.ts";
import type { Settings } from "./options.ts";
import { Refusal } from "./refusal.ts";
import { type App, computeHeaders, errorsOf, JSON_TYPE, jsonOf, makeRoom, NUMBER_BYTES } from "./routes.ts";
import { cosine, finish } from "./rows.ts";
import * as schemas from "./schemas.ts";
import type { Asked, Service } from "./service.ts";
import { teiError } from "./shapes.ts";
import { simpleTokens } from "./tokens.ts";

/** Characters, or ids, of one request to `/tokenize`: an answer has some seventy bytes a token, and is made in one piece for each text. */
const MOST_LENGTH = 100_000;
const TOKEN_BYTES = 80;

const side = (direction: string | null | undefined): Asked["side"] => {
  return direction?.toLowerCase() as Asked["side"] | undefined;
};

export function addTei(app: App, service: Service): void {
  const { settings, facts } = service;
  const most = settings.maxClientBatch;
  describe(app, settings.metrics !== undefined);

  for (const path of ["/embed", "/", "/invocations"]) {
    app.post(path, async (c) => {
      const body = checked(schemas.EmbedRequest, await service.body(c.req.raw));
      const D = Math.min(body.dimensions ?? facts.dimension, facts.dimension);
      const { rows, work } = await service.embed(c.req.raw, {
        ...listInputs(body.inputs, "inputs", most),
        ...{ kind: "sentence", param: "inputs", promptName: body.prompt_name },
        ...{ truncate: body.truncate, side: side(body.truncation_direction) },
      });
      makeRoom(c, rows.length * D * NUMBER_BYTES);
      c.set("work", work);
      const texts = await rowTexts(rows.map((row) => finish(row as Float32Array, D, body.normalize ?? true)));
      return c.body(`[${texts.join(",")}]`, 200, { ...JSON_TYPE, ...computeHeaders(work) });
    });
  }

  app.post("/embed_all", async (c) => {
    const body = checked(schemas.EmbedAllRequest, await service.body(c.req.raw));
    const { rows, work } = await service.embed(c.req.raw, {
      ...listInputs(body.inputs, "inputs", most),
      ...{ kind: "tokens", param: "inputs", promptName: body.prompt_name },
      ...{ truncate: body.truncate, side: side(body.truncation_direction) },
    });
    const tensors = rows as Tensor<Float32Array>[];
    makeRoom(c, tensors.reduce((sum, { data }) => sum + data.length, 0) * NUMBER_BYTES);
    c.set("work", work);
    const answers: string[] = [];
    for (const row of tensors) {
      const [L, W] = row.shape;
      const tokens = Array.from({ length: L }, (_, t) => row.data.subarray(t * W, (t + 1) * W));
      answers.push(`[${(await rowTexts(tokens)).join(",")}]`);
    }
    return c.body(`[${answers.join(",")}]`, 200, { ...JSON_TYPE, ...computeHeaders(work) });
  });

  app.post("/similarity", async (c) => {
    const { inputs, parameters } = checked(schemas.SimilarityRequest, await service.body(c.req.raw));
    const { rows, work } = await service.embed(c.req.raw, {
      ...listInputs([inputs.source_sentence, ...inputs.sentences], "inputs", most + 1),
      ...{ kind: "sentence", param: "inputs", promptName: parameters?.prompt_name },
      ...{ truncate: parameters?.truncate, side: side(parameters?.truncation_direction) },
    });
    c.set("work", work);
    const [first, ...others] = rows as Float32Array[];
    return c.json(
      others.map((other) => cosine(first, other)),
      200,
      computeHeaders(work),
    );
  });

  app.post("/tokenize", async (c) => {
    const body = checked(schemas.TokenizeRequest, await service.body(c.req.raw));
    const { inputs } = listInputs(body.inputs, "inputs", most);
    const length = inputs.reduce((sum, input) => sum + input.length, 0);
    if (length > MOST_LENGTH) {
      const message = `${length} characters or token ids > ${MOST_LENGTH}, the most that are shown as tokens at once; send fewer`;
      throw new Refusal("too large", message, { param: "inputs" });
    }
    makeRoom(c, length * TOKEN_BYTES);
    const prompt = service.prompt(body.prompt_name);
    const texts: string[] = [];
    for (const input of inputs) {
      texts.push(JSON.stringify(simpleTokens(service, input, prompt, body.add_special_tokens ?? true)));
      await turn();
    }
    return c.body(`[${texts.join(",")}]`, 200, JSON_TYPE);
  });

  app.get("/info", (c) => c.json(infoOf(service)));
  for (const path of ["/health", "/ping"]) {
    app.get(path, (c) => {
      if (service.open && service.queue.healthy) return c.body(null, 200);
      const { status, body } = teiError({ reason: "unavailable", message: "unhealthy" });
      return c.json(body, status as 503);
    });
  }
  const { metrics } = settings;
  if (metrics === undefined) return;
  app.get("/metrics", async (c) => {
    const { text, type } = await metrics();
    return c.body(text, 200, { "content-type": type });
  });
}

/** What a client of text-embeddings-inference asks a server first. */
function infoOf({ settings, facts, model }: Service): Record<string, unknown> {
  const { identity, backend } = model;
  const limits: Partial<Settings> = settings;
  return {
    model_id: settings.name,
    served_model_name: settings.name,
    model_sha: identity.model,
    model_dtype: identity.dtype,
    model_type: { embedding: { pooling: identity.pooling } },
    max_concurrent_requests: limits.maxRequests,
    max_input_length: facts.maxSeqLength,
    max_batch_tokens: limits.maxBatchTokens,
    max_batch_requests: null,
    max_client_batch_size: limits.maxClientBatch,
    auto_truncate: limits.truncate,
    tokenization_workers: 1,
    // Ours.
    dimension: facts.dimension,
    prompts: Object.fromEntries(facts.prompts),
    backend,
    identity,
  };
}

function describe({ openAPIRegistry: registry }: App, metrics: boolean): void {
  const errors = (...statuses: number[]) => errorsOf(schemas.TeiError, statuses);
  const tags = ["text-embeddings-inference"];
  const posts = [
    ["/embed", "Vectors of texts", schemas.EmbedRequest, schemas.EmbedResponse],
    ["/embed_all", "A vector for every token", schemas.EmbedAllRequest, schemas.EmbedAllResponse],
    ["/similarity", "Cosines of one text with others", schemas.SimilarityRequest, schemas.SimilarityResponse],
    ["/tokenize", "Texts as the model reads them", schemas.TokenizeRequest, schemas.TokenizeResponse],
  ] as const;
  for (const [path, summary, asked, answered] of posts) {
    registry.registerPath({
      ...{ method: "post", path, tags, summary },
      request: { body: { required: true, ...jsonOf(asked) } },
      responses: {
        200: { description: summary, ...jsonOf(answered) },
        ...errors(400, 401, 408, 413, 415, 422, 424, 429, 500, 503),
      },
    });
  }
  const gets = [
    ["/info", "The model and its limits", jsonOf(schemas.Info), errors(401, 503)],
    ["/health", "Whether requests can be answered", {}, errors(503)],
    ["/metrics", "Figures for Prometheus", { content: { "text/plain": { schema: { type: "string" as const } } } }, {}],
  ] as const;
  for (const [path, summary, content, failures] of gets) {
    if (path === "/metrics" && !metrics) continue;
    registry.registerPath({
      ...{ method: "get", path, tags, summary },
      responses: { 200: { description: summary, ...content }, ...failures },
    });
  }
}
