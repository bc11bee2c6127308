import {
  type BaseEmbedding,
  Document,
  IngestionPipeline,
  type MessageContentDetail,
  Settings,
  SimilarityType,
  TextNode,
  VectorStoreIndex,
} from "llamaindex";
import { SentenceTransformer } from "munjang";
import { embedding } from "munjang/llamaindex";
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from "vitest";

const DOCUMENTS = ["기차가 옵니다", "졸음이 옵니다", "은행에 갑니다", "비가 옵니다"];
const QUERY = "잠이 옵니다";
let loaded: SentenceTransformer;

beforeAll(async () => {
  loaded = await SentenceTransformer.load("munjang-mini-ko", { prompts: { query: "질문: ", document: "글: " } });
});
afterAll(() => loaded?.dispose());

describe("munjang/llamaindex in LlamaIndex.TS", () => {
  it("has the type that it wants", () => {
    expectTypeOf(embedding("m")).toExtend<BaseEmbedding>();
  });

  it("searches in an index, with a model that is loaded when it is first wanted", async () => {
    const model = embedding("munjang-mini-ko");
    await Settings.withEmbedModel(model, async () => {
      const index = await VectorStoreIndex.fromDocuments(DOCUMENTS.map((text) => new Document({ text })));
      const found = await index.asRetriever({ similarityTopK: 2 }).retrieve({ query: QUERY });
      expect(found.map(({ node }) => (node as TextNode).text)[0]).toBe("졸음이 옵니다");
      const [row, ...rows] = await loaded.encode([QUERY, ...DOCUMENTS]);
      expect(found[0].score).toBeCloseTo(loaded.similarity(row, rows)[0][1], 5);
      expect(found).toHaveLength(2);
    });
    await model.dispose();
  });

  it("is a step of a pipeline, which keeps what it has seen", async () => {
    const model = embedding(loaded);
    const pipeline = new IngestionPipeline({ transformations: [model] });
    const nodes = await pipeline.run({ nodes: DOCUMENTS.map((text) => new TextNode({ text })) });
    expect(nodes.map(({ embedding }) => embedding)).toEqual(await model.getTextEmbeddings(DOCUMENTS));
    expect(embedding(loaded).id).toBe(model.id);
    expect(embedding(loaded, { truncateDim: 8 }).id).not.toBe(model.id);
    expect(embedding("munjang-mini-ko").id).not.toBe(embedding("munjang-mini-ko").id);
  });

  it("gives encode's own bits, with the prompts for documents and queries", async () => {
    const model = embedding(loaded, { truncateDim: 16 });
    const rows = (await loaded.encode(DOCUMENTS, { truncateDim: 16, prompt: "글: " })).map((row) => [...row]);
    expect(await model.getTextEmbeddings(DOCUMENTS)).toEqual(rows);
    expect(await model.getTextEmbedding(DOCUMENTS[0])).toEqual(rows[0]);
    const asked: MessageContentDetail = { type: "text", text: QUERY };
    const query = await loaded.encode(QUERY, { truncateDim: 16, prompt: "질문: " });
    expect(await model.getQueryEmbedding(asked)).toEqual([...query]);
    expect(
      await (model as BaseEmbedding).getQueryEmbedding({ type: "image_url", image_url: { url: "data:," } }),
    ).toBeNull();
    const told: number[][] = [];
    model.embedBatchSize = 3;
    const progressCallback = (current: number, total: number): number => told.push([current, total]);
    expect(await model.getTextEmbeddingsBatch(DOCUMENTS, { progressCallback })).toEqual(rows);
    expect(told).toEqual([
      [3, 4],
      [4, 4],
    ]);
  });

  it("measures as it does", async () => {
    const model: BaseEmbedding = embedding(loaded);
    const [a, b] = [
      [3, 4],
      [4, 3],
    ];
    expect(model.similarity(a, b)).toBe(24 / 25);
    expect(model.similarity(a, b, SimilarityType.DOT_PRODUCT)).toBe(24);
    expect(model.similarity(a, b, SimilarityType.EUCLIDEAN)).toBe(-Math.SQRT2);
    expect(() => model.similarity(a, [1])).toThrow("of one length");
    expect(model.truncateMaxTokens(DOCUMENTS)).toEqual(DOCUMENTS);
  });

  it("passes errors on as they are", async () => {
    const model = embedding(loaded);
    model.embedBatchSize = 0;
    await expect(model.getTextEmbeddingsBatch(DOCUMENTS)).rejects.toThrow("embedBatchSize");
    await expect(embedding("/nowhere/at/all").getTextEmbedding("a")).rejects.toMatchObject({ name: "ModelError" });
  });
});
