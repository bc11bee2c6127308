/**
 * Sentences a second, from text (or ids) to vector, on the build: the bundled model, and KR-SBERT's shape with seeded weights.
 * `npm run bench:encode`
 */
import { join } from "node:path";
import { BertModel, meanPooling, SentenceTransformer } from "munjang";
import { seededConfig, seededSafetensors } from "../test/seeded/seeded.ts";
import { interleaved, report } from "./measure.ts";

/** About as long as sentences of KLUE-STS are on average, 17.5 tokens in dev. */
const SENTENCE = "오늘 저녁에는 친구와 함께 강가를 따라 오래 걸으며 지난여름 이야기를 나누었습니다";

/** A short one. */
const SHORT = "오늘 저녁에는 친구와 함께 강가를 오래 걸었습니다";

const [mini, miniAlone] = await Promise.all([
  SentenceTransformer.load("munjang-mini-ko", { threads: 2 }),
  SentenceTransformer.load("munjang-mini-ko", { threads: 0 }),
]);
const tokens = mini.tokenize(SENTENCE).ids.length;
const [alone, two] = await Promise.all(
  [0, 2].map((threads) =>
    BertModel.load(
      { files: { "config.json": JSON.stringify(seededConfig), "model.safetensors": seededSafetensors(seededConfig) } },
      { threads, tokensPerBatch: 256 },
    ),
  ),
);
const text = (length: number) => ({ ids: Int32Array.from({ length }, (_, t) => 5 + 97 * t) });
const [short, batch] = [[text(10)], Array.from({ length: 25 }, () => text(10))];
const ids = { ids: Int32Array.from({ length: tokens }, (_, t) => 5 + 97 * t) };

const results = await interleaved(
  [
    {
      name: `munjang-mini-ko, one sentence of ${mini.tokenize(SHORT).ids.length} tokens, one thread`,
      amount: 1,
      run: () => miniAlone.encode(SHORT),
    },
    {
      name: `munjang-mini-ko, one sentence of ${tokens} tokens, one thread`,
      amount: 1,
      run: () => miniAlone.encode(SENTENCE),
    },
    {
      name: `munjang-mini-ko, one sentence of ${tokens} tokens, two threads`,
      amount: 1,
      run: () => mini.encode(SENTENCE),
    },
    {
      name: `KR-SBERT's shape, one sentence of ${tokens} tokens, one thread`,
      amount: 1,
      run: async () => {
        const { tokenEmbeddings, attentionMask } = await alone.forward(ids);
        return meanPooling(tokenEmbeddings, attentionMask);
      },
    },
  ],
  5,
  1000,
);
// Two threads against one: the caller's, and two workers.
const threads = [];
for (const [what, texts] of [
  ["one sentence of 10 tokens", short],
  ["25 sentences of 10 tokens", batch],
] as const) {
  const cases = [
    { name: `KR-SBERT's shape, ${what}, one thread`, amount: texts.length, run: () => alone.forward(texts) },
    { name: `KR-SBERT's shape, ${what}, two threads`, amount: texts.length, run: () => two.forward(texts) },
  ];
  threads.push(...(await interleaved(cases, 9, 1500)));
}
for (const { name, ratio } of threads)
  console.log(`${name}: ${ratio.median.toFixed(2)} (${ratio.min.toFixed(2)} … ${ratio.max.toFixed(2)})`);
report(
  `backend ${mini.backend.name}, ${mini.backend.threads} threads`,
  "sentences",
  [...results, ...threads],
  join(import.meta.dirname, "results/encode.json"),
);
await Promise.all([mini.dispose(), miniAlone.dispose(), alone.dispose(), two.dispose()]);
