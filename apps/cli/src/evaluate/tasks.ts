import type { SentenceTransformer } from "munjang";
import { loadModel } from "../model.ts";
import { openOutput } from "../output.ts";
import { type Places, writeAll } from "../places.ts";
import { countOf, showProgress } from "../progress.ts";
import { clip, columns, printable, table } from "../terminal.ts";
import { evaluateBinary } from "./binary.ts";
import type { BinaryFlags, EvaluateFlags, RetrievalFlags, StsFlags } from "./command.ts";
import { evaluateRetrieval, unknownDocuments } from "./retrieval.ts";
import { scatter } from "./scatter.ts";
import { evaluateSts } from "./sts.ts";
import { readBinary, readRetrieval, readSts } from "./tables.ts";
import { type EmbedOptions, FUNCTIONS } from "./vectors.ts";

export async function sts(file: string, flags: StsFlags): Promise<void> {
  const pairs = await readSts(file, flags);
  await report(flags, { "the table": file }, async () => {
    const { result, identity } = await withProgress(flags, (model, options) => evaluateSts(model, pairs, options));
    const { correlations, similarities } = result;
    const points = pairs.map(({ sentence1, sentence2, score }, i) => {
      return { x: score, y: similarities.cosine[i], label: `${sentence1}\n${sentence2}` };
    });
    const title = `${flags.model}, ${pairs.length} pairs: Spearman ${digits(correlations.cosine.spearman)}`;
    const svg = flags.svg === undefined ? "" : scatter(points, { title, x: flags.score, y: "cosine" });
    const rows = FUNCTIONS.map((by) => [by, correlations[by].pearson, correlations[by].spearman] as const);
    const text = head(flags, `${pairs.length} pairs of ${file}`) + numbers(["Pearson", "Spearman"], rows);
    const about = { task: "sts", model: flags.model, identity, table: file, pairs: pairs.length };
    return { text, results: { ...about, correlations }, svg };
  });
}

export async function binary(file: string, flags: BinaryFlags): Promise<void> {
  const { pairs, ignored } = await readBinary(file, flags);
  await report(flags, { "the table": file }, async () => {
    const { result, identity } = await withProgress(flags, (model, options) => evaluateBinary(model, pairs, options));
    const { same, scores } = result;
    const titles = ["accuracy", "limit", "F1", "limit", "precision", "recall", "AP", "MCC"];
    const rows = FUNCTIONS.map((by) => {
      const of = scores[by];
      const found = [of.accuracy, of.accuracyThreshold, of.f1, of.f1Threshold, of.precision, of.recall];
      return [by, ...found, of.ap, of.mcc] as const;
    });
    const text = head(flags, `${pairs.length} pairs of ${file}, ${same} belong together`) + numbers(titles, rows);
    const about = { task: "binary", model: flags.model, identity, table: file, pairs: pairs.length, same, ignored };
    return { text, results: { ...about, scores } };
  });
}

export async function retrieval(flags: RetrievalFlags): Promise<void> {
  const data = await readRetrieval(flags);
  const { queries: asked, corpus, qrels } = flags;
  await report(flags, { "--queries": asked, "--corpus": corpus, "--qrels": qrels }, async () => {
    const { result, identity } = await withProgress(flags, (model, options) => evaluateRetrieval(model, data, options));
    const { measures, queries, documents, similarityFunction } = result;
    const missing = unknownDocuments(data);
    if (missing > 0) {
      const about = missing === 1 ? "1 judgement is about a document" : `${missing} judgements are about documents`;
      process.stderr.write(`munjang: ${about} that ${corpus} does not have; they count as never found\n`);
    }
    const what = `${queries} queries, ${documents} documents, by ${similarityFunction}`;
    const rows = Object.entries(measures).map(([name, value]) => [name, value] as const);
    const about = { task: "retrieval", model: flags.model, identity, tables: { queries: asked, corpus, qrels } };
    const results = { ...about, queries, documents, similarityFunction, measures };
    return { text: head(flags, what) + numbers([], rows), results };
  });
}

/** Loads the model, evaluates, and shows how far the encoding is. */
async function withProgress<T>(
  flags: EvaluateFlags,
  evaluate: (model: SentenceTransformer, options: EmbedOptions) => Promise<T>,
): Promise<{ readonly result: T; readonly identity: SentenceTransformer["identity"] }> {
  const model = await loadModel(flags);
  const progress = showProgress(countOf("texts"));
  try {
    const { truncateDim } = flags;
    const onProgress: EmbedOptions["onProgress"] = ({ done, total }) => progress.update("encode", done, total);
    return { result: await evaluate(model, { truncateDim, onProgress }), identity: model.identity };
  } finally {
    progress.stop();
    await model.dispose();
  }
}

interface Report {
  /** The table that is printed. */
  readonly text: string;
  readonly results: object;
  readonly svg?: string;
}

/** Writes the picture and the JSON to their files, and prints the JSON or the table. */
async function report(
  { json, output, svg }: EvaluateFlags & Pick<StsFlags, "svg">,
  inputs: Places,
  evaluate: () => Promise<Report>,
): Promise<void> {
  const places = { "--svg": svg, "--output": output };
  const printed = await writeAll(places, inputs, async () => {
    const { text, results, svg: picture = "" } = await evaluate();
    const written = `${JSON.stringify(results, null, 2)}\n`;
    return { contents: { "--svg": picture, "--output": written }, result: json ? written : text };
  });
  for (const file of [svg, output]) if (file !== undefined) process.stderr.write(`munjang: written to ${file}\n`);
  const out = await openOutput(undefined);
  await out.write(printed);
}

function head({ model }: EvaluateFlags, what: string): string {
  return `${clip(printable(`${model}: ${what}`), columns() ?? Number.POSITIVE_INFINITY)}\n`;
}

function numbers(titles: readonly string[], rows: readonly (readonly [name: string, ...values: number[]])[]): string {
  const lines = rows.map(([name, ...values]) => [`  ${name}`, ...values.map(digits)]);
  const right = lines[0].map((_, i) => i).slice(1);
  return table(titles.length === 0 ? lines : [["", ...titles], ...lines], right);
}

/** A number that is not known is a dash. */
function digits(value: number): string {
  return Number.isNaN(value) ? "–" : value.toFixed(4);
}
