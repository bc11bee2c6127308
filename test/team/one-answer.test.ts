import { availableParallelism } from "node:os";
import { describe, expect, it } from "vitest";
import { BertModel, type EncoderOptions } from "../../src/node.ts";
import { calibration, committed, corpus, corpusFiles, hashOf, statesOf } from "../golden/corpus.ts";

/* One answer: the committed hash, whatever the batch, the order, the threads and the calls around it. */
const files = corpusFiles();
const all = corpus.map((_, n) => n);
const load = (options: EncoderOptions): Promise<BertModel> => BertModel.load({ files }, options);

async function hashWith(options: EncoderOptions, numbers: readonly number[] = all): Promise<string> {
  const model = await load(options);
  const states = await statesOf(model, numbers);
  await model.dispose();
  const inOrder: Float32Array[] = [];
  for (const [i, n] of numbers.entries()) inOrder[n] = states[i];
  return hashOf(inOrder);
}

/** The corpus in another order: 7 has no divisor in common with 500. */
const shuffled = all.map((i) => (i * 7 + 3) % corpus.length);

describe("wasm", () => {
  it.each([0, 1, 2, 3])("%i threads", async (threads) => {
    expect(await hashWith({ backend: "wasm", threads })).toBe(committed.corpus.wasm);
  });

  // 32,000 tokens in all: from one text at a time to everything at once.
  it.each([1, 129, 700, 40_000])("%i tokens a batch, 2 threads", async (tokensPerBatch) => {
    expect(await hashWith({ backend: "wasm", threads: 2, tokensPerBatch })).toBe(committed.corpus.wasm);
  });

  it.each([0, 2])("another order, %i threads", async (threads) => {
    expect(await hashWith({ backend: "wasm", threads }, shuffled)).toBe(committed.corpus.wasm);
  });

  it("more threads than there is work for", async () => {
    const threads = 2 * availableParallelism() + 3;
    expect(await hashWith({ backend: "wasm", threads })).toBe(committed.corpus.wasm);
  });

  it("overlapping calls", async () => {
    const model = await load({ backend: "wasm", threads: 2, tokensPerBatch: 300 });
    const parts = [0, 1, 2, 3, 4].map((part) => all.filter((n) => n % 5 === part));
    const states = await Promise.all(parts.map((part) => statesOf(model, part)));
    await model.dispose();
    expect(hashOf(all.map((n) => states[n % 5][Math.floor(n / 5)]))).toBe(committed.corpus.wasm);
  });

  it("two models at once", async () => {
    const [one, other] = await Promise.all([hashWith({ threads: 2 }), hashWith({ threads: 2 }, shuffled)]);
    expect([one, other]).toEqual([committed.corpus.wasm, committed.corpus.wasm]);
  });
});

it("js", async () => {
  expect(await hashWith({ backend: "js" })).toBe(committed.corpus.js);
});

describe.each(["int8", "int8-12"] as const)("%s", (dtype) => {
  it.each([0, 1, 2, 3])("wasm, %i threads", async (threads) => {
    expect(await hashWith({ dtype, calibration, backend: "wasm", threads })).toBe(committed.corpus[`wasm ${dtype}`]);
  });

  it.each([1, 700])("wasm, %i tokens a batch in another order", async (tokensPerBatch) => {
    const options = { dtype, calibration, backend: "wasm", threads: 2, tokensPerBatch } as const;
    expect(await hashWith(options, shuffled)).toBe(committed.corpus[`wasm ${dtype}`]);
  });

  it("js", async () => {
    expect(await hashWith({ dtype, calibration, backend: "js" })).toBe(committed.corpus[`js ${dtype}`]);
  });
});
