import type { EmbeddingModelV2, EmbeddingModelV3, EmbeddingModelV4 } from "@ai-sdk/provider";
import { cosineSimilarity, createProviderRegistry, customProvider, type EmbeddingModel, embed, embedMany } from "ai";
import { ModelError, SentenceTransformer } from "munjang";
import { embeddingModel } from "munjang/ai-sdk";
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from "vitest";

const DOCUMENTS = ["기차가 옵니다", "졸음이 옵니다", "은행에 갑니다", "비가 옵니다"];
const QUERY = "잠이 옵니다";
let loaded: SentenceTransformer;

beforeAll(async () => {
  loaded = await SentenceTransformer.load("munjang-mini-ko");
});
afterAll(() => loaded?.dispose());

describe("munjang/ai-sdk in the package ai", () => {
  it("has the types that it wants", () => {
    expectTypeOf(embeddingModel("m")).toExtend<EmbeddingModel>();
    expectTypeOf(embeddingModel("m")).toExtend<EmbeddingModelV4>();
    expectTypeOf(embeddingModel("m", { specificationVersion: "v3" })).toExtend<EmbeddingModelV3>();
    expectTypeOf(embeddingModel("m", { specificationVersion: "v2" })).toExtend<EmbeddingModelV2<string>>();
  });

  it("searches, with a model that is loaded when it is first wanted", async () => {
    const model = embeddingModel("munjang-mini-ko");
    const { embeddings } = await embedMany({ model, values: DOCUMENTS });
    const { embedding, value } = await embed({ model, value: QUERY });
    expect(value).toBe(QUERY);
    const scores = embeddings.map((row) => cosineSimilarity(embedding, row));
    expect(DOCUMENTS[scores.indexOf(Math.max(...scores))]).toBe("졸음이 옵니다");
    await model.dispose();
  });

  it("gives encode's own bits, and counts the tokens", async () => {
    const rows = await loaded.encode(DOCUMENTS);
    const { embeddings, usage } = await embedMany({ model: embeddingModel(loaded), values: DOCUMENTS });
    expect(embeddings).toEqual(rows.map((row) => [...row]));
    expect(usage.tokens).toBe(loaded.tokenize(DOCUMENTS).reduce((sum, { ids }) => sum + ids.length, 0));
  });

  it("takes options of encode, of the model and of a call", async () => {
    const model = embeddingModel(loaded, { truncateDim: 64, normalizeEmbeddings: true });
    const { embedding } = await embed({ model, value: QUERY });
    expect(embedding).toEqual([...(await loaded.encode(QUERY, { truncateDim: 64, normalizeEmbeddings: true }))]);
    const { embedding: short, usage } = await embed({
      model,
      value: QUERY,
      providerOptions: { munjang: { truncateDim: 8, prompt: "질문: " } },
    });
    const options = { truncateDim: 8, normalizeEmbeddings: true, prompt: "질문: " };
    expect(short).toEqual([...(await loaded.encode(QUERY, options))]);
    expect(usage.tokens).toBe(loaded.tokenize(`질문: ${QUERY}`).ids.length);
  });

  it.each(["v2", "v3", "v4"] as const)("is taken as %s", async (specificationVersion) => {
    const model = embeddingModel(loaded, { specificationVersion });
    expect((await embed({ model, value: QUERY })).embedding).toEqual([...(await loaded.encode(QUERY))]);
  });

  it("stands in a provider and in a registry", async () => {
    const munjang = customProvider({ embeddingModels: { mini: embeddingModel(loaded) } });
    const model = createProviderRegistry({ munjang }).embeddingModel("munjang:mini");
    expect((await embed({ model, value: QUERY })).embedding).toHaveLength(loaded.dimension);
  });

  it("ends with an abort, while it loads and before it computes", async () => {
    const abortSignal = AbortSignal.abort(new Error("enough"));
    for (const model of [embeddingModel("munjang-mini-ko"), embeddingModel(loaded)]) {
      await expect(embed({ model, value: QUERY, abortSignal })).rejects.toThrow("enough");
    }
  });

  it("passes errors on as they are", async () => {
    const value = 7 as never;
    await expect(embed({ model: embeddingModel(loaded), value })).rejects.toThrow(ModelError);
    await expect(embed({ model: embeddingModel("/nowhere/at/all"), value: QUERY })).rejects.toThrow(ModelError);
    const providerOptions = { munjang: { promptNmae: "query" } };
    await expect(embed({ model: embeddingModel(loaded), value: QUERY, providerOptions })).rejects.toThrow("promptNmae");
  });
});
