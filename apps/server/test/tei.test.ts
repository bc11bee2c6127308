// The routes of text-embeddings-inference, with a client of theirs and by hand.
import { InferenceClient } from "@huggingface/inference";
import { SentenceTransformer } from "munjang";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { goldenFolder } from "../../../test/golden/read.ts";
import { bits, loadMini, post, start, type Watched } from "./serving.ts";

const TEXTS = ["잠이 옵니다", "졸음이 옵니다", "기차가 옵니다"];
const LONG = Array.from({ length: 300 }, (_, i) => `말 ${i}`).join(" ");
let server: Watched;
let model: SentenceTransformer;

beforeAll(async () => {
  [server, model] = await Promise.all([start({ maxClientBatch: 4 }), loadMini()]);
});
afterAll(() => model.dispose());

const ask = async (path: string, body: unknown, from = server): Promise<unknown> => {
  const answer = await post(`${from.url}${path}`, body);
  expect(answer.status, await answer.clone().text()).toBe(200);
  return answer.json();
};

describe("@huggingface/inference", () => {
  const client = new InferenceClient();
  it.each(["/embed", "/"])("featureExtraction at %s gets the engine's bits", async (path) => {
    const endpointUrl = `${server.url}${path}`;
    const own = await model.encode(TEXTS, { normalizeEmbeddings: true });
    const many = await client.featureExtraction({ endpointUrl, inputs: TEXTS });
    expect(bits(many as number[][])).toEqual(bits(own));
    const one = await client.featureExtraction({ endpointUrl, inputs: TEXTS[0], normalize: false });
    expect(bits(one as number[][])).toEqual(bits([await model.encode(TEXTS[0])]));
  });

  it("featureExtraction is told what is wrong", async () => {
    const endpointUrl = `${server.url}/embed`;
    const call = client.featureExtraction({ endpointUrl, inputs: [...TEXTS, ...TEXTS] });
    await expect(call).rejects.toMatchObject({
      httpResponse: {
        status: 413,
        body: { error: "batch size 6 > maximum allowed batch size 4", error_type: "Validation" },
      },
    });
  });
});

describe("routes", () => {
  it("/embed with dimensions, and with token ids", async () => {
    const own = await model.encode(TEXTS, { truncateDim: 32, normalizeEmbeddings: true });
    expect(bits((await ask("/embed", { inputs: TEXTS, dimensions: 32 })) as number[][])).toEqual(bits(own));
    const inputs = model.tokenize(TEXTS).map(({ ids }) => [...ids]);
    expect(bits((await ask("/embed", { inputs, dimensions: 32 })) as number[][])).toEqual(bits(own));
  });

  it("/embed cuts at the end that is asked for, and says so in a header", async () => {
    const right = await post(`${server.url}/embed`, { inputs: LONG });
    expect(right.headers.get("x-truncated")).toBe("1");
    expect(bits((await right.json()) as number[][])).toEqual(
      bits(await model.encode([LONG], { normalizeEmbeddings: true })),
    );
    const left = await ask("/embed", { inputs: LONG, truncation_direction: "Left" });
    const ids = model.tokenizer.encode(LONG).ids;
    const kept = Int32Array.from([ids[0], ...ids.slice(-model.maxSeqLength + 1)]);
    expect(bits(left as number[][])).toEqual(bits(await model.encode([{ ids: kept }], { normalizeEmbeddings: true })));
  });

  it("/embed refuses what is too long where it may not cut", async () => {
    const answer = await post(`${server.url}/embed`, { inputs: [TEXTS[0], LONG], truncate: false });
    const length = model.tokenizer.encode(LONG).ids.length;
    expect(answer.status).toBe(422);
    expect(await answer.json()).toEqual({
      error: `\`inputs[1]\` must have at most 128 tokens, not ${length}; shorten it, or let it be cut`,
      error_type: "Validation",
    });
  });

  it("/embed_all gives a vector for every token", async () => {
    const all = (await ask("/embed_all", { inputs: TEXTS })) as number[][][];
    const own = await model.encode(TEXTS, { outputValue: "token_embeddings" });
    expect(all.map((rows) => bits(rows).join(""))).toEqual(own.map(({ data }) => bits([data])[0]));
    expect(all.map((rows) => [rows.length, rows[0].length])).toEqual(own.map(({ shape }) => shape));
  });

  it("/similarity gives cosines", async () => {
    const [source_sentence, ...sentences] = TEXTS;
    const rows = await model.encode(TEXTS);
    const [own] = model.similarity(rows.slice(0, 1), rows.slice(1));
    expect(await ask("/similarity", { inputs: { source_sentence, sentences } })).toEqual([...own]);
  });

  it("/tokenize gives ids, pieces, and their places in bytes", async () => {
    const text = "잠이 mañana 옵니다 뷁";
    const [tokens] = (await ask("/tokenize", { inputs: text })) as {
      id: number;
      text: string;
      start: number;
      stop: number;
    }[][];
    const own = model.tokenizer.encode(text);
    expect(tokens.map(({ id }) => id)).toEqual([...own.ids]);
    expect(tokens[0]).toEqual({ id: own.ids[0], text: "[CLS]", special: true, start: null, stop: null });
    const bytes = Buffer.from(text);
    for (const token of tokens.slice(1, -1)) {
      expect(token).toMatchObject({ special: false, text: bytes.subarray(token.start, token.stop).toString() });
    }
    expect(
      tokens
        .slice(1, -1)
        .map(({ text }) => text)
        .join(""),
    ).toBe(text.replaceAll(" ", ""));
    const [plain] = (await ask("/tokenize", { inputs: text, add_special_tokens: false })) as unknown[][];
    expect(plain).toEqual(tokens.slice(1, -1));
  });

  it("/info tells the limits, and what the vectors are", async () => {
    const info = await (await fetch(`${server.url}/info`)).json();
    expect(info).toMatchObject({
      model_id: "munjang",
      model_dtype: "int8",
      model_type: { embedding: { pooling: "mean" } },
      max_input_length: 128,
      max_client_batch_size: 4,
      auto_truncate: true,
      identity: JSON.parse(JSON.stringify(model.identity)),
    });
  });

  it("/health and /ping are empty and well; /metrics counts", async () => {
    for (const path of ["/health", "/ping"]) {
      const answer = await fetch(`${server.url}${path}`);
      expect([answer.status, await answer.text()]).toEqual([200, ""]);
    }
    const before = await metrics();
    await ask("/embed", { inputs: TEXTS });
    await post(`${server.url}/embed`, { inputs: [] });
    const after = await metrics();
    const more = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0);
    expect(more('te_request_success{method="batch"}')).toBe(1);
    expect(more('te_request_failure{err="empty"}')).toBe(1);
    expect(more("te_embed_count")).toBe(3);
    expect(more("te_request_duration_count")).toBe(1);
    expect(more("te_batch_next_size_sum")).toBe(3);
    expect(after.get("te_queue_size")).toBe(0);
    expect(after.get("process_resident_memory_bytes")).toBeGreaterThan(1e7);
  });

  const metrics = async (): Promise<Map<string, number>> => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    return new Map(
      lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
    );
  };

  it("says how long each part took", async () => {
    const { headers } = await post(`${server.url}/embed`, { inputs: TEXTS });
    const tokens = model.tokenize(TEXTS).reduce((sum, { ids }) => sum + ids.length, 0);
    expect(headers.get("x-compute-tokens")).toBe(`${tokens}`);
    expect(headers.get("x-compute-characters")).toBe(`${TEXTS.join("").length}`);
    for (const name of ["total", "tokenization", "queue", "inference"]) {
      expect(headers.get(`x-${name}-time`)).toMatch(/^\d+$/);
    }
  });

  it.each([
    ["/embed", {}, 422, "Validation", /`inputs` is missing/],
    ["/embed", { inputs: "" }, 400, "Empty", /`inputs` cannot be empty/],
    ["/embed", { inputs: [1, "둘"] }, 422, "Validation", /not a token id/],
    ["/embed", { inputs: "하나", normalize: "yes" }, 422, "Validation", /`normalize`/],
    ["/embed", { inputs: "하나", prompt_name: "none" }, 422, "Validation", /no prompt of this name.*query, document/],
    ["/embed", { inputs: "하나", truncation_direction: "up" }, 422, "Validation", /`truncation_direction`/],
    ["/embed", [], 422, "Validation", /must be a JSON object/],
    ["/embed_all", { inputs: ["하나", 2] }, 422, "Validation", /`inputs\[1\]`/],
    ["/similarity", { inputs: { source_sentence: "하나", sentences: [] } }, 422, "Validation", /`inputs.sentences`/],
    ["/similarity", { inputs: { sentences: ["하나"] } }, 422, "Validation", /`inputs.source_sentence` is missing/],
    ["/tokenize", { inputs: null }, 422, "Validation", /`inputs` must be/],
    ["/nothing", {}, 404, "Validation", /no such route/],
    ["/info", {}, 405, "Validation", /takes GET only/],
  ])("%s refuses %j with %i %s", async (path, body, status, error_type, message) => {
    const answer = await post(`${server.url}${path}`, body);
    const shape = (await answer.json()) as { error: string };
    expect(answer.status).toBe(status);
    expect(Object.keys(shape)).toEqual(["error", "error_type"]);
    expect(shape).toMatchObject({ error_type, error: expect.stringMatching(message) });
  });
});

describe("prompts", () => {
  // A model with a default prompt, whose tokens are left out of pooling.
  const load = (): Promise<SentenceTransformer> => SentenceTransformer.load(goldenFolder("prompts"), { threads: 0 });
  it.each([undefined, "query", "long", "document"])("%s gives the vectors of encode", async (prompt_name) => {
    const [prompted, own] = await Promise.all([start({}, load), load()]);
    const inputs = ["하나 둘", "river"];
    const expected = await own.encode(inputs, { promptName: prompt_name, normalizeEmbeddings: true });
    expect(bits((await ask("/embed", { inputs, prompt_name }, prompted)) as number[][])).toEqual(bits(expected));
    await own.dispose();
  });
});
