// What never gets as far as a route is refused in the shape of the protocol all the same.
import { beforeAll, describe, expect, it } from "vitest";
import { freePort, loadMini, post, promised, raw, start, type Watched } from "./serving.ts";

let server: Watched;
beforeAll(async () => {
  server = await start();
});

const lines = (...all: string[]): string => `${all.join("\r\n")}\r\n\r\n`;
const answerTo = async (request: string): Promise<{ head: string; body: unknown }> => {
  const [head, body] = (await raw(server.url, request)).split("\r\n\r\n");
  return { head, body: JSON.parse(body) };
};
const openAi = (message: unknown) => ({
  error: { message, type: "invalid_request_error", param: null, code: null },
});
const tei = (message: unknown) => ({ error: message, error_type: "Validation" });

describe("an address that is none", () => {
  it.each(["a b", "x:99999", "x/y", "[::1"])("host: %s", async (host) => {
    for (const [path, shape] of [["/v1/embeddings?a=b", openAi] as const, ["/embed", tei] as const]) {
      const request = lines(`POST ${path} HTTP/1.1`, `host: ${host}`, "connection: close", "content-length: 0");
      const { head, body } = await answerTo(request);
      expect(head).toMatch(/^HTTP\/1\.1 400 .*content-type: application\/json/is);
      expect(body).toEqual(shape(expect.stringMatching(/header host or the path/)));
    }
  });

  it("no host", async () => {
    const { head, body } = await answerTo(lines("GET /v1/models HTTP/1.1", "connection: close"));
    expect(head).toMatch(/^HTTP\/1\.1 400 /);
    expect(body).toEqual(openAi("the header host is missing"));
    // It is older than the header.
    expect(await raw(server.url, lines("GET /v1/models HTTP/1.0"))).toMatch(/^HTTP\/1\.1 200 /);
  });

  it("a path that is a star", async () => {
    const { head, body } = await answerTo(lines("OPTIONS * HTTP/1.1", "host: here", "connection: close"));
    expect(head).toMatch(/^HTTP\/1\.1 400 /);
    expect(body).toEqual(tei(expect.stringMatching(/the path/)));
  });
});

it("while the model is loaded each protocol is told so in its own shape", async () => {
  const [port, begun, loaded] = [await freePort(), promised(), promised()];
  const starting = start({ port }, async () => {
    begun.resolve();
    await loaded.promise;
    return loadMini();
  });
  await begun.promise;
  const url = `http://127.0.0.1:${port}`;
  const [embeddings, embed] = [await post(`${url}/v1/embeddings`, {}), await post(`${url}/embed`, {})];
  for (const answer of [embeddings, embed]) {
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "5"]);
  }
  const message = "the model is being loaded";
  expect(await embeddings.json()).toEqual({
    error: { message, type: "server_error", param: null, code: "unavailable" },
  });
  expect(await embed.json()).toEqual({ error: message, error_type: "Unhealthy" });
  loaded.resolve();
  expect((await fetch(`${(await starting).url}/health`)).status).toBe(200);
});
