import { embedDocuments } from "../documents.ts";
import { loadModel } from "../model.ts";
import { writeAll } from "../places.ts";
import { countOf, showProgress } from "../progress.ts";
import { readTable } from "../table.ts";
import { printable, table as tableOf } from "../terminal.ts";
import { tellDocuments } from "../texts.ts";
import { type Classifier, trainClassifier } from "./classifier.ts";
import type { TrainFlags } from "./command.ts";
import { writeClassifier } from "./store.ts";

/** Texts and labels of a table. @throws TableError naming the line that has none. */
export async function readLabelled(
  file: string,
  { text, label, format }: Pick<TrainFlags, "text" | "label" | "format">,
): Promise<{ texts: string[]; labels: string[] }> {
  const texts: string[] = [];
  const labels: string[] = [];
  for await (const { values } of readTable(file, { columns: [text, label], format })) {
    texts.push(values[text]);
    labels.push(values[label].trim().normalize("NFC")); // letters taken apart make no other label
  }
  return { texts, labels };
}

export async function train(file: string, flags: TrainFlags): Promise<void> {
  const { texts, labels } = await readLabelled(file, flags);
  const classifier = await writeAll({ "--output": flags.output }, { "the table": file }, async () => {
    const result = await learn(texts, labels, flags);
    return { contents: { "--output": writeClassifier(result) }, result };
  });
  const { weights: _, characters, ...about } = classifier;
  const shown = { ...about, runs: characters?.runs.length };
  process.stdout.write(flags.json ? `${JSON.stringify(shown)}\n` : summary(classifier));
  if (!classifier.converged) {
    process.stderr.write("munjang: the weights are not the best ones yet: try a smaller --c\n");
  }
  process.stderr.write(`munjang: written to ${flags.output}\n`);
}

async function learn(texts: string[], labels: string[], flags: TrainFlags): Promise<Classifier> {
  const options = {
    features: flags.features,
    weighting: flags.classWeights,
    C: flags.c,
    folds: flags.folds,
    seed: flags.seed,
  };
  const progress = showProgress(countOf("steps"));
  const tried = ({ done, total }: { done: number; total: number }): void => progress.update("try", done, total);
  try {
    // Before anything is computed: one label, or none twice.
    if (new Set(labels).size < 2 || flags.features === "characters") {
      return trainClassifier({ texts, vectors: texts.map(() => [0]) }, labels, { ...options, onProgress: tried });
    }
    const model = await loadModel(flags);
    try {
      const embedding = showProgress(countOf("texts"));
      const documents = await embedDocuments(model, texts, {
        split: flags.sentences,
        onProgress: ({ done, total }) => embedding.update("embed", done, total),
      }).finally(() => embedding.stop());
      tellDocuments(documents, model.maxSeqLength);
      const about = { split: flags.sentences, identity: model.identity, model: flags.model };
      return trainClassifier({ texts, vectors: documents.vectors }, labels, { ...options, about, onProgress: tried });
    } finally {
      await model.dispose();
    }
  } finally {
    progress.stop();
  }
}

function summary({ labels, examples, tried, C, folds }: Classifier): string {
  const classes = [["label", "examples"], ...labels.map((label, k) => [printable(label), String(examples[k])])];
  const steps = tried.map((one) => [
    `${one.C}${one.C === C ? " *" : ""}`,
    one.logLoss.toFixed(4),
    one.accuracy.toFixed(4),
  ]);
  const chosen =
    tried.length === 0
      ? `C ${C}, as given\n`
      : `C, by ${folds}-fold cross-validation:\n${tableOf([["C", "log loss", "accuracy"], ...steps], [0, 1, 2])}`;
  return `${tableOf(classes, [1])}\n${chosen}`;
}
