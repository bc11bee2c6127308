import { Command } from "commander";
import { examples } from "./help.ts";
import { readAllTexts, sizeOf, Usage, withInput } from "./input.ts";
import { loadModel, type ModelFlags, withModel } from "./model.ts";
import { openOutput } from "./output.ts";
import { type PairFlags, printPairs, readPairs } from "./pairs.ts";
import { countOf, showProgress } from "./progress.ts";
import { columns, fitting, table } from "./terminal.ts";

interface Flags extends ModelFlags, PairFlags {
  all?: boolean;
  pairs?: boolean;
  sort?: boolean;
}

export function similarityCommand(): Command {
  const command = new Command("similarity")
    .description("Compare the first text with the others, all with all, or pairs.")
    .argument("[texts...]", "two texts or more; without any, lines of --file or of standard input");
  withInput(command)
    .option("-a, --all", "compare every text with every other")
    .option("--pairs", "compare by twos: arguments, lines with a tab, or JSON lines")
    .option("--fields <a,b>", "fields of a JSON line that hold a pair", "sentence1,sentence2")
    .option("-s, --sort", "the most similar first (one against the others only)")
    .option("--json", "print JSON; with --pairs, one object a line");
  return examples(
    withModel(command),
    [
      'munjang similarity "잠이 온다" "졸음이 온다" "기차가 온다"',
      "munjang similarity --all --file sentences.txt",
      "munjang similarity --pairs --file pairs.tsv",
      'munjang similarity --json "잠이 옵니다" "졸음이 옵니다"',
    ],
    "Similarity is what the model says it is: the cosine, unless its files name another.",
  ).action(similarity);
}

async function similarity(given: string[], flags: Flags): Promise<void> {
  if (flags.all && flags.pairs) throw new Usage("--all and --pairs are two different questions: leave one out");
  if (flags.sort && (flags.all || flags.pairs)) {
    throw new Usage(`--sort puts one row in order: leave out ${flags.all ? "--all" : "--pairs"}`);
  }
  if (flags.pairs) return comparePairs(given, flags);
  const texts = await readAllTexts(given, flags);
  if (texts.length < 2) throw new Usage("one text has nothing to be compared with: give two or more");
  const model = await loadModel(flags);
  try {
    const progress = showProgress(countOf("texts"));
    const onProgress = ({ done, total }: { done: number; total: number }): void =>
      progress.update("encode", done, total);
    const vectors = await model.encode(texts, { onProgress }).finally(() => progress.stop());
    const rows = flags.all ? model.similarity(vectors, vectors) : model.similarity(vectors[0], vectors.slice(1));
    const output = await openOutput(undefined);
    if (flags.json) await output.write(asJson(model.similarityFunction, texts, rows, flags));
    else if (flags.all) await output.write(matrix(texts, rows));
    else await output.write(against(texts[0], texts.slice(1), rows[0], flags.sort === true));
  } finally {
    await model.dispose();
  }
}

async function comparePairs(given: string[], flags: Flags): Promise<void> {
  const source = readPairs(given, flags);
  try {
    const first = await source.next(); // so that a wrong command line is told before a model is loaded
    const model = await loadModel(flags);
    try {
      async function* all() {
        for (let next = first; !next.done; next = await source.next()) yield next.value;
      }
      // Where the lines go to the same terminal, they show how far the work is.
      const progress = process.stdout.isTTY ? undefined : showProgress(countOf("pairs"));
      const size = sizeOf(given, flags);
      const output = await openOutput(undefined);
      await printPairs(model, all(), output, flags.json === true, (done, { position }) => {
        progress?.update("compare", position, size, done);
      }).finally(() => progress?.stop());
    } finally {
      await model.dispose();
    }
  } finally {
    await source.return();
  }
}

/** The first text, and under it the others with their similarity to it. */
export function against(first: string, others: readonly string[], values: ArrayLike<number>, sorted: boolean): string {
  const order = others.map((_, i) => i);
  if (sorted) order.sort((a, b) => values[b] - values[a]);
  const lines = order.map((i) => [`  ${fitting(others[i], 12)}`, values[i].toFixed(4)]);
  return `${fitting(first, 0)}\n${table(lines, [1])}`;
}

/** Columns of a number of the matrix, space before it included: -0.1234 */
const CELL = 9;

/** The matrix, in blocks of as many columns as the terminal has room for. */
function matrix(texts: readonly string[], rows: readonly Float32Array[]): string {
  const room = columns() ?? Number.POSITIVE_INFINITY;
  const digits = String(texts.length).length;
  const perBlock = Math.max(1, Math.min(texts.length, Math.floor((room - digits - 20) / CELL)));
  const blocks: string[] = [];
  for (let from = 0; from < texts.length; from += perBlock) {
    const numbers = texts.map((_, i) => String(i + 1)).slice(from, from + perBlock);
    const lines = texts.map((text, i) => [
      String(i + 1),
      fitting(text, digits + 2 + CELL * numbers.length),
      ...Array.from(rows[i].subarray(from, from + perBlock), (v) => v.toFixed(4)),
    ]);
    blocks.push(table([["", "", ...numbers], ...lines], [0, ...numbers.map((_, i) => i + 2)]));
  }
  return blocks.join("\n");
}

function asJson(similarityFunction: string, texts: string[], rows: Float32Array[], flags: Flags): string {
  const numbers = rows.map((row) => Array.from(row, (value) => Number(value.toPrecision(9))));
  if (flags.all) return `${JSON.stringify({ similarityFunction, texts, similarities: numbers })}\n`;
  const others = texts.slice(1).map((text, i) => ({ text, similarity: numbers[0][i] }));
  if (flags.sort) others.sort((a, b) => b.similarity - a.similarity);
  return `${JSON.stringify({ similarityFunction, text: texts[0], others })}\n`;
}
