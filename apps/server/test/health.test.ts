// What a probe of its health sees of a server whose model breaks.
import { expect, it } from "vitest";
import { createServer, type EmbeddingModel } from "../src/index.ts";
import { loadMini, promised } from "./serving.ts";

it("/health is well again though no request came after the one that broke the model", async () => {
  const real = await loadMini();
  const [third, given] = [promised(), promised()];
  let loads = 0;
  // The first two break at what they are asked first, after what the server asks for itself.
  const load = async (): Promise<EmbeddingModel> => {
    const doomed = ++loads < 3;
    if (!doomed) {
      given.resolve();
      await third.promise;
    }
    const { tokenizer, maxSeqLength, dimension, prompts, identity, backend } = real;
    const encode = async (input: unknown, options?: object): Promise<unknown> => {
      if (doomed && options !== undefined) broken = true;
      if (broken) throw new Error("a worker has stopped");
      return real.encode(input as string, options);
    };
    let broken = false;
    const facts = { tokenizer, maxSeqLength, dimension, prompts, identity, backend };
    return { ...facts, encode, dispose: async () => {} } as unknown as EmbeddingModel;
  };
  const server = await createServer(load);
  const health = async (): Promise<number> => (await server.fetch(new Request("http://here/health"))).status;
  expect(await health()).toBe(200);
  const headers = { "content-type": "application/json" };
  const poison = new Request("http://here/embed", { method: "POST", headers, body: '{"inputs": "하나"}' });
  expect((await server.fetch(poison)).status).toBe(424);
  await given.promise;
  expect(await health()).toBe(503);
  third.resolve();
  await expect.poll(health).toBe(200);
  await server.close();
  await real.dispose();
});
