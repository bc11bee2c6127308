/**
 * How good the bundled model is beside character TF-IDF: `npm run bench:evaluate`. Writes bench/results/evaluate.json.
 *
 *     MUNJANG_DATA      labelled pairs (KLUE-STS, KorSTS, KLUE-NLI)
 *
 * Nothing is chosen on the sets that are shown: the model was trained on the train parts, and TF-IDF has its weights from them.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { SentenceTransformer } from "munjang";
import { mini } from "munjang-mini-ko";
import {
  type BinaryScores,
  binaryScores,
  type Correlation,
  evaluateBinary,
  evaluateSts,
  pearson,
  spearman,
} from "../apps/cli/src/evaluate/index.ts";
import { readTable } from "../apps/cli/src/table.ts";
import { machine } from "./measure.ts";
import { writeResult } from "./result.ts";
import { fitTfidf, sparseCosine, tfidf } from "./tfidf.ts";

interface Pair {
  readonly sentence1: string;
  readonly sentence2: string;
  readonly label: string;
}

async function read(file: string, [a, b, label]: readonly [string, string, string]): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for await (const { values } of readTable(join(data, file), { columns: [a, b, label] })) {
    pairs.push({ sentence1: values[a], sentence2: values[b], label: values[label] });
  }
  return pairs;
}

function spread(values: Float32Array): { mean: number; deviation: number } {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  return { mean, deviation: Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length) };
}

const data = process.env.MUNJANG_DATA ?? "";
if (!existsSync(join(data, "klue-sts/dev.tsv"))) {
  throw new Error("MUNJANG_DATA must name a folder with klue-sts, korsts and klue-nli");
}
const sts = {
  "KLUE-STS dev": await read("klue-sts/dev.tsv", ["sentence1", "sentence2", "real_label"]),
  "KorSTS dev": await read("korsts/sts-dev.tsv", ["sentence1", "sentence2", "score"]),
};
const binary = {
  "KLUE-STS dev, 3 and more": {
    pairs: await read("klue-sts/dev.tsv", ["sentence1", "sentence2", "binary_label"]),
    same: "1",
  },
  "KLUE-NLI dev, entailment": {
    pairs: await read("klue-nli/dev.tsv", ["premise", "hypothesis", "gold_label"]),
    same: "entailment",
  },
};
const train = [
  ...(await read("klue-sts/train.tsv", ["sentence1", "sentence2", "real_label"])),
  ...(await read("korsts/sts-train.tsv", ["sentence1", "sentence2", "score"])),
  ...(await read("klue-nli/train.tsv", ["premise", "hypothesis", "gold_label"])),
];
const fitted = fitTfidf(train.flatMap(({ sentence1, sentence2 }) => [sentence1, sentence2]));
const characters = (pairs: readonly Pair[]): Float32Array =>
  Float32Array.from(pairs, ({ sentence1, sentence2 }) =>
    sparseCosine(tfidf(fitted, sentence1), tfidf(fitted, sentence2)),
  );

const model = await SentenceTransformer.load(mini.name);
interface Correlated {
  readonly pairs: number;
  readonly model: Correlation;
  readonly characters: Correlation;
  /** How the model's cosines lie. */
  readonly cosines: { readonly mean: number; readonly deviation: number };
}
const correlations: Record<string, Correlated> = {};
for (const [name, pairs] of Object.entries(sts)) {
  const scores = pairs.map(({ label }) => Number(label));
  const found = await evaluateSts(
    model,
    pairs.map((pair, i) => ({ ...pair, score: scores[i] })),
  );
  const cosines = characters(pairs);
  correlations[name] = {
    pairs: pairs.length,
    model: found.correlations.cosine,
    characters: { pearson: pearson(scores, cosines), spearman: spearman(scores, cosines) },
    cosines: spread(found.similarities.cosine),
  };
}
const told: Record<string, { pairs: number; same: number; model: BinaryScores; characters: BinaryScores }> = {};
for (const [name, { pairs, same }] of Object.entries(binary)) {
  const labels = pairs.map(({ label }) => label === same);
  const found = await evaluateBinary(
    model,
    pairs.map((pair, i) => ({ ...pair, same: labels[i] })),
  );
  told[name] = {
    pairs: pairs.length,
    same: found.same,
    model: found.scores.cosine,
    characters: binaryScores(characters(pairs), labels),
  };
}
const result = {
  title: "the bundled model beside character TF-IDF",
  ...machine(),
  model: mini.name,
  identity: model.identity,
  characters:
    "runs of 1 to 3 characters inside words, as TfidfVectorizer(analyzer='char_wb', ngram_range=(1, 3), sublinear_tf=True)",
  weights: "KLUE-STS, KorSTS and KLUE-NLI train",
  correlations,
  binary: told,
};
await model.dispose();
const file = join(import.meta.dirname, "results/evaluate.json");
writeResult(file, result);
for (const [name, of] of Object.entries(correlations)) {
  console.log(`${name}, Spearman: ${of.model.spearman.toFixed(4)}, TF-IDF ${of.characters.spearman.toFixed(4)}`);
}
for (const [name, of] of Object.entries(told)) {
  console.log(`${name}, average precision: ${of.model.ap.toFixed(4)}, TF-IDF ${of.characters.ap.toFixed(4)}`);
}
