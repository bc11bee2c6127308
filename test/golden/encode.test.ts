import { afterAll, describe, expect, it } from "vitest";
import "../../src/node.ts";
import { quantizeRows, rangesOf, type SimilarityFunction, similarity } from "../../src/pooling/index.ts";
import { SentenceTransformer } from "../../src/sentence-transformer.ts";
import { BACKENDS, barsOf, type Line, libraryWorst, measure, publish, settle, Tally } from "./bars.ts";
import { compare, worstOf } from "./compare.ts";
import { type Golden, type GoldenEncode, goldenFolder, goldenModels, readGolden } from "./read.ts";

/* From text to vector: tokens, prompts, limits, the whole chain, and every option of encode, on every backend. */
const lines: Line[] = [];
afterAll(() => publish("Worst error against float64, from text to vector", lines));

/** Texts that were not given a prompt of their own: those the options were tried on. */
const bare = (golden: Golden): string[] =>
  golden.texts.filter((t) => t.prompt === undefined && t.promptName === undefined).map((t) => t.text);

describe.each(BACKENDS)("encode, backend %s", (backend) => {
  it.each(goldenModels())("%s", async (name) => {
    const golden = readGolden(name);
    const bars = barsOf(golden);
    const model = await SentenceTransformer.load(goldenFolder(name), { backend });
    expect(model.backend.name).toBe(backend);
    expect(model.dimension).toBe(golden.dimension);
    expect(model.maxSeqLength).toBe(golden.maxSeqLength);
    expect(model.similarityFunction).toBe(golden.similarityFunction);
    expect(model.prompts).toEqual(golden.prompts);

    const tally = new Tally();
    for (const { text, prompt, promptName, ids, vector } of golden.texts) {
      const what = `${name}, ${JSON.stringify(text)}`;
      const options = { prompt, promptName };
      const all = await model.encode(text, { ...options, outputValue: "all" });
      expect(Array.from(all.encoding.ids), what).toEqual(ids);
      tally.add(
        compare(all.sentenceEmbedding, vector.exact, bars.element, measure(golden, vector.shape, what)),
        vector.exact.length,
      );
      expect(await model.encode(text, options)).toEqual(all.sentenceEmbedding);
    }
    settle(lines, name, backend, tally, bars);

    // All at once are the same bits as one by one, in the caller's order.
    const texts = bare(golden);
    const together = await model.encode(texts);
    for (const [n, text] of texts.entries()) expect(together[n]).toEqual(await model.encode(text));
    // Without a prompt of their own for it, the default prompt is not used either; checked in reference/golden/tiny.py.
    expect(await model.encodeQuery(texts[0])).toEqual(await model.encode(texts[0], { promptName: "query" }));
    expect(await model.encodeDocument(texts)).toEqual(await model.encode(texts, { prompt: golden.prompts.document }));
    await model.dispose();
  });

  it.each(goldenModels().filter((name) => readGolden(name).encode.length > 0))("%s: options", async (name) => {
    const golden = readGolden(name);
    const bars = barsOf(golden);
    const model = await SentenceTransformer.load(goldenFolder(name), { backend });
    const texts = bare(golden);
    const rows = await model.encode(texts);
    for (const record of golden.encode) {
      const { options } = record;
      const what = `${name}, ${JSON.stringify(options)}`;
      if (record.tokens !== undefined) {
        const tensors = await model.encode(texts, { outputValue: "token_embeddings" });
        for (const [n, want] of record.tokens.entries()) {
          expect(tensors[n].shape).toEqual(want.shape);
          compare(tensors[n].data, want.exact, bars.element, measure(golden, want.shape, what));
        }
      } else if (record.rows !== undefined) {
        const [N, D] = record.rows.shape;
        const got = await model.encode(texts, {
          normalizeEmbeddings: options.normalizeEmbeddings,
          truncateDim: options.truncateDim,
        });
        expect(got.map((row) => row.length)).toEqual(new Array(N).fill(D));
        const worst = compare(flat(got), record.rows.exact, bars.element, measure(golden, record.rows.shape, what));
        expect(worst.error, what).toBeLessThanOrEqual(
          bars.times * Math.max(libraryWorst(golden, record.rows).error, bars.vectors),
        );
      } else if (record.calibration === undefined) {
        // A number on the edge of a bucket may fall to either side: one step, and only where the float rows differ.
        const bits = options.precision === "binary" || options.precision === "ubinary";
        const got = await quantised(model, texts, options.precision!);
        const want = record.quantised!;
        expect(got.map((row) => row.constructor)).toEqual(texts.map(() => want.data.constructor));
        if (bits) expect(flat(got), what).toEqual(Array.from(want.data));
        else compare(flat(got), want.data, 1, { shape: want.shape, what });
      }
    }
    for (const [by, want] of Object.entries(golden.similarity)) {
      const got = flat(similarity(rows, rows, by as SimilarityFunction));
      const theirs = worstOf(want.library, want.exact).error;
      // Distances add up D errors of the vectors; the distance of a vector from itself is 0 here, as it should be.
      compare(got, want.exact, Math.max(bars.element, 2 * theirs), { shape: want.shape, what: `${name}, ${by}` });
    }
    await model.dispose();
  });
});

describe("quantisation of the library's own rows gives the library's own bytes", () => {
  it.each(goldenModels().filter((name) => readGolden(name).encode.length > 0))("%s", (name) => {
    let compared = 0;
    for (const { options, from, quantised, calibration } of readGolden(name).encode) {
      if (from === undefined || quantised === undefined) continue;
      const [N, D] = from.shape;
      const rows = from.data as Float32Array;
      const ranges = options.precision?.endsWith("int8")
        ? rangesOf(rows.subarray(0, (calibration ?? N) * D), D)
        : undefined;
      expect(quantizeRows(rows, D, options.precision!, ranges), JSON.stringify(options)).toEqual(quantised.data);
      compared++;
    }
    expect(compared).toBe(5);
  });
});

/** `precision` decides the type of the rows, so each of the two types has an overload. */
function quantised(
  model: SentenceTransformer,
  texts: string[],
  precision: NonNullable<GoldenEncode["options"]["precision"]>,
) {
  return precision === "int8" || precision === "binary"
    ? model.encode(texts, { precision })
    : model.encode(texts, { precision });
}

function flat(rows: readonly ArrayLike<number>[]): number[] {
  return rows.flatMap((row) => Array.from(row));
}
