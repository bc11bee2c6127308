// The OpenAPI document says what may be left out, and every status that can come.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createServer, type EmbeddingServer } from "../src/index.ts";
import { loadMini, promised } from "./serving.ts";

interface Schema {
  readonly $ref?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly example?: Readonly<Record<string, unknown>>;
}
interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}
interface Route {
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Route>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const POSTS = ["/v1/embeddings", "/embed", "/embed_all", "/similarity", "/tokenize"];
const KEY = { authorization: "Bearer key" };
const JSON_TYPE = { "content-type": "application/json" };
let server: EmbeddingServer;
let document: Document;
const get = (path: string, headers: HeadersInit = {}): Promise<Response> =>
  server.fetch(new Request(`http://here${path}`, { headers }));

beforeAll(async () => {
  const metrics = async () => ({ type: "text/plain", text: "" });
  const options = { apiKeys: ["key"], maxBody: 1000, bodyTimeout: 100, maxRequests: 1, metrics };
  server = await createServer(await loadMini(), options);
  document = (await (await get("/openapi.json")).json()) as Document;
});
afterAll(() => server.close());

const schemaOf = (content: Content | undefined): Schema => {
  const { $ref } = content?.content?.["application/json"].schema ?? {};
  return document.components.schemas[$ref?.split("/").at(-1) as string];
};
const requestTo = (path: string, body: BodyInit, headers: HeadersInit = { ...KEY, ...JSON_TYPE }): Request => {
  const init: RequestInit & { duplex: "half" } = { method: "POST", headers, body, duplex: "half" };
  return new Request(`http://here${path}`, init);
};
const post = (...asked: Parameters<typeof requestTo>): Promise<Response> => server.fetch(requestTo(...asked));
/** A refusal is one that the document knows, with the fields of the shape it has there. */
const known = async (method: string, path: string, answer: Response, status: number): Promise<void> => {
  expect(answer.status, path).toBe(status);
  const content = document.paths[path][method].responses[status];
  expect(content, `${path} ${status}`).toBeDefined();
  expect(Object.keys((await answer.json()) as object).sort()).toEqual(
    [...(schemaOf(content).required as string[])].sort(),
  );
};

it("is there without a key, under both names", async () => {
  expect(Object.keys(document.paths)).toEqual(expect.arrayContaining(POSTS));
  const other = await get("/api-doc/openapi.json");
  expect(other.status).toBe(200);
  expect(await other.json()).toEqual(document);
});

describe.each(POSTS)("%s", (path) => {
  const route = (): Route => document.paths[path].post;
  const wrong = path.startsWith("/v1") ? 400 : 422;

  it("names the fields that may not be left out, and no others", async () => {
    const { required = [], properties = {}, example = {} } = schemaOf(route().requestBody);
    expect(required.length).toBeGreaterThan(0);
    for (const field of Object.keys(properties)) {
      const body = { ...example, [field]: undefined };
      const { status } = await post(path, JSON.stringify(body));
      expect(status, field).toBe(required.includes(field) ? wrong : 200);
    }
  });

  it("names the statuses of refusals", async () => {
    const { example } = schemaOf(route().requestBody);
    const fine = JSON.stringify(example);
    const refused = (answer: Response, status: number): Promise<void> => known("post", path, answer, status);
    await refused(await post(path, "{"), 400);
    await refused(await post(path, fine, JSON_TYPE), 401);
    const slow = (): ReadableStream => new ReadableStream({ pull: () => new Promise(() => {}) });
    await refused(await post(path, slow()), 408);
    await refused(await post(path, " ".repeat(1001)), 413);
    await refused(await post(path, fine, KEY), 415);
    await refused(await post(path, "[]"), wrong);
    const sent = promised();
    await server.answer(requestTo(path, fine), sent.promise);
    await refused(await post(path, fine), 429);
    sent.resolve();
    // A model that fails, or is not there, is not asked for here.
    const own = path.startsWith("/v1") ? [] : [422, 424];
    const all = [200, 400, 401, 408, 413, 415, ...own, 429, 500, 503];
    expect(Object.keys(route().responses).map(Number)).toEqual(all);
  });
});

it("GET routes name theirs", async () => {
  const stopped = await createServer(await loadMini(), { apiKeys: ["key"] });
  await stopped.close();
  for (const [path, methods] of Object.entries(document.paths)) {
    if (methods.get === undefined) continue;
    const { status } = await get(path);
    if (status !== 200) await known("get", path, await get(path), 401);
    const late = await stopped.fetch(new Request(`http://here${path}`, { headers: KEY }));
    if (path !== "/metrics") await known("get", path, late, 503);
    const documented = ["200", ...(status === 401 ? ["401"] : []), ...(path === "/metrics" ? [] : ["503"])];
    expect(Object.keys(methods.get.responses), path).toEqual(documented);
  }
});
