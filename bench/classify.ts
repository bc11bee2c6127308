/**
 * Topics of news titles from few and many examples: `npm run bench:classify`. Sentence vectors of the bundled model, TF-IDF of characters, and both,
 * with the same classifier and the same choice of C. Writes bench/results/classify.json.
 *
 *     MUNJANG_DATA      KLUE-YNAT (klue-ynat/train_data.csv, topic_dict.csv)
 *
 * 5,000 titles are kept for judging: those that reference/train holds out (`split_titles` of overlap.py), since the bundled model learns topics from the
 * others. Each seed draws its examples from the others.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SentenceTransformer } from "munjang";
import { classify, embedDocuments, evaluateLabels, FEATURES, trainClassifier } from "../apps/cli/src/classify/index.ts";
import { seeded, shuffled } from "../apps/cli/src/random.ts";
import { readTable } from "../apps/cli/src/table.ts";
import { machine } from "./measure.ts";
import { writeResult } from "./result.ts";

const root = join(import.meta.dirname, "..");
const SIZES = [10, 100, 1000];
const SEEDS = [1, 2, 3, 4, 5];
const JUDGED = 5000;

interface Title {
  readonly text: string;
  readonly label: string;
}

/** Two titles with one key are one title: NFC, lower case, without spaces, punctuation and symbols, as `key` of reference/train/text.py. */
const key = (text: string): string =>
  text
    .normalize("NFC")
    .toLowerCase()
    .replace(/[\p{P}\p{S}\p{Z}\p{C}]/gu, "");

/** Every n-th is judged, and none of the others is the same as one of those. */
function split(titles: readonly Title[]): [judged: Title[], rest: Title[]] {
  const every = Math.max(2, Math.floor(titles.length / JUDGED));
  const judged = titles.filter((_, n) => n % every === 0).slice(0, JUDGED);
  const seen = new Set(judged.map(({ text }) => key(text)));
  const rest = titles.filter(({ text }) => {
    const fresh = !seen.has(key(text));
    seen.add(key(text));
    return fresh;
  });
  return [judged, rest];
}

async function readTitles(folder: string): Promise<Title[]> {
  const names = new Map<string, string>();
  for await (const { values } of readTable(join(folder, "topic_dict.csv"), { columns: ["topic", "topic_idx"] })) {
    names.set(values.topic_idx, values.topic);
  }
  const titles: Title[] = [];
  for await (const { values } of readTable(join(folder, "train_data.csv"), { columns: ["title", "topic_idx"] })) {
    const label = names.get(values.topic_idx);
    if (label === undefined) throw new Error(`topic ${values.topic_idx} has no name`);
    titles.push({ text: values.title, label });
  }
  return titles;
}

interface Run {
  readonly seed: number;
  readonly C: number;
  readonly accuracy: number;
  readonly macroF1: number;
}

/** Mean, and standard deviation over the seeds. */
function over(values: readonly number[]): { mean: number; deviation: number; min: number; max: number } {
  const mean = values.reduce((a, b) => a + b) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const deviation = Math.sqrt(squares / (values.length - 1));
  return { mean, deviation, min: Math.min(...values), max: Math.max(...values) };
}

const data = process.env.MUNJANG_DATA;
if (data === undefined) throw new Error("MUNJANG_DATA names no folder: give the one that holds klue-ynat");
const folder = join(data, "klue-ynat");
const titles = await readTitles(folder);
const [judged, rest] = split(titles);
const labels = [...new Set(titles.map(({ label }) => label))].sort();

const model = await SentenceTransformer.load(join(root, "weights/model"));
const known = new Map<string, Float32Array>();
async function vectorsOf(some: readonly Title[]): Promise<Float32Array[]> {
  const missing = some.map(({ text }) => text).filter((text) => !known.has(text));
  const { vectors } = await embedDocuments(model, missing);
  for (const [i, text] of missing.entries()) known.set(text, vectors[i]);
  return some.map(({ text }) => known.get(text) as Float32Array);
}

const inputOf = async (some: readonly Title[]) => ({
  texts: some.map(({ text }) => text),
  vectors: await vectorsOf(some),
});
const test = await inputOf(judged);
const results = [];
for (const size of SIZES) {
  const runs: Record<string, Run[]> = Object.fromEntries(FEATURES.map((kind) => [kind, []]));
  for (const seed of SEEDS) {
    const random = seeded(seed);
    const examples = labels.flatMap((label) =>
      shuffled(
        rest.filter((title) => title.label === label),
        random,
      ).slice(0, size),
    );
    if (examples.length !== size * labels.length) throw new Error(`a topic has fewer than ${size} titles`);
    const input = await inputOf(examples);
    const given = examples.map(({ label }) => label);
    for (const features of FEATURES) {
      const classifier = trainClassifier(input, given, { features, seed });
      const predicted = classify(classifier, test).map(({ label }) => label);
      const { accuracy, macroF1 } = evaluateLabels(
        judged.map(({ label }) => label),
        predicted,
        labels,
      );
      runs[features].push({ seed, C: classifier.C, accuracy, macroF1 });
      const shown = `accuracy ${(100 * accuracy).toFixed(1)}  macro F1 ${(100 * macroF1).toFixed(1)}`;
      console.log(
        `${String(size).padStart(4)} a topic  seed ${seed}  ${features.padEnd(10)}  ${shown}  C ${classifier.C}`,
      );
    }
  }
  for (const features of FEATURES) {
    const of = (measure: "accuracy" | "macroF1") => over(runs[features].map((run) => run[measure]));
    results.push({
      examplesPerTopic: size,
      features,
      accuracy: of("accuracy"),
      macroF1: of("macroF1"),
      runs: runs[features],
    });
  }
}
await model.dispose();

const file = join(root, "bench/results/classify.json");
const report = {
  title: "Topics of KLUE-YNAT titles from few and many examples",
  ...machine(),
  versions: { munjang: JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version },
  model: "munjang-mini-ko",
  identity: model.identity,
  data: {
    "klue-ynat/train_data.csv, SHA-256": createHash("sha256")
      .update(readFileSync(join(folder, "train_data.csv")))
      .digest("hex"),
    titles: titles.length,
    judged: judged.length,
  },
  seeds: SEEDS,
  labels,
  results,
};
writeResult(file, report);
