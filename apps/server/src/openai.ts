import { listInputs } from "./inputs.ts";
import { checked, rowTexts } from "./json.ts";
import { Refusal } from "./refusal.ts";
import { type App, computeHeaders, errorsOf, JSON_TYPE, jsonOf, makeRoom, NUMBER_BYTES } from "./routes.ts";
import { finish, toBase64 } from "./rows.ts";
import { OpenAiError, OpenAiModels, OpenAiRequest, OpenAiResponse } from "./schemas.ts";
import type { Service } from "./service.ts";

/** Texts of one request, as OpenAI has it. */
const MOST_TEXTS = 2048;
/** Of a number. */
const BASE64_BYTES = 16 / 3;

export function addOpenAi(app: App, service: Service): void {
  const { settings, facts } = service;
  const errors = errorsOf(OpenAiError, [400, 401, 408, 413, 415, 429, 500, 503]);
  const tags = ["OpenAI"];
  app.openAPIRegistry.registerPath({
    ...{ method: "post", path: "/v1/embeddings", tags, summary: "Vectors of texts, as OpenAI's API has it" },
    request: { body: { required: true, ...jsonOf(OpenAiRequest) } },
    responses: { 200: { description: "Vectors", ...jsonOf(OpenAiResponse) }, ...errors },
  });
  app.openAPIRegistry.registerPath({
    ...{ method: "get", path: "/v1/models", tags, summary: "The one model that is served" },
    responses: { 200: { description: "Models", ...jsonOf(OpenAiModels) }, ...errorsOf(OpenAiError, [401, 503]) },
  });

  const model = { id: settings.name, object: "model", created: 0, owned_by: "munjang" } as const;
  app.get("/v1/models", (c) => c.json({ object: "list", data: [model] }));
  app.get("/v1/models/:name{.+}", (c) => {
    if (c.req.param("name") === settings.name) return c.json(model);
    throw new Refusal("not found", `there is no such model; the one served is ${settings.name}`, { param: "model" });
  });

  for (const path of ["/v1/embeddings", "/embeddings"]) {
    app.post(path, async (c) => {
      const body = checked(OpenAiRequest, await service.body(c.req.raw));
      const D = body.dimensions ?? facts.dimension;
      if (D > facts.dimension) {
        const message = `\`dimensions\` must be at most ${facts.dimension}, the model's own`;
        throw new Refusal("invalid", message, { param: "dimensions" });
      }
      const listed = listInputs(body.input, "input", MOST_TEXTS);
      const { rows, work } = await service.embed(c.req.raw, { ...listed, kind: "sentence", param: "input" });
      const base64 = body.encoding_format === "base64";
      makeRoom(c, rows.length * D * (base64 ? BASE64_BYTES : NUMBER_BYTES));
      c.set("work", work);
      const vectors = rows.map((row) => finish(row as Float32Array, D, true));
      const texts = base64 ? vectors.map((row) => `"${toBase64(row)}"`) : await rowTexts(vectors);
      const data = texts.map((text, index) => `{"object":"embedding","index":${index},"embedding":${text}}`);
      const rest = { model: settings.name, usage: { prompt_tokens: work.tokens, total_tokens: work.tokens } };
      const answer = `{"object":"list","data":[${data.join(",")}],${JSON.stringify(rest).slice(1)}`;
      return c.body(answer, 200, { ...JSON_TYPE, ...computeHeaders(work) });
    });
  }
}
