import { expectTypeOf, it } from "vitest";
import type { EncodeInput, EncodeOptions, Row, SentenceTransformer, Tensor, TextFeatures } from "../src/index.ts";

/* What the compiler makes of a call; `npm run check` is what fails here. Nothing below runs. */
it("types follow the input and the options", () => {
  const calls = (
    model: SentenceTransformer,
    texts: string[],
    either: EncodeInput | EncodeInput[],
    options: EncodeOptions,
  ) => ({
    row: model.encode("a"),
    rows: model.encode(texts),
    some: model.encode(texts, { normalizeEmbeddings: true, truncateDim: 8 }),
    signed: model.encode("a", { precision: "int8" }),
    unsigned: model.encode(texts, { precision: "ubinary" }),
    tokens: model.encode("a", { outputValue: "token_embeddings" }),
    all: model.encode(texts, { outputValue: "all" }),
    query: model.encodeQuery("a", { precision: "binary" }),
    document: model.encodeDocument(texts),
    unknown: model.encode("a", options),
    either: model.encode(either),
    stream: model.encodeStream(texts).next(),
    streamed: model.encodeStream(texts, { precision: "ubinary", onProgress: ({ done }) => done.toFixed() }).next(),
  });
  type Calls = { [K in keyof ReturnType<typeof calls>]: Awaited<ReturnType<typeof calls>[K]> };
  expectTypeOf<Calls["row"]>().toEqualTypeOf<Float32Array>();
  expectTypeOf<Calls["rows"]>().toEqualTypeOf<Float32Array[]>();
  expectTypeOf<Calls["some"]>().toEqualTypeOf<Float32Array[]>();
  expectTypeOf<Calls["signed"]>().toEqualTypeOf<Int8Array>();
  expectTypeOf<Calls["unsigned"]>().toEqualTypeOf<Uint8Array[]>();
  expectTypeOf<Calls["tokens"]>().toEqualTypeOf<Tensor<Float32Array>>();
  expectTypeOf<Calls["all"]>().toEqualTypeOf<TextFeatures[]>();
  expectTypeOf<Calls["query"]>().toEqualTypeOf<Int8Array>();
  expectTypeOf<Calls["document"]>().toEqualTypeOf<Float32Array[]>();
  expectTypeOf<Calls["unknown"]>().toEqualTypeOf<Row>();
  expectTypeOf<Calls["either"]>().toEqualTypeOf<Float32Array | Float32Array[]>();
  expectTypeOf<Calls["stream"]>().toEqualTypeOf<IteratorResult<Float32Array, void>>();
  expectTypeOf<Calls["streamed"]>().toEqualTypeOf<IteratorResult<Uint8Array, void>>();
});
