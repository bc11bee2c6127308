import { Command, Option } from "commander";
import type { Precision, SentenceTransformer } from "munjang";
import { FORMATS, type Format, type FormatName, type Vector } from "./formats.ts";
import { examples } from "./help.ts";
import { type InputFlags, type Item, readItems, sizeOf, Usage, withInput } from "./input.ts";
import { loadModel, type ModelFlags, wholeNumber, withModel } from "./model.ts";
import { type Output, openOutput } from "./output.ts";
import { countOf, showProgress } from "./progress.ts";

interface Flags extends ModelFlags, InputFlags {
  format?: FormatName;
  json?: boolean;
  output?: string;
  normalize?: boolean;
  truncateDim?: number;
  precision: Precision;
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
    .addOption(
      new Option("--precision <type>", "elements of the vectors: bytes, or eight bits to a byte")
        .choices(["float32", "int8", "uint8", "binary", "ubinary"])
        .default("float32"),
    )
    .option("-p, --prompt <text>", "text to put before every text")
    .option("--prompt-name <name>", "one of the model's own prompts to put before every text")
    .option("--batch-tokens <n>", "tokens computed at once", wholeNumber);
  return examples(
    withModel(command),
    [
      'munjang embed "잠이 옵니다" "졸음이 옵니다"',
      "munjang embed -f sentences.txt -n -o embeddings.npy",
      "munjang embed --file records.jsonl --field title",
      "munjang embed -f sentences.txt -o a.npy --precision int8",
      "cat sentences.txt | munjang embed --format csv > out.csv",
    ],
    'Output is in the order of the input: {"text": …, "embedding": […]} a line, or the objects of JSON lines with "embedding" added. json makes one array of them, csv a table, npy a matrix for numpy.load (a file of --output).',
    "--precision is what quantize_embeddings of sentence-transformers does: int8 and uint8 between the smallest and the largest number of every dimension in this very input, which is held in memory for that, and of which the bytes depend; binary and ubinary the signs, which do not.",
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
  const progress = showProgress(countOf("texts"));
  try {
    const format = FORMATS[name];
    if (format.finalHead !== undefined && !output.seekable)
      throw new Usage(`${name} needs a file, not ${flags.output}`);
    if (!toTerminal) progress.update("embed", 0, size, 0);
    const { count, width } = await writeRows(model, items, format, output, flags, (done, { position }) => {
      if (!toTerminal) progress.update("embed", position, size, done);
    });
    await output.write(format.tail);
    await output.finish(format.finalHead?.(count, width, flags.precision));
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
  const { precision } = flags;
  const rows = precision === "int8" || precision === "uint8" ? together : oneByOne;
  let count = 0;
  let width = 0;
  for await (const { item, vector } of rows(model, items, flags, onRow)) {
    width = vector.length;
    await output.write(count++ === 0 ? format.head(width, precision) : format.between);
    await output.write(format.row(item, vector));
  }
  return { count, width };
}

interface Row {
  readonly item: Item;
  readonly vector: Vector;
}

type Rows = (
  model: SentenceTransformer,
  items: AsyncGenerator<Item>,
  flags: Flags,
  onRow: (done: number, item: Item) => void,
) => AsyncGenerator<Row>;

const oneByOne: Rows = async function* (model, items, flags, onRow) {
  const waiting: Item[] = []; // read, and not yet printed
  async function* remembered(): AsyncGenerator<string> {
    for await (const item of items) {
      waiting.push(item);
      yield item.text;
    }
  }
  let done = 0;
  for await (const vector of model.encodeStream(remembered(), encodeOptions(flags))) {
    const item = waiting.shift() as Item; // one row a text, in their order
    onRow(++done, item);
    yield { item, vector };
  }
};

/** All vectors before the first is printed: where they are between the smallest and the largest is known only then. */
const together: Rows = async function* (model, items, flags, onRow) {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  if (all.length < 2) {
    throw new Error(`one text has no smallest and largest numbers: --precision ${flags.precision} needs two or more`);
  }
  const vectors = await model.encode(
    all.map(({ text }) => text),
    { ...encodeOptions(flags), onProgress: ({ done }) => onRow(done, all[done - 1]) },
  );
  for (const [i, vector] of vectors.entries()) yield { item: all[i], vector };
};

function encodeOptions({ normalize, truncateDim, precision, prompt, promptName }: Flags) {
  return { normalizeEmbeddings: normalize, truncateDim, precision, prompt, promptName };
}
