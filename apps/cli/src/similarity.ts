import { Command } from "commander";
import { examples } from "./help.ts";
import { readAllTexts, sizeOf, Usage, withInput } from "./input.ts";
import { loadModel, type ModelFlags, withModel } from "./model.ts";
import { openOutput } from "./output.ts";
import { type PairFlags, printPairs, readPairs } from "./pairs.ts";
import { countOf, showProgress } from "./progress.ts";
import { columns, fitting, table, widthOf } from "./terminal.ts";

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
    else if (flags.all) for (const line of matrix(texts, rows)) await output.write(line);
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

/** Columns of a number of the matrix, two blanks before it included: -0.1234. Most matrices have no sign. */
const CELL = 9;

/** Lines of the matrix, in blocks of as many columns as the terminal has room for. A thousand texts are a million numbers: no table of cells. */
export function* matrix(texts: readonly string[], rows: readonly Float32Array[]): Generator<string> {
  const room = columns() ?? Number.POSITIVE_INFINITY;
  const digits = String(texts.length).length;
  const cell = rows.some((row) => row.some((value) => value < 0)) ? CELL : CELL - 1;
  const perBlock = Math.max(1, Math.min(texts.length, Math.floor((room - digits - 20) / cell)));
  for (let from = 0; from < texts.length; from += perBlock) {
    const to = Math.min(from + perBlock, texts.length);
    const names = texts.map((text) => fitting(text, digits + 2 + cell * (to - from)).normalize("NFC"));
    const widths = names.map(widthOf);
    const width = widths.reduce((a, b) => Math.max(a, b), 0);
    const cells = (print: (column: number) => string): string =>
      Array.from({ length: to - from }, (_, i) => print(from + i).padStart(cell)).join("");
    if (from > 0) yield "\n";
    yield `${" ".repeat(digits + 2 + width)}${cells((column) => String(column + 1))}\n`;
    for (const [i, name] of names.entries()) {
      const label = `${String(i + 1).padStart(digits)}  ${name}${" ".repeat(width - widths[i])}`;
      yield `${label}${cells((column) => rows[i][column].toFixed(4))}\n`;
    }
  }
}

function asJson(similarityFunction: string, texts: string[], rows: Float32Array[], flags: Flags): string {
  const numbers = rows.map((row) => Array.from(row, (value) => Number(value.toPrecision(9))));
  if (flags.all) return `${JSON.stringify({ similarityFunction, texts, similarities: numbers })}\n`;
  const others = texts.slice(1).map((text, i) => ({ text, similarity: numbers[0][i] }));
  if (flags.sort) others.sort((a, b) => b.similarity - a.similarity);
  return `${JSON.stringify({ similarityFunction, text: texts[0], others })}\n`;
}
