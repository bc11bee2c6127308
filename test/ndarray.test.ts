import ndarray from "ndarray";
import { expect, it } from "vitest";
import { asNdarray, rowsAsNdarray } from "../src/ndarray.ts";
import { BertModel, SentenceTransformer } from "../src/node.ts";
import { goldenFolder } from "./golden/read.ts";

it("a tensor becomes a view of the ndarray package: no copy, the same elements", async () => {
  const bert = await BertModel.load(goldenFolder("plain"));
  const { tokenEmbeddings, attentionMask } = await bert.forward([{ ids: [2, 5, 3] }, { ids: [2, 3] }]);
  const view = asNdarray(ndarray, tokenEmbeddings);
  expect(view.shape).toEqual(tokenEmbeddings.shape);
  expect(view.data).toBe(tokenEmbeddings.data);
  const [, L, H] = tokenEmbeddings.shape;
  expect(view.get(1, 1, 3)).toBe(tokenEmbeddings.data[1 * L * H + 1 * H + 3]);
  expect(view.get(1, 2, 0)).toBe(0); // padding
  view.set(0, 0, 0, 42);
  expect(tokenEmbeddings.data[0]).toBe(42);
  expect(asNdarray(ndarray, attentionMask).get(1, 2)).toBe(0);
  await bert.dispose();
});

it("rows stand side by side in one view", async () => {
  const model = await SentenceTransformer.load(goldenFolder("plain"));
  const rows = await model.encode(["잠", "옵니다"]);
  const view = rowsAsNdarray(ndarray, rows);
  expect(view.shape).toEqual([2, model.dimension]);
  for (let d = 0; d < model.dimension; d++) expect([view.get(0, d), view.get(1, d)]).toEqual([rows[0][d], rows[1][d]]);
  expect(rowsAsNdarray(ndarray, []).shape).toEqual([0, 0]);
  await model.dispose();
});
