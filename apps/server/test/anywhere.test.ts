// What is bundled for the web has nothing of Node's in it, and answers without a socket.
import { join } from "node:path";
import { build } from "esbuild";
import { expect, it } from "vitest";
import { createServer } from "../src/index.ts";
import { loadMini } from "./serving.ts";

it("munjang-server is bundled without anything of Node's", async () => {
  const { metafile } = await build({
    entryPoints: [join(import.meta.dirname, "../src/index.ts")],
    ...{ bundle: true, format: "esm", platform: "browser", conditions: ["workerd"], write: false, metafile: true },
  });
  const inputs = Object.keys(metafile.inputs);
  expect(inputs.some((input) => input.includes("node_modules/hono/"))).toBe(true);
  expect(inputs.filter((input) => /node:|prom-client|pino|node-server|src\/node\.ts/.test(input))).toEqual([]);
  expect(Object.values(metafile.outputs).flatMap(({ imports }) => imports)).toEqual([]);
});

it("counts the bytes of a body whatever length it was said to have", async () => {
  const server = await createServer(await loadMini(), { maxBody: 1000 });
  for (const length of ["10", undefined]) {
    const body = JSON.stringify({ inputs: "가".repeat(1000) });
    const headers = new Headers({ "content-type": "application/json" });
    if (length !== undefined) headers.set("content-length", length);
    const init = { method: "POST", headers, body };
    expect((await server.fetch(new Request("http://here/embed", init))).status).toBe(413);
  }
  await server.close();
});

it("takes a client that has left already for no fault of its own", async () => {
  const server = await createServer(await loadMini(), {});
  const init = {
    ...{ method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ inputs: "하나" }) },
    signal: AbortSignal.abort(),
  };
  expect((await server.fetch(new Request("http://here/embed", init))).status).toBe(499);
  await server.close();
});

it("takes a model as it is, and answers a Request", async () => {
  const server = await createServer(await loadMini(), { name: "small" });
  const answer = await server.fetch(new Request("http://here/v1/models"));
  expect(await answer.json()).toMatchObject({ data: [{ id: "small" }] });
  const none = await server.fetch(new Request("http://here/metrics"));
  expect(none.status).toBe(404); // nobody keeps figures here
  await server.close();
  const late = await server.fetch(new Request("http://here/v1/models"));
  expect([late.status, late.headers.get("retry-after")]).toEqual([503, "1"]);
  expect((await server.fetch(new Request("http://here/health"))).status).toBe(503);
});
