import { Command, Option } from "commander";
import { examples } from "../help.ts";
import { type ModelFlags, wholeNumber, withModel } from "../model.ts";
import { TABLE_FORMATS, type TableFormat } from "../table.ts";

export interface EvaluateFlags extends ModelFlags {
  format?: TableFormat;
  quoted?: boolean;
  truncateDim?: number;
  output?: string;
  json?: boolean;
}

export interface StsFlags extends EvaluateFlags {
  fields: string;
  score: string;
  svg?: string;
}

export interface BinaryFlags extends EvaluateFlags {
  fields: string;
  label: string;
  positive?: string;
  ignore?: string;
}

export interface RetrievalFlags extends EvaluateFlags {
  queries: string;
  corpus: string;
  qrels: string;
  id: string;
  text: string;
  title: string;
  judgements: string;
}

/** What does the work is imported when it runs: the other commands need none of it. */
export function evaluateCommand(): Command {
  return examples(
    new Command("evaluate")
      .description("Measure how good a model is on labelled data.")
      .addCommand(stsCommand())
      .addCommand(binaryCommand())
      .addCommand(retrievalCommand()),
    [
      "munjang evaluate sts sts.tsv --svg scatter.svg",
      "munjang evaluate binary nli.csv --fields premise,hypothesis --label gold --positive entailment",
      "munjang evaluate retrieval --queries queries.jsonl --corpus corpus.jsonl --qrels qrels.tsv",
    ],
    "Every command has a --help of its own.",
  );
}

function withTable(command: Command): Command {
  return command
    .addOption(new Option("--format <format>", "form of the tables (default: their endings)").choices(TABLE_FORMATS))
    .option("--quoted", "fields of TSV may stand in quotes, as spreadsheets write them");
}

function withOutput(command: Command): Command {
  return withModel(
    command
      .option("--truncate-dim <n>", "keep the first n numbers of every vector", wholeNumber)
      .option("-o, --output <file>", "write the results as JSON to a file")
      .option("--json", "print JSON"),
  );
}

function stsCommand(): Command {
  const command = new Command("sts")
    .description("Correlate similarities of pairs with people's scores.")
    .argument("<table>", "CSV, TSV or JSON lines, two texts and a score a row (- is standard input)")
    .option("--fields <a,b>", "columns with the texts", "sentence1,sentence2")
    .option("--score <column>", "column with the score: larger is nearer, on any scale", "score");
  withTable(command).option("--svg <file>", "plot cosines over scores");
  return examples(
    withOutput(command),
    [
      "munjang evaluate sts sts.tsv",
      "munjang evaluate sts sts.tsv --svg scatter.svg --output sts.json",
      "munjang evaluate sts - --format tsv < sts.tsv",
    ],
    "Pearson and Spearman of cosine, dot product and the negative distances: what EmbeddingSimilarityEvaluator of sentence-transformers computes.",
  ).action(async (table: string, flags: StsFlags) => (await import("./tasks.ts")).sts(table, flags));
}

function binaryCommand(): Command {
  const command = new Command("binary")
    .description("Tell pairs that belong together from others: paraphrases, entailment.")
    .argument("<table>", "CSV, TSV or JSON lines, two texts and a label a row (- is standard input)")
    .option("--fields <a,b>", "columns with the texts", "sentence1,sentence2")
    .option("--label <column>", "column with the label", "label")
    .option("--positive <labels>", "labels of pairs that belong together, commas between them (default: 1, true)")
    .option("--ignore <labels>", "labels of pairs to leave out");
  withTable(command);
  return examples(
    withOutput(command),
    [
      "munjang evaluate binary nli.csv --fields premise,hypothesis --label gold --positive entailment",
      "munjang evaluate binary nli.csv --fields premise,hypothesis --label gold --positive entailment --ignore neutral",
    ],
    "Accuracy and F1 at the best limits for each, average precision, Matthews' correlation: what BinaryClassificationEvaluator of sentence-transformers computes. Without --positive, labels are 1 and 0, or true and false.",
  ).action(async (table: string, flags: BinaryFlags) => (await import("./tasks.ts")).binary(table, flags));
}

function retrievalCommand(): Command {
  const command = new Command("retrieval")
    .description("Find documents for queries, and see whether the relevant ones come first.")
    .requiredOption("--queries <table>", "an id and a text a row")
    .requiredOption("--corpus <table>", "an id and a text a row, and a title if there is one")
    .requiredOption("--qrels <table>", "which document is relevant for which query, and how much")
    .option("--id <column>", "column with the id", "_id")
    .option("--text <column>", "column with the text", "text")
    .option("--title <column>", "column with a title, put before the text", "title")
    .option("--judgements <q,d,s>", "columns of --qrels; without a score it is 1", "query-id,corpus-id,score");
  withTable(command);
  return examples(
    withOutput(command),
    [
      "munjang evaluate retrieval --queries queries.jsonl --corpus corpus.jsonl --qrels qrels.tsv",
      "munjang evaluate retrieval --queries queries.jsonl --corpus corpus.jsonl --qrels qrels.tsv --output retrieval.json",
    ],
    "The folders of BEIR are read as they are. nDCG@10, MRR@10, MAP@100, accuracy, precision and recall, as InformationRetrievalEvaluator of sentence-transformers computes them, with grades as trec_eval does.",
  ).action(async (flags: RetrievalFlags) => (await import("./tasks.ts")).retrieval(flags));
}
