import { MemoryVectorStore } from "@langchain/classic/vectorstores/memory";
import { Document } from "@langchain/core/documents";
import type { Embeddings, EmbeddingsInterface } from "@langchain/core/embeddings";
import { SemanticSimilarityExampleSelector } from "@langchain/core/example_selectors";
import { SentenceTransformer } from "munjang";
import { embeddings } from "munjang/langchain";
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from "vitest";

const DOCUMENTS = ["기차가 옵니다", "졸음이 옵니다", "은행에 갑니다", "비가 옵니다"];
const QUERY = "잠이 옵니다";
let loaded: SentenceTransformer;

beforeAll(async () => {
  loaded = await SentenceTransformer.load("munjang-mini-ko", { prompts: { query: "질문: ", document: "글: " } });
});
afterAll(() => loaded?.dispose());

describe("munjang/langchain in LangChain.js", () => {
  it("has the types that it wants", () => {
    expectTypeOf(embeddings("m")).toExtend<EmbeddingsInterface>();
    expectTypeOf(embeddings("m")).toExtend<Embeddings>();
  });

  it("searches in a vector store, with a model that is loaded when it is first wanted", async () => {
    const model = embeddings("munjang-mini-ko");
    const store = await MemoryVectorStore.fromTexts(DOCUMENTS, [{ n: 0 }, { n: 1 }, { n: 2 }, { n: 3 }], model);
    const [[best, score], [, second]] = await store.similaritySearchWithScore(QUERY, 2);
    expect(best.pageContent).toBe("졸음이 옵니다");
    expect(best.metadata).toEqual({ n: 1 });
    const [row, ...rows] = await loaded.encode([QUERY, ...DOCUMENTS]);
    expect(score).toBeCloseTo(loaded.similarity(row, rows)[0][1], 5);
    expect(second).toBeLessThan(score);
    await model.dispose();
  });

  it("searches as a retriever, over documents added later", async () => {
    const store = new MemoryVectorStore(embeddings(loaded));
    await store.addDocuments(DOCUMENTS.map((pageContent) => new Document({ pageContent })));
    expect((await store.asRetriever(1).invoke(QUERY)).map(({ pageContent }) => pageContent)).toEqual(["졸음이 옵니다"]);
  });

  it("is taken where the class is wanted", async () => {
    const examples = DOCUMENTS.map((text) => ({ text }));
    const selector = await SemanticSimilarityExampleSelector.fromExamples(
      examples,
      embeddings(loaded),
      MemoryVectorStore,
      {
        k: 1,
      },
    );
    expect(await selector.selectExamples({ text: QUERY })).toEqual([{ text: "졸음이 옵니다" }]);
  });

  it("gives encode's own bits, with the prompts for documents and queries", async () => {
    const model = embeddings(loaded, { truncateDim: 16 });
    const options = { truncateDim: 16 };
    expect(await model.embedDocuments(DOCUMENTS)).toEqual(
      (await loaded.encode(DOCUMENTS, { ...options, prompt: "글: " })).map((row) => [...row]),
    );
    expect(await model.embedQuery(QUERY)).toEqual([...(await loaded.encode(QUERY, { ...options, prompt: "질문: " }))]);
    expect(await model.embedDocuments([])).toEqual([]);
  });

  it("has a caller that calls", async () => {
    const { caller }: Embeddings = embeddings(loaded);
    expect(await caller.call(async (x: number) => x + 1, 2)).toBe(3);
    expect(await caller.callWithOptions({}, async (x: number) => x + 1, 2)).toBe(3);
  });

  it("passes errors on as they are", async () => {
    await expect(MemoryVectorStore.fromTexts(DOCUMENTS, {}, embeddings("/nowhere/at/all"))).rejects.toMatchObject({
      name: "ModelError",
    });
  });
});
