// Bad input and bad clients: each gets a clear error in the protocol's shape, or nothing, and the server lives.
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Worker } from "node:worker_threads";
import { SentenceTransformer } from "munjang";
import { mini } from "munjang-mini-ko";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { serve } from "../src/node.ts";
import { freePort, holding, loadMini, post, promised, raw, start, type Watched } from "./serving.ts";

const SECRET = "아무도 읽으면 안 되는 문장";
let server: Watched;
beforeAll(async () => {
  server = await start({ maxBody: 10_000, bodyTimeout: 300 });
});

const wellAfter = async (): Promise<void> => {
  const answer = await post(`${server.url}/v1/embeddings`, { input: SECRET });
  expect(answer.status).toBe(200);
};
const bodyOf = (answer: string): unknown => JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4));
const head = (length: number | "chunked", path = "/embed"): string => {
  const size = length === "chunked" ? "transfer-encoding: chunked" : `content-length: ${length}`;
  return `POST ${path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\ncontent-type: application/json\r\n${size}\r\n\r\n`;
};

describe("bad bodies", () => {
  afterEach(wellAfter);
  const bad: [string, string | Uint8Array, number, RegExp][] = [
    ["half of JSON", '{"inputs": "하', 400, /not JSON/],
    ["nothing", "", 400, /empty/],
    ["blanks", " \n", 400, /empty/],
    ["bytes that are no UTF-8", Uint8Array.of(0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d), 400, /not UTF-8/],
    ["lone surrogates as bytes", Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22), 400, /not UTF-8/],
    ["nesting without end", "[".repeat(9000), 400, /not JSON/],
    ["a number", "7", 422, /must be a JSON object/],
    ["null", "null", 422, /must be a JSON object/],
    ["a body beyond the limit", JSON.stringify({ inputs: "가".repeat(4000) }), 413, /larger than 10000 bytes/],
  ];
  it.each(bad)("%s", async (_, body, status, message) => {
    const tei = await post(`${server.url}/embed`, body);
    expect(tei.status).toBe(status);
    expect(await tei.json()).toEqual({ error: expect.stringMatching(message), error_type: "Validation" });
    const openAi = await post(`${server.url}/v1/embeddings`, body);
    expect(openAi.status).toBe(status === 422 ? 400 : status);
    expect(await openAi.json()).toEqual({
      error: { message: expect.stringMatching(message), type: "invalid_request_error", param: null, code: null },
    });
  });

  it("another type than JSON", async () => {
    const answer = await post(`${server.url}/embed`, "inputs=하나", {
      "content-type": "application/x-www-form-urlencoded",
    });
    expect([answer.status, await answer.json()]).toEqual([
      415,
      { error: expect.stringMatching(/must be JSON/), error_type: "Validation" },
    ]);
  });

  it("half a surrogate pair in JSON is a text like any other", async () => {
    const answer = await post(`${server.url}/embed`, '{"inputs": "\\ud83d 하나"}');
    expect(answer.status).toBe(200);
  });

  it("names that mean something to JavaScript are only names", async () => {
    const answer = await post(`${server.url}/embed`, '{"__proto__": {"inputs": "하나"}, "constructor": 1}');
    expect([answer.status, await answer.json()]).toEqual([
      422,
      { error: "`inputs` is missing", error_type: "Validation" },
    ]);
  });

  it("a huge body without a length is refused while it is still coming", async () => {
    const chunk = `1000\r\n${" ".repeat(4096)}\r\n`;
    const answer = await raw(server.url, head("chunked"), chunk, chunk, chunk);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(bodyOf(answer)).toMatchObject({ error_type: "Validation" });
  });

  it("a huge length is refused before anything comes", async () => {
    expect(await raw(server.url, head(2_000_000_000))).toMatch(/^HTTP\/1\.1 413 /);
  });

  it("a body that stops coming is 408", async () => {
    const answer = await raw(server.url, head(100), '{"inputs": ');
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(bodyOf(answer)).toMatchObject({ error: "the body did not come within 0.3 s" });
  });

  it("a client that is cut off in the middle of its body", async () => {
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    await once(socket, "connect");
    socket.write(`${head(100)}{"inputs": `);
    socket.end(); // what was written arrives, and then the end of it
    await server.logged(/"route":"\/embed","status":499,"reason":"gone"|"reason":"gone".*"status":499/);
  });

  it("what is not HTTP at all", async () => {
    const answer = await raw(server.url, "\u0000\u0001 잡음\r\n\r\n");
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(bodyOf(answer)).toEqual({ error: "Bad Request", error_type: "Validation" });
  });

  it("headers beyond all sense", async () => {
    const answer = await raw(server.url, `GET /info HTTP/1.1\r\nhost: here\r\nx: ${"x".repeat(20_000)}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
  });
});

describe("clients that leave, and time that is over", () => {
  it("work of a client that left is dropped, and its batch stopped", async () => {
    const { model, begun, release, calls } = await holding();
    const held = await start({}, model);
    const [leave, stay] = [new AbortController(), new AbortController()];
    const ask = (signal: AbortSignal): Promise<Response> => {
      const [method, headers] = ["POST", { "content-type": "application/json" }];
      return fetch(`${held.url}/embed`, { method, headers, body: JSON.stringify({ inputs: ["하나"] }), signal });
    };
    const gone = [ask(leave.signal)];
    gone[0].catch(() => {});
    await begun;
    leave.abort();
    await held.logged(/"status":499,"reason":"gone"/);
    expect(calls[0].signal?.aborted).toBe(true);
    const answered = ask(stay.signal);
    release();
    expect((await answered).status).toBe(200);
    await expect(gone[0]).rejects.toThrow();
  });

  it("who cannot be answered in time is told so", async () => {
    const { model, release } = await holding();
    const held = await start({ timeout: 100 }, model);
    const answer = await post(`${held.url}/v1/embeddings`, { input: "하나" });
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await answer.json()).toMatchObject({ error: { type: "server_error", code: "timeout" } });
    release();
  });
});

describe("the model", () => {
  it("a worker that dies in the middle of a request: the model is loaded again, and the request answered", async () => {
    const workers: Worker[] = [];
    const see = (worker: Worker): void => void workers.push(worker);
    process.on("worker", see);
    const models: SentenceTransformer[] = [];
    const load = async (): Promise<SentenceTransformer> => {
      const model = await SentenceTransformer.load(mini, { threads: 2 });
      const encode = model.encode.bind(model) as (...args: unknown[]) => Promise<unknown>;
      let calls = 0;
      const killing = async (...args: unknown[]): Promise<unknown> => {
        const rows = encode(...args);
        // The first batch of the first model; the call before it is the server's own.
        if (models.length === 1 && ++calls === 2) await Promise.all([rows.catch(() => {}), workers[0].terminate()]);
        return rows;
      };
      models.push(model);
      return Object.defineProperty(model, "encode", { value: killing });
    };
    const fragile = await start({}, load);
    const own = await loadMini();
    const inputs = Array.from({ length: 32 }, (_, i) => `${SECRET} ${i} ${"긴 ".repeat(100)}`);
    const answers = await Promise.all([1, 2, 3].map(() => post(`${fragile.url}/embed`, { inputs })));
    const expected = (await own.encode(inputs, { normalizeEmbeddings: true })).map((row) => [...row]);
    for (const answer of answers) {
      expect(answer.status).toBe(200);
      expect(await answer.json()).toEqual(expected);
    }
    expect(models).toHaveLength(2);
    expect(fragile.lines.join("")).toMatch(/"cause":\{"name":"ModelError".*worker has stopped.*"msg":"the model broke/);
    process.off("worker", see);
    await own.dispose();
  });
});

describe("the server", () => {
  it("stops when what it holds is answered, and takes nothing more", async () => {
    const { model, begun, release } = await holding();
    const held = await start({}, model);
    const first = post(`${held.url}/embed`, { inputs: "하나" }, { connection: "keep-alive" });
    await begun;
    const stopped = held.stop();
    await expect(post(`${held.url}/embed`, { inputs: "둘" })).rejects.toThrow(); // nobody listens any more
    let done = false;
    void stopped.then(() => (done = true));
    expect(done).toBe(false);
    release();
    expect((await first).status).toBe(200);
    await stopped;
    expect(held.lines.at(-1)).toMatch(/"stopped"/);
  });

  it("a connection that stays while it stops is told to close", async () => {
    const { model, begun, release } = await holding();
    const held = await start({}, model);
    const socket = connect(Number(new URL(held.url).port), "127.0.0.1");
    let got = "";
    socket.on("data", (part) => {
      got += part;
    });
    const one = JSON.stringify({ inputs: "하나" });
    const request = `POST /embed HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(one)}\r\n\r\n${one}`;
    socket.write(request);
    await begun;
    const stopped = held.stop();
    release();
    await Promise.all([stopped, once(socket, "close")]);
    expect(got).toMatch(/^HTTP\/1\.1 200 /);
  });

  it("says in words that a port is in use", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const loaded = promised();
    const load = async (): Promise<SentenceTransformer> => {
      loaded.resolve();
      return loadMini();
    };
    await expect(serve(load, { port })).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: another program listens there; choose another port`,
    );
    other.close();
  });

  it("gives the port back where the model cannot be loaded", async () => {
    const load = (): Promise<SentenceTransformer> => SentenceTransformer.load("/nowhere");
    const port = await freePort();
    await expect(start({ port }, load)).rejects.toThrow(/nowhere/);
    const again = await start({ port });
    expect(again.url).toBe(`http://127.0.0.1:${port}`);
  });

  it("refuses options that cannot be meant", async () => {
    await expect(start({ maxRequests: 0 })).rejects.toThrow(/maxRequests = 0/);
    await expect(start({ apiKeys: [" "] })).rejects.toThrow(/empty key/);
    for (const name of ["timeout", "bodyTimeout"]) {
      // A timer of so long would be over at once.
      await expect(start({ [name]: 2 ** 31 })).rejects.toThrow(`${name} = 2147483648: must be at most 2147483647 ms`);
    }
  });

  it("waits as long as a timer can", async () => {
    const patient = await start({ timeout: 2 ** 31 - 1, bodyTimeout: 2 ** 31 - 1 });
    expect((await post(`${patient.url}/embed`, { inputs: "하나" })).status).toBe(200);
  });

  it("lets pages of the origins it knows call, keys and errors included, and no others", async () => {
    const open = await start({ corsOrigins: ["https://known.example"], apiKeys: ["key"] });
    const origin = (name: string): Record<string, string> => ({ origin: `https://${name}.example` });
    const allowed = (answer: Response): string | null => answer.headers.get("access-control-allow-origin");
    const preflight = await fetch(`${open.url}/v1/embeddings`, {
      method: "OPTIONS",
      headers: {
        ...origin("known"),
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
      },
    });
    expect([preflight.status, allowed(preflight)]).toEqual([204, "https://known.example"]);
    expect(preflight.headers.get("access-control-allow-headers")).toMatch(/authorization/);
    const refused = await post(`${open.url}/v1/embeddings`, {}, origin("known"));
    expect([refused.status, allowed(refused)]).toEqual([401, "https://known.example"]);
    expect(allowed(await post(`${open.url}/embed`, {}, { ...origin("known"), authorization: "Bearer key" }))).toBe(
      "https://known.example",
    );
    expect(
      allowed(await post(`${open.url}/embed`, {}, { ...origin("other"), authorization: "Bearer key" })),
    ).toBeNull();
    expect(allowed(await post(`${server.url}/embed`, {}, origin("known")))).toBeNull();
  });

  it("logs every request and no text", async () => {
    await post(`${server.url}/embed`, { inputs: SECRET });
    await post(`${server.url}/${encodeURIComponent(SECRET)}`, {});
    await post(`${server.url}/embed?q=${encodeURIComponent(SECRET)}`, { inputs: [SECRET, 7] });
    const all = server.lines.join("");
    expect(all).not.toContain(SECRET);
    expect(all).not.toContain(encodeURIComponent(SECRET));
    const last = server.lines.slice(-3).map((line) => JSON.parse(line));
    expect(last).toMatchObject([
      { method: "POST", route: "/embed", status: 200, texts: 1, single: true },
      { method: "POST", route: "*", status: 404, reason: "not found" },
      { method: "POST", route: "/embed", status: 422, reason: "invalid" },
    ]);
  });
});
