import { z } from "@hono/zod-openapi";

/*
 * What the routes take and answer, for the OpenAPI document and at the door. Texts and ids are checked by `listInputs`, which says which of
 * many is wrong.
 */

const ids = { type: "array", items: { type: "integer", minimum: 0 } } as const;
const texts = z
  .unknown()
  .refine((value) => value !== undefined) // or the document would say that it may be left out
  .openapi({
    oneOf: [
      { type: "string" },
      { type: "array", items: { type: "string" }, minItems: 1 },
      { ...ids, minItems: 1, description: "Token ids, with [CLS] and [SEP] or without" },
      { type: "array", items: ids, minItems: 1 },
    ],
  });
const text = z.string();
const promptName = z
  .string()
  .nullish()
  .openapi({ description: "Name of a prompt of the model, put before every text" });
const truncate = z.boolean().nullish().openapi({ description: "Cut texts that are too long, or refuse them" });
const direction = z
  .enum(["left", "right", "Left", "Right"])
  .nullish()
  .openapi({ description: "The end that is cut off" });
const vector = z.array(z.number());

export const OpenAiRequest = z
  .object({
    input: texts,
    model: text.nullish().openapi({ description: "Not looked at: there is one model" }),
    dimensions: z.number().int().min(1).nullish().openapi({ description: "Keep the first so many numbers" }),
    encoding_format: z.enum(["float", "base64"]).nullish().openapi({ description: "base64 is little-endian float32" }),
    user: text.nullish(),
  })
  .openapi("EmbeddingsRequest", { example: { input: ["잠이 옵니다", "졸음이 옵니다"], model: "munjang" } });

export const OpenAiResponse = z
  .object({
    object: z.literal("list"),
    data: z.array(z.object({ object: z.literal("embedding"), index: z.number(), embedding: z.union([vector, text]) })),
    model: text,
    usage: z.object({ prompt_tokens: z.number(), total_tokens: z.number() }),
  })
  .openapi("EmbeddingsResponse");

export const OpenAiError = z
  .object({
    error: z.object({ message: text, type: text, param: text.nullable(), code: text.nullable() }),
  })
  .openapi("OpenAIError");

export const OpenAiModel = z
  .object({ id: text, object: z.literal("model"), created: z.number(), owned_by: text })
  .openapi("Model");
export const OpenAiModels = z.object({ object: z.literal("list"), data: z.array(OpenAiModel) }).openapi("Models");

export const EmbedRequest = z
  .object({
    inputs: texts,
    normalize: z.boolean().nullish().openapi({ description: "Divide vectors by their length. Default: true" }),
    dimensions: z.number().int().min(1).nullish(),
    prompt_name: promptName,
    truncate,
    truncation_direction: direction,
  })
  .openapi("EmbedRequest", { example: { inputs: "잠이 옵니다" } });
export const EmbedResponse = z.array(vector).openapi("EmbedResponse");

export const EmbedAllRequest = z
  .object({ inputs: texts, prompt_name: promptName, truncate, truncation_direction: direction })
  .openapi("EmbedAllRequest", { example: { inputs: "잠이 옵니다" } });
export const EmbedAllResponse = z.array(z.array(vector)).openapi("EmbedAllResponse");

export const SimilarityRequest = z
  .object({
    inputs: z.object({ source_sentence: text.min(1), sentences: z.array(text.min(1)).min(1) }),
    parameters: z.object({ prompt_name: promptName, truncate, truncation_direction: direction }).nullish(),
  })
  .openapi("SimilarityRequest", {
    example: { inputs: { source_sentence: "잠이 옵니다", sentences: ["졸음이 옵니다", "기차가 옵니다"] } },
  });
export const SimilarityResponse = vector.openapi("SimilarityResponse", { example: [0.75, 0.25] });

export const TokenizeRequest = z
  .object({ inputs: texts, add_special_tokens: z.boolean().nullish(), prompt_name: promptName })
  .openapi("TokenizeRequest", { example: { inputs: "잠이 옵니다" } });
export const TokenizeResponse = z
  .array(
    z.array(
      z.object({
        id: z.number(),
        text,
        special: z.boolean(),
        start: z.number().nullable().openapi({ description: "First byte of the UTF-8 text" }),
        stop: z.number().nullable(),
      }),
    ),
  )
  .openapi("TokenizeResponse");

export const TeiError = z.object({ error: text, error_type: text }).openapi("TEIError");
export const Info = z.looseObject({ model_id: text, max_input_length: z.number() }).openapi("Info");
