import { writeAll } from "../places.ts";
import { printable, table as tableOf } from "../terminal.ts";
import type { EvaluateFlags } from "./command.ts";
import { confusionSvg } from "./confusion.ts";
import { type Evaluation, evaluateLabels } from "./measures.ts";
import { openClassifier, predictor } from "./predict.ts";
import { readLabelled } from "./train.ts";

/** Texts that are embedded at once. */
const WINDOW = 1024;

export async function evaluate(file: string, table: string, flags: EvaluateFlags): Promise<void> {
  const classifier = await openClassifier(file);
  const { texts, labels } = await readLabelled(table, flags);
  const unknown = [...new Set(labels)].filter((label) => !classifier.labels.includes(label));
  if (unknown.length > 0) {
    const names = unknown.slice(0, 5).map((label) => `"${label}"`);
    process.stderr.write(`munjang: ${file} does not know ${names.join(", ")}: texts with them count as wrong\n`);
  }
  const places = { "--output": flags.output, "--svg": flags.svg };
  const evaluation = await writeAll(places, { "the classifier": file, "the table": table }, async () => {
    const { predict, dispose } = await predictor(classifier, file, flags);
    const given: string[] = [];
    try {
      for (let i = 0; i < texts.length; i += WINDOW) {
        for (const { label } of await predict(texts.slice(i, i + WINDOW))) given.push(label);
      }
    } finally {
      await dispose();
    }
    const result = evaluateLabels(labels, given, [...new Set([...classifier.labels, ...labels])].sort());
    const contents = { "--output": `${JSON.stringify(result, null, 2)}\n`, "--svg": confusionSvg(result) };
    return { contents, result };
  });
  process.stdout.write(flags.json ? `${JSON.stringify(evaluation)}\n` : summary(evaluation));
}

function summary({ texts, accuracy, macroF1, classes, confusion }: Evaluation): string {
  const rows = classes.map(({ label, precision, recall, f1, examples }) => [
    ...[printable(label), precision.toFixed(4), recall.toFixed(4), f1.toFixed(4), String(examples)],
  ]);
  const measures = tableOf([["label", "precision", "recall", "F1", "texts"], ...rows], [1, 2, 3, 4]);
  const head = `${texts} texts  accuracy ${accuracy.toFixed(4)}  macro F1 ${macroF1.toFixed(4)}\n`;
  const mistakes = confusion
    .flatMap((row, i) => row.map((count, j) => ({ i, j, count })))
    .filter(({ i, j, count }) => i !== j && count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, 5)
    .map(({ i, j, count }) => [
      `  ${printable(classes[i].label)}`,
      `given ${printable(classes[j].label)}`,
      String(count),
    ]);
  return `${head}\n${measures}${mistakes.length === 0 ? "" : `\nMost often mistaken:\n${tableOf(mistakes, [2])}`}`;
}
