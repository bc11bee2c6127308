// Answers that nobody reads: they count as held, in number and in bytes, until they have left.
import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { openHeld } from "../src/held.ts";
import { createServer, type EmbeddingServer } from "../src/index.ts";
import { loadMini, post, promised, start } from "./serving.ts";

const headers = { "content-type": "application/json" };
const request = (path: string, body: object): Request =>
  new Request(`http://here${path}`, { method: "POST", headers, body: JSON.stringify(body) });
/** By then the server has seen what was resolved. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const refused = async (answer: Promise<Response>): Promise<void> => {
  const { status, headers } = await answer;
  expect([status, headers.get("retry-after")]).toEqual([429, "1"]);
};

describe("an answer that has not left", () => {
  const taken = (server: EmbeddingServer, path: string, body: object, sent = Promise.resolve()) =>
    server.answer(request(path, body), sent);

  it("is a request that is held", async () => {
    const server = await createServer(await loadMini(), { maxRequests: 1 });
    const first = promised();
    expect((await taken(server, "/embed", { inputs: "하나" }, first.promise)).status).toBe(200);
    await refused(taken(server, "/v1/embeddings", { input: "하나" }));
    await refused(server.fetch(request("/embed", { inputs: "하나" })));
    first.resolve();
    await turn();
    expect((await taken(server, "/embed", { inputs: "하나" })).status).toBe(200);
    expect((await taken(server, "/embed", { inputs: "하나" }, Promise.reject(new Error("cut")))).status).toBe(200);
    expect((await server.fetch(request("/embed", { inputs: "하나" }))).status).toBe(200);
    await server.close();
  });

  it.each([
    ["/embed_all", { inputs: "하나 둘 셋" }],
    ["/embed", { inputs: ["하나", "둘"] }],
    ["/v1/embeddings", { input: ["하나", "둘"] }],
    ["/v1/embeddings", { input: Array(8).fill("하나"), encoding_format: "base64" }],
  ])("leaves no room for more than the bytes that are allowed: %s %j", async (path, body) => {
    const records: unknown[] = [];
    const server = await createServer(await loadMini(), {
      maxUnread: 16_000,
      onRequest: ({ status, reason, work }) => records.push([status, reason, work === undefined]),
    });
    const [small, large] = [promised(), promised()];
    expect((await taken(server, "/embed", { inputs: "하나" }, small.promise)).status).toBe(200);
    const answer = await taken(server, path, body);
    await refused(Promise.resolve(answer));
    expect(await answer.text()).toMatch(/answers that were not read yet leave no room/);
    expect(records.at(-1)).toEqual([429, "overloaded", true]);
    expect((await taken(server, "/embed", { inputs: "하나" })).status).toBe(200); // there is room for this
    small.resolve();
    await turn();
    // Alone it finds room, and then nobody else does.
    const whole = await taken(server, "/embed_all", { inputs: "하나 둘 셋" }, large.promise);
    expect(whole.status).toBe(200);
    expect((await whole.text()).length).toBeGreaterThan(16_000);
    await refused(taken(server, "/embed", { inputs: "하나" }));
    large.resolve();
    await turn();
    expect((await taken(server, path, body)).status).toBe(200);
    await server.close();
  });

  it("is counted where a client does not read, and those behind it, until it is gone", async () => {
    const deaf = await start({ maxRequests: 2, maxUnread: 1_000_000 });
    const socket = connect(Number(new URL(deaf.url).port), "127.0.0.1");
    socket.on("error", () => {});
    await once(socket, "connect");
    // Some 20 MB: more than the system takes off the server's hands.
    const body = JSON.stringify({ inputs: Array.from({ length: 32 }, (_, i) => `${i} ${"긴 글입니다 ".repeat(100)}`) });
    const ask = (path: string, body: string): string =>
      `POST ${path} HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
    const behind = ask("/embed", '{"inputs": "a"}');
    socket.pause().write(ask("/embed_all", body) + behind.repeat(4));
    await deaf.logged(/"route":"\/embed_all","status":200/);
    await deaf.logged(/"route":"\/embed"/, 4);
    const small = (): Promise<Response> => post(`${deaf.url}/embed`, { inputs: "하나" });
    for (let n = 0; n < 3; n++) await refused(small());
    expect((await fetch(`${deaf.url}/health`)).status).toBe(200);
    socket.destroy();
    await expect.poll(async () => (await small()).status).toBe(200);
  });
});

it("counts every request once, and its bytes until it ends", () => {
  const held = openHeld(10);
  const [a, b] = [held.add(), held.add()];
  expect([a.grow(100), b.grow(1)]).toEqual([true, false]); // however large, if it is alone
  expect([held.requests, held.bytes]).toEqual([2, 100]);
  a.end();
  expect([b.grow(4), b.grow(50), held.bytes]).toEqual([true, true, 54]);
  b.end();
  expect([held.requests, held.bytes]).toEqual([0, 0]);
});
