/**
 * Sentences a second, from text (or ids) to vector, on the build: the bundled model, and KR-SBERT's shape with seeded weights.
 * `npm run bench:encode`
 */
import { join } from "node:path";
import { BertModel, meanPooling, SentenceTransformer } from "munjang";
import { seededConfig, seededSafetensors } from "../test/seeded/seeded.ts";
import { interleaved, report } from "./measure.ts";

const SENTENCE = "오늘 저녁에는 친구와 함께 강가를 따라 오래 걸으며 지난여름 이야기를 나누었습니다";

const mini = await SentenceTransformer.load("munjang-mini-ko");
const tokens = mini.tokenize(SENTENCE).ids.length;
const full = await BertModel.load({
  files: { "config.json": JSON.stringify(seededConfig), "model.safetensors": seededSafetensors(seededConfig) },
});
const ids = { ids: Int32Array.from({ length: tokens }, (_, t) => 5 + 97 * t) };

const results = await interleaved(
  [
    { name: `munjang-mini-ko, one sentence of ${tokens} tokens`, amount: 1, run: () => mini.encode(SENTENCE) },
    {
      name: `KR-SBERT's shape, one sentence of ${tokens} tokens`,
      amount: 1,
      run: async () => {
        const { tokenEmbeddings, attentionMask } = await full.forward(ids);
        return meanPooling(tokenEmbeddings, attentionMask);
      },
    },
  ],
  5,
  1000,
);
report(
  `backend ${mini.backend.name}, ${mini.backend.threads} threads`,
  "sentences",
  results,
  join(import.meta.dirname, "results/encode.json"),
);
await Promise.all([mini.dispose(), full.dispose()]);
