import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { SentenceTransformer } from "../../src/node.ts";
import { filesIn } from "../files.ts";
import { type Workerd, workerd } from "./worker/workerd.ts";

/* examples/worker as it stands, in workerd, with the bundled model in the bucket. */

const root = join(import.meta.dirname, "../..");
const entry = join(root, "examples/worker/src/index.ts");
const files = filesIn(join(root, "weights/model"));
const texts = ["잠이 옵니다", "졸음이 옵니다", "기차가 옵니다"];
let expected: number[][];
let worker: Workerd | undefined;

beforeAll(async () => {
  const model = await SentenceTransformer.load({ files });
  expected = (await model.encode(texts)).map((row) => Array.from(row));
  await model.dispose();
});
afterEach(async () => {
  await worker?.stop();
  worker = undefined;
});

async function start(): Promise<Workerd> {
  worker = await workerd({ entry, bindings: { MODEL: "mini" } });
  return worker;
}

async function withModel(): Promise<Workerd> {
  const worker = await start();
  for (const [name, content] of Object.entries(files)) await worker.store(`mini/${name}`, content);
  return worker;
}

const post = (worker: Workerd, body: unknown, signal?: AbortSignal): Promise<Response> =>
  worker.fetch("/embed", { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body), signal });

describe("examples/worker", () => {
  it("answers with the vectors, bit for bit", async () => {
    const worker = await withModel();
    for (let round = 0; round < 2; round++) {
      const response = await post(worker, { texts });
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual({ embeddings: expected });
    }
  });

  it("requests that are cut off, while the model is loaded and while it computes, harm no other", async () => {
    const worker = await withModel();
    const many = { texts: Array.from({ length: 100 }, (_, n) => `${texts[n % 3]} ${n}`) };
    for (let round = 0; round < 10; round++) {
      const cut = new AbortController();
      const first = post(worker, many, cut.signal).catch((error: Error) => error.name);
      const second = post(worker, { texts });
      await new Promise((later) => setTimeout(later, 10 * round)); // at some moment of its work, another one each time
      cut.abort();
      await first;
      expect(await (await second).json()).toEqual({ embeddings: expected });
    }
    expect(await (await post(worker, { texts })).json()).toEqual({ embeddings: expected });
  });

  it("many requests at once", async () => {
    const worker = await withModel();
    const all = await Promise.all(Array.from({ length: 20 }, async () => (await post(worker, { texts })).json()));
    for (const answer of all) expect(answer).toEqual({ embeddings: expected });
  });

  it("no model in the bucket: an error that names the file, and the next request tries again", async () => {
    const worker = await start();
    const response = await post(worker, { texts });
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({
      error: expect.stringMatching(/^config\.json: is missing: the bucket's mini\//),
    });
    for (const [name, content] of Object.entries(files)) await worker.store(`mini/${name}`, content);
    expect((await post(worker, { texts })).status).toBe(200);
  });

  it("another model put in its place: an error that says so, not the rows of the other", async () => {
    const worker = await withModel();
    expect((await post(worker, { texts: texts.slice(0, 1) })).status).toBe(200);
    const other = Uint8Array.from(files["model.safetensors"]);
    other[other.length - 1] ^= 1;
    await worker.store("mini/model.safetensors", other);
    const response = await post(worker, { texts: ["전혀 다른 낱말들 쓴 문장, 커피 볶는 냄새"] });
    expect(response.status).toBe(503);
    const { error } = (await response.json()) as { error: string };
    expect(error).toMatch(/^model\.safetensors.*changed in the store meanwhile; load the model again/);
  });

  it.each([
    ["no JSON", "{", 400],
    ["no texts", {}, 400],
    ["texts that are none", { texts: [1] }, 400],
    ["too many", { texts: Array.from({ length: 101 }, () => "가") }, 400],
  ])("%s", async (_, body, status) => {
    expect((await post(await start(), body)).status).toBe(status);
  });
});
