// The official client against the server.
import type { SentenceTransformer } from "munjang";
import OpenAI, { APIError } from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bits, holding, loadMini, post, start, type Watched } from "./serving.ts";

const TEXTS = ["잠이 옵니다", "졸음이 옵니다", "기차가 옵니다", "긴 글입니다. ".repeat(100)];
let server: Watched;
let model: SentenceTransformer;
let client: OpenAI;

beforeAll(async () => {
  [server, model] = await Promise.all([start(), loadMini()]);
  client = new OpenAI({ apiKey: "none", baseURL: `${server.url}/v1`, maxRetries: 0 });
});
afterAll(() => model.dispose());

const refusalOf = async (call: Promise<unknown>): Promise<APIError> => {
  const error = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(APIError);
  return error as APIError;
};

describe("the official client", () => {
  it("gets the engine's bits, in base64, which it asks for by itself", async () => {
    const answer = await client.embeddings.create({ model: "munjang", input: TEXTS });
    const own = await model.encode(TEXTS, { normalizeEmbeddings: true });
    expect(bits(answer.data.map(({ embedding }) => embedding))).toEqual(bits(own));
    expect(answer.data.map(({ index, object }) => [index, object])).toEqual(TEXTS.map((_, i) => [i, "embedding"]));
    expect(answer).toMatchObject({ object: "list", model: "munjang" });
  });

  it("gets the same as numbers, and as base64 that it did not decode", async () => {
    const own = await model.encode(TEXTS, { normalizeEmbeddings: true });
    const numbers = await client.embeddings.create({ model: "munjang", input: TEXTS, encoding_format: "float" });
    expect(bits(numbers.data.map(({ embedding }) => embedding))).toEqual(bits(own));
    const answer = await client.embeddings.create({ model: "munjang", input: TEXTS, encoding_format: "base64" });
    const texts = answer.data.map(({ embedding }) => embedding as unknown as string);
    expect(texts.map((text) => Buffer.from(text, "base64").toString("hex"))).toEqual(bits(own));
  });

  it("gets one vector for one text", async () => {
    const { data } = await client.embeddings.create({ model: "munjang", input: TEXTS[0] });
    expect(bits(data.map(({ embedding }) => embedding))).toEqual(
      bits([await model.encode(TEXTS[0], { normalizeEmbeddings: true })]),
    );
  });

  it.each([1, 7, 64, 256])("gets %d dimensions, of length 1", async (dimensions) => {
    const { data } = await client.embeddings.create({ model: "munjang", input: TEXTS, dimensions });
    const own = await model.encode(TEXTS, { truncateDim: dimensions, normalizeEmbeddings: true });
    expect(bits(data.map(({ embedding }) => embedding))).toEqual(bits(own));
    expect(Math.hypot(...data[0].embedding)).toBeCloseTo(1, 6);
  });

  it("may send tokens, with the tokens that frame a text or without, one list or many", async () => {
    const own = await model.encode(TEXTS.slice(0, 2), { normalizeEmbeddings: true });
    const framed = model.tokenize(TEXTS.slice(0, 2)).map(({ ids }) => [...ids]);
    const plain = framed.map((ids) => ids.slice(1, -1));
    for (const input of [framed, plain]) {
      const many = await client.embeddings.create({ model: "munjang", input });
      expect(bits(many.data.map(({ embedding }) => embedding))).toEqual(bits(own));
      const one = await client.embeddings.create({ model: "munjang", input: input[0] });
      expect(bits(one.data.map(({ embedding }) => embedding))).toEqual(bits(own.slice(0, 1)));
      expect(many.usage.prompt_tokens).toBe(framed.flat().length);
    }
  });

  it("is told the tokens that were computed, and which texts were cut", async () => {
    const tokens = model.tokenize(TEXTS).reduce((sum, { ids }) => sum + ids.length, 0);
    const { data, response } = await client.embeddings.create({ model: "munjang", input: TEXTS }).withResponse();
    expect(data.usage).toEqual({ prompt_tokens: tokens, total_tokens: tokens });
    expect(response.headers.get("x-truncated")).toBe("1");
  });

  it("lists the model", async () => {
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual(["munjang"]);
    expect((await client.models.retrieve("munjang")).id).toBe("munjang");
    expect((await refusalOf(client.models.retrieve("gpt"))).status).toBe(404);
  });
});

describe("its errors", () => {
  const create = (body: object): Promise<unknown> => client.embeddings.create(body as never);
  it.each([
    [{ input: "" }, 400, "input", /cannot be empty/],
    [{ input: [] }, 400, "input", /cannot be empty/],
    [{ input: ["하나", ""] }, 400, "input", /`input\[1\]` cannot be empty/],
    [{ input: [[]] }, 400, "input", /`input\[0\]` cannot be empty/],
    [{}, 400, "input", /`input` is missing/],
    [{ input: 7 }, 400, "input", /must be a string/],
    [{ input: [null] }, 400, "input", /`input\[0\]` must be a string/],
    [{ input: { text: "하나" } }, 400, "input", /must be a string/],
    [{ input: [1, 2.5] }, 400, "input", /not a token id/],
    [{ input: [1, -1] }, 400, "input", /not a token id/],
    [{ input: [[100_000]] }, 400, "input", /token id 100000 is not in the vocabulary.*send texts/],
    [{ input: "하나", dimensions: 257 }, 400, "dimensions", /at most 256/],
    [{ input: "하나", dimensions: 0 }, 400, "dimensions", /dimensions/],
    [{ input: "하나", dimensions: 2.5 }, 400, "dimensions", /dimensions/],
    [{ input: "하나", encoding_format: "hex" }, 400, "encoding_format", /encoding_format/],
  ])("%j is refused with %i", async (body, status, param, message) => {
    const error = await refusalOf(create({ model: "munjang", ...body }));
    expect(error).toMatchObject({ status, param, type: "invalid_request_error" });
    expect(error.message).toMatch(message);
    expect(error.requestID).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("more texts than OpenAI takes", async () => {
    const error = await refusalOf(create({ model: "munjang", input: Array(2049).fill("하나") }));
    expect(error).toMatchObject({ status: 413, param: "input" });
    expect(error.message).toMatch(/2049 > maximum allowed batch size 2048/);
  });

  it("a wrong key, and none", async () => {
    const locked = await start({ apiKeys: ["first key", "두 번째"] });
    const baseURL = `${locked.url}/v1`;
    const error = await refusalOf(
      new OpenAI({ apiKey: "second", baseURL, maxRetries: 0 }).embeddings.create({ model: "", input: "하나" }),
    );
    expect(error).toMatchObject({ status: 401, code: "invalid_api_key" });
    const right = new OpenAI({ apiKey: "first key", baseURL, maxRetries: 0 });
    expect((await right.embeddings.create({ model: "", input: "하나" })).data).toHaveLength(1);
    expect((await post(`${locked.url}/embed`, { inputs: "하나" })).status).toBe(401);
    expect((await post(`${locked.url}/embed`, { inputs: "하나" }, { authorization: "Bearer " })).status).toBe(401);
    expect((await fetch(`${locked.url}/health`)).status).toBe(200);
    expect((await fetch(`${locked.url}/info`)).status).toBe(401);
  });

  it("a full queue is 429 with Retry-After, and the client comes again by itself", async () => {
    const { model, begun, release } = await holding();
    const small = await start({ maxRequests: 1 }, model);
    const baseURL = `${small.url}/v1`;
    const impatient = new OpenAI({ apiKey: "none", baseURL, maxRetries: 0 });
    const patient = new OpenAI({ apiKey: "none", baseURL, maxRetries: 5 });
    const one = impatient.embeddings.create({ model: "", input: "하나" });
    await begun;
    const error = await refusalOf(impatient.embeddings.create({ model: "", input: "둘" }));
    expect(error).toMatchObject({ status: 429, code: "rate_limit_exceeded" });
    expect(error.headers?.get("retry-after")).toBe("1");
    const two = patient.embeddings.create({ model: "", input: "둘" });
    await small.logged(/"status":429/, 2);
    release();
    expect((await one).data).toHaveLength(1);
    expect((await two).data).toHaveLength(1);
  });
});
