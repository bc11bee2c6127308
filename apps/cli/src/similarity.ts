import { Command } from "commander";
import { readAllTexts, Usage } from "./input.ts";
import { loadModel, type ModelFlags, withModel } from "./model.ts";
import { openOutput } from "./output.ts";
import { clip, printable, table } from "./table.ts";

interface Flags extends ModelFlags {
  file?: string;
  all?: boolean;
  sort?: boolean;
  json?: boolean;
}

export function similarityCommand(): Command {
  const command = new Command("similarity")
    .description("Compare the first text with the others, or all with all.")
    .argument("[texts...]", "two texts or more; without any, lines of --file or of standard input")
    .option("-f, --file <file>", "read one text a line from a file (- is standard input)")
    .option("-a, --all", "compare every text with every other")
    .option("-s, --sort", "the most similar first (not with --all)")
    .option("--json", "print JSON");
  return withModel(command)
    .addHelpText(
      "after",
      `
Examples:
  munjang similarity "잠이 옵니다" "졸음이 옵니다" "기차가 옵니다"
  munjang similarity --all --file sentences.txt
  munjang similarity --json "잠이 옵니다" "졸음이 옵니다"

Similarity is what the model says it is: the cosine, unless its files name another.`,
    )
    .action(similarity);
}

async function similarity(given: string[], flags: Flags): Promise<void> {
  if (flags.all && flags.sort) throw new Usage("--sort puts one row in order: leave out --all");
  const texts = await readAllTexts(given, flags.file);
  if (texts.length < 2) throw new Usage("one text has nothing to be compared with: give two or more");
  const model = await loadModel(flags);
  try {
    const vectors = await model.encode(texts);
    const rows = flags.all ? model.similarity(vectors, vectors) : model.similarity(vectors[0], vectors.slice(1));
    const output = await openOutput(undefined);
    if (flags.json) await output.write(asJson(model.similarityFunction, texts, rows, flags));
    else if (flags.all) await output.write(matrix(texts, rows));
    else await output.write(against(texts[0], texts.slice(1), rows[0], flags.sort === true));
  } finally {
    await model.dispose();
  }
}

/** The first text, and under it the others with their similarity to it. */
export function against(first: string, others: readonly string[], values: ArrayLike<number>, sorted: boolean): string {
  const order = others.map((_, i) => i);
  if (sorted) order.sort((a, b) => values[b] - values[a]);
  const lines = order.map((i) => [`  ${fitting(others[i], 12)}`, values[i].toFixed(4)]);
  return `${fitting(first, 0)}\n${table(lines, [1])}`;
}

function matrix(texts: readonly string[], rows: readonly Float32Array[]): string {
  const numbers = texts.map((_, i) => String(i + 1));
  const lines = texts.map((text, i) => [
    numbers[i],
    fitting(text, 6 + 8 * texts.length),
    ...Array.from(rows[i], (v) => v.toFixed(4)),
  ]);
  return table([["", "", ...numbers], ...lines], [0, ...texts.map((_, i) => i + 2)]);
}

/** A text on one line that leaves `room` columns of the terminal; whole where there is no terminal. */
function fitting(text: string, room: number): string {
  const columns = process.stdout.columns;
  return columns === undefined ? printable(text) : clip(printable(text), Math.max(16, columns - room));
}

function asJson(similarityFunction: string, texts: string[], rows: Float32Array[], flags: Flags): string {
  const numbers = rows.map((row) => Array.from(row, (value) => Number(value.toPrecision(9))));
  if (flags.all) return `${JSON.stringify({ similarityFunction, texts, similarities: numbers })}\n`;
  const others = texts.slice(1).map((text, i) => ({ text, similarity: numbers[0][i] }));
  if (flags.sort) others.sort((a, b) => b.similarity - a.similarity);
  return `${JSON.stringify({ similarityFunction, text: texts[0], others })}\n`;
}
