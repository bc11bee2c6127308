import { Command, InvalidArgumentError, Option } from "commander";
import type { Split } from "../documents.ts";
import { examples } from "../help.ts";
import { type ModelFlags, wholeNumber, withModel } from "../model.ts";
import type { TableFormat } from "../table.ts";
import { TABLES, type TextFlags, withTexts } from "../text-options.ts";
import type { FeatureKind } from "./classifier.ts";
import type { Weighting } from "./select.ts";

export interface TableFlags extends ModelFlags {
  text: string;
  label: string;
  format?: TableFormat;
  json?: boolean;
}

export interface TrainFlags extends TableFlags {
  output: string;
  features: FeatureKind;
  sentences: Split;
  classWeights: Weighting;
  c?: number;
  folds?: number;
  seed: number;
}

export interface EvaluateFlags extends TableFlags {
  output?: string;
  svg?: string;
}

export interface PredictFlags extends ModelFlags, TextFlags {
  format?: "jsonl" | "csv";
  output?: string;
}

/** What does the work is imported when it runs: the other commands need none of it. */
export function classifyCommand(): Command {
  return examples(
    new Command("classify")
      .description("Learn labels of documents from examples, and give them to others.")
      .addCommand(trainCommand())
      .addCommand(evaluateCommand())
      .addCommand(predictCommand()),
    [
      "munjang classify train examples.csv --output topics.json",
      "munjang classify evaluate topics.json tests.csv --svg confusion.svg",
      'munjang classify predict topics.json "새 휴대전화가 다음 달에 나옵니다"',
    ],
    "Every command has a --help of its own.",
  );
}

function withTable(command: Command): Command {
  return command
    .option("--text <column>", "column or field with the text", "text")
    .option("--label <column>", "column or field with the label", "label")
    .addOption(new Option("--format <format>", "form of the table (default: its ending)").choices(TABLES));
}

function trainCommand(): Command {
  const command = new Command("train")
    .description("Fit a classifier to a table of texts and labels.")
    .argument("<table>", "CSV, TSV or JSON lines, a text and its label a row");
  withTable(command)
    .requiredOption("-o, --output <file>", "where the classifier goes, JSON")
    .addOption(
      new Option("--features <kind>", "what texts are told apart by")
        .choices(["embeddings", "characters", "both"])
        .default("embeddings"),
    )
    .addOption(
      new Option("--sentences <which>", "texts to embed by sentences and average: those the model would cut, all, none")
        .choices(["long", "always", "never"])
        .default("long"),
    )
    .addOption(
      new Option("--class-weights <how>", "balanced: every label counts the same, however many examples it has")
        .choices(["balanced", "none"])
        .default("balanced"),
    )
    .option("-c, --c <number>", "how little weights are held back (default: chosen by cross-validation)", positive)
    .option("--folds <n>", "parts of the cross-validation (default: 5, or 3 from 5,000 examples up)", atLeastTwo)
    .option("--seed <n>", "decides which example goes into which part", seedOf, 0)
    .option("--json", "print JSON");
  return examples(
    withModel(command),
    [
      "munjang classify train examples.csv --output topics.json",
      "munjang classify train examples.tsv --text title --label topic --features both -o topics.json",
    ],
    "Logistic regression. Of Korean news titles both features together were best with 10, 100 and 1,000 examples a label; embeddings alone beat characters with few, characters beat them with many.",
  ).action(async (table: string, flags: TrainFlags) => (await import("./train.ts")).train(table, flags));
}

function evaluateCommand(): Command {
  const command = new Command("evaluate")
    .description("Compare what a classifier says with the labels of a table.")
    .argument("<classifier>", "what munjang classify train wrote")
    .argument("<table>", "CSV, TSV or JSON lines, a text and its label a row");
  withTable(command)
    .option("--svg <file>", "write the confusion matrix as a picture")
    .option("-o, --output <file>", "write the results as JSON")
    .option("--json", "print JSON");
  return examples(
    withModel(command),
    [
      "munjang classify evaluate topics.json tests.csv",
      "munjang classify evaluate topics.json tests.csv --svg confusion.svg --output results.json",
    ],
    "Accuracy, F1 of every label and their mean (macro F1), and which labels are taken for which.",
  ).action(async (classifier: string, table: string, flags: EvaluateFlags) =>
    (await import("./evaluate.ts")).evaluate(classifier, table, flags),
  );
}

function predictCommand(): Command {
  const command = new Command("predict")
    .description("Give labels to texts, with probabilities.")
    .argument("<classifier>", "what munjang classify train wrote")
    .argument("[texts...]", "texts; without any, those of --file or of standard input");
  withTexts(command)
    .addOption(
      new Option("--format <format>", "form of the output (default: the ending of --output, else jsonl)").choices([
        "jsonl",
        "csv",
      ]),
    )
    .option("-o, --output <file>", "write to a file, which appears when it is complete");
  return examples(
    withModel(command),
    [
      'munjang classify predict topics.json "새 휴대전화가 다음 달에 나옵니다"',
      "munjang classify predict topics.json --file news.txt --output labels.csv",
      "munjang classify predict topics.json --file tests.csv --text text | head -1",
    ],
    'Output is in the order of the input: {"text": …, "label": …, "probability": …, "probabilities": {…}} a line, or a table.',
  ).action(async (classifier: string, texts: string[], flags: PredictFlags) =>
    (await import("./predict.ts")).predict(classifier, texts, flags),
  );
}

function positive(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value > 0 && value < Number.POSITIVE_INFINITY)) {
    throw new InvalidArgumentError("it must be a number above 0.");
  }
  return value;
}

function atLeastTwo(text: string): number {
  const value = wholeNumber(text);
  if (value < 2) throw new InvalidArgumentError("it must be a whole number from 2 up.");
  return value;
}

/** A seed, as an option's value. */
export function seedOf(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new InvalidArgumentError("it must be a whole number of at most 9 digits.");
  return Number(text);
}
