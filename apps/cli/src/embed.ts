import { Command, Option } from "commander";
import type { SentenceTransformer } from "munjang";
import { FORMATS, type Format, type FormatName } from "./formats.ts";
import { examples } from "./help.ts";
import { type InputFlags, type Item, readItems, sizeOf, Usage, withInput } from "./input.ts";
import { loadModel, type ModelFlags, wholeNumber, withModel } from "./model.ts";
import { type Output, openOutput } from "./output.ts";
import { showProgress } from "./progress.ts";

interface Flags extends ModelFlags, InputFlags {
  format?: FormatName;
  json?: boolean;
  output?: string;
  normalize?: boolean;
  truncateDim?: number;
  prompt?: string;
  promptName?: string;
  batchTokens?: number;
}

export function embedCommand(): Command {
  const command = new Command("embed")
    .description("Turn texts into vectors, one a line of output.")
    .argument("[texts...]", "texts; without any, lines of --file or of standard input");
  withInput(command)
    .addOption(
      new Option("--format <format>", "form of the output (default: the ending of --output, else jsonl)").choices(
        Object.keys(FORMATS),
      ),
    )
    .option("--json", "the same as --format jsonl")
    .option("-o, --output <file>", "write to a file, which appears when it is complete")
    .option("-n, --normalize", "divide every vector by its length")
    .option("--truncate-dim <n>", "keep the first n numbers of every vector", wholeNumber)
    .option("-p, --prompt <text>", "text to put before every text")
    .option("--prompt-name <name>", "one of the model's own prompts to put before every text")
    .option("--batch-tokens <n>", "tokens computed at once", wholeNumber);
  return examples(
    withModel(command),
    [
      'munjang embed "잠이 옵니다" "졸음이 옵니다"',
      "munjang embed -f sentences.txt -n -o embeddings.npy",
      "munjang embed --file records.jsonl --field title",
      "cat sentences.txt | munjang embed --format csv > out.csv",
    ],
    'Output is in the order of the input: {"text": …, "embedding": […]} a line, or the objects of JSON lines with "embedding" added. json makes one array of them, csv a table, npy a float32 matrix for numpy.load (a file of --output).',
  ).action(embed);
}

async function embed(texts: string[], flags: Flags): Promise<void> {
  const source = readItems(texts, flags);
  try {
    const format = chooseFormat(flags);
    const first = await source.next(); // so that a wrong command line is told before a model is loaded
    const model = await loadModel(flags, { tokensPerBatch: flags.batchTokens });
    try {
      await embedAll(model, from(first, source), format, sizeOf(texts, flags), flags);
    } finally {
      await model.dispose();
    }
  } finally {
    await source.return(); // lets go of standard input where something failed
  }
}

function chooseFormat({ format, json, output = "" }: Flags): FormatName {
  if (json && format !== undefined && format !== "jsonl") throw new Usage(`--json is not --format ${format}`);
  if (json) return "jsonl";
  const ending = /\.(jsonl|json|csv|npy)$/i.exec(output)?.[1].toLowerCase() as FormatName | undefined;
  const chosen = format ?? ending ?? "jsonl";
  if (chosen === "npy" && output === "") {
    throw new Usage("npy needs --output FILE: the number of rows is written at its beginning in the end");
  }
  return chosen;
}

async function* from(first: IteratorResult<Item, void>, rest: AsyncGenerator<Item, void, void>): AsyncGenerator<Item> {
  for (let next = first; !next.done; next = await rest.next()) yield next.value;
}

async function embedAll(
  model: SentenceTransformer,
  items: AsyncGenerator<Item>,
  name: FormatName,
  size: number,
  flags: Flags,
): Promise<void> {
  const output = await openOutput(flags.output);
  // Where vectors go to the same terminal, they show how far the work is.
  const toTerminal = flags.output === undefined && process.stdout.isTTY;
  const progress = showProgress((n) => `${n < 10 ? n.toFixed(1).replace(/\.0$/, "") : Math.round(n)} texts`);
  try {
    const format = FORMATS[name];
    if (format.finalHead !== undefined && !output.seekable)
      throw new Usage(`${name} needs a file, not ${flags.output}`);
    if (!toTerminal) progress.update("embed", 0, size, 0);
    const { count, width } = await writeRows(model, items, format, output, flags, (done, { position }) => {
      if (!toTerminal) progress.update("embed", position, size, done);
    });
    await output.write(format.tail);
    await output.finish(format.finalHead?.(count, width));
    progress.stop();
    if (flags.output !== undefined) {
      const vectors = count === 1 ? "vector" : "vectors";
      process.stderr.write(`munjang: ${count} ${vectors} of ${width} written to ${flags.output}\n`);
    }
  } catch (error) {
    progress.stop();
    output.discard();
    throw error;
  }
}

async function writeRows(
  model: SentenceTransformer,
  items: AsyncGenerator<Item>,
  format: Format,
  output: Output,
  flags: Flags,
  onRow: (done: number, item: Item) => void,
): Promise<{ count: number; width: number }> {
  const waiting: Item[] = []; // read, and not yet printed
  async function* remembered(): AsyncGenerator<string> {
    for await (const item of items) {
      waiting.push(item);
      yield item.text;
    }
  }
  const { normalize, truncateDim, prompt, promptName } = flags;
  let count = 0;
  let width = 0;
  const options = { normalizeEmbeddings: normalize, truncateDim, prompt, promptName };
  for await (const vector of model.encodeStream(remembered(), options)) {
    const item = waiting.shift() as Item; // one row a text, in their order
    width = vector.length;
    await output.write(count++ === 0 ? format.head(width) : format.between);
    await output.write(format.row(item, vector));
    onRow(count, item);
  }
  return { count, width };
}
