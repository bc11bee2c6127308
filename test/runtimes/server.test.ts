import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { SentenceTransformer } from "munjang";
import { mini } from "munjang-mini-ko";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { workerd } from "./worker/workerd.ts";

/* munjang-server's handler on the HTTP servers of Bun and Deno, and in workerd: the engine's bits, the errors, and a client that leaves. */

const packages = join(import.meta.dirname, "node_modules");
const TEXTS = ["잠이 옵니다", "졸음이 옵니다", "기차가 옵니다"];

describe.each([
  ["Bun", join(packages, "bun/bin/bun"), []],
  ["Deno", join(packages, "deno/deno"), ["run", "--allow-all", "--no-remote", "--quiet"]],
] as const)("%s", (name, binary, before) => {
  let child: ChildProcess;
  let lines: AsyncIterator<string>;
  let url = "";
  beforeAll(async () => {
    expect(existsSync(binary)).toBe(true);
    child = spawn(binary, [...before, join(import.meta.dirname, "server.js")], { stdio: ["pipe", "pipe", "inherit"] });
    lines = createInterface(child.stdout!)[Symbol.asyncIterator]();
    url = (await lines.next()).value;
  });
  afterAll(() => child?.kill("SIGKILL"));

  const post = (path: string, body: BodyInit, more: RequestInit = {}): Promise<Response> => {
    const headers = { "content-type": "application/json", authorization: "Bearer key" };
    return fetch(url + path, { method: "POST", headers, body, ...more });
  };
  const records = async (): Promise<{ status: number; reason?: string }[]> => (await fetch(`${url}/metrics`)).json();

  it("answers with the engine's bits, in base64 and as numbers", async () => {
    const model = await SentenceTransformer.load(mini, { threads: 0 });
    const own = (await model.encode(TEXTS, { normalizeEmbeddings: true })).map((row) => [...row]);
    await model.dispose();
    const base64 = await post("/v1/embeddings", JSON.stringify({ input: TEXTS, encoding_format: "base64" }));
    const { data } = (await base64.json()) as { data: { embedding: string }[] };
    const rows = data.map(({ embedding }) => new Float32Array(new Uint8Array(Buffer.from(embedding, "base64")).buffer));
    expect(rows.map((row) => [...row])).toEqual(own);
    expect(await (await post("/embed", JSON.stringify({ inputs: TEXTS }))).json()).toEqual(own);
  });

  it("refuses what is wrong", async () => {
    expect((await post("/embed", "{}", { headers: { "content-type": "application/json" } })).status).toBe(401);
    expect((await post("/embed", "{")).status).toBe(400);
    expect((await post("/embed", Uint8Array.of(0x22, 0xff, 0x22))).status).toBe(400);
    expect((await post("/embed", JSON.stringify({ inputs: "가".repeat(10_000) }))).status).toBe(413);
    expect((await post("/embed", JSON.stringify({ inputs: [] }))).status).toBe(400);
    // Without a length.
    const body = new Blob([" ".repeat(40_000)]).stream();
    expect((await post("/embed", body, { duplex: "half" } as RequestInit)).status).toBe(413);
  });

  // Deno 2.9 tells of a client that left in the middle of a POST only once the answer is there.
  it.skipIf(name === "Deno")("drops the work of a client that leaves", async () => {
    const leave = new AbortController();
    const inputs = Array.from({ length: 32 }, (_, i) => `${i} ${"긴 글입니다 ".repeat(20)}`);
    const calls = Array.from({ length: 20 }, () => {
      return post("/embed", JSON.stringify({ inputs }), { signal: leave.signal }).catch(() => "gone");
    });
    // One is answered, and the others wait for their turn.
    expect(await Promise.race(calls)).toMatchObject({ status: 200 });
    leave.abort();
    const answers = await Promise.all(calls);
    await expect
      .poll(async () => (await records()).filter(({ reason }) => reason === "gone").length)
      .toBeGreaterThan(0);
    expect(answers).toContain("gone");
    expect((await post("/embed", JSON.stringify({ inputs: "하나" }))).status).toBe(200);
  });

  it("stops", async () => {
    child.stdin?.end();
    expect((await lines.next()).value).toBe("stopped");
    expect(await once(child, "exit")).toEqual([0, null]);
  });
});

describe("workerd", () => {
  it("answers with the engine's bits, and refuses what is wrong", async () => {
    const worker = await workerd({ entry: join(import.meta.dirname, "worker/server.js") });
    const folder = fileURLToPath(new URL(".", mini.files["config.json"]));
    const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => /\./.test(name));
    await worker.put("mini", Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name))])));
    const post = (path: string, body: string, key = "key"): Promise<Response> => {
      const headers = { "content-type": "application/json", authorization: `Bearer ${key}` };
      return worker.fetch(path, { method: "POST", headers, body });
    };
    const model = await SentenceTransformer.load(mini, { threads: 0 });
    const own = (await model.encode(TEXTS, { normalizeEmbeddings: true })).map((row) => [...row]);
    await model.dispose();
    expect(await (await post("/embed", JSON.stringify({ inputs: TEXTS }))).json()).toEqual(own);
    const { data } = await (
      await post("/v1/embeddings", JSON.stringify({ input: TEXTS, encoding_format: "base64" }))
    ).json();
    const rows = data.map(({ embedding }: { embedding: string }) => {
      return [...new Float32Array(new Uint8Array(Buffer.from(embedding, "base64")).buffer)];
    });
    expect(rows).toEqual(own);
    expect((await post("/embed", "{}", "none")).status).toBe(401);
    expect((await post("/embed", "{")).status).toBe(400);
    await worker.stop();
  });
});
