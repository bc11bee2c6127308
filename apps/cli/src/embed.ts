import { Command, Option } from "commander";
import { readTexts } from "./input.ts";
import { loadModel, type ModelFlags, wholeNumber, withModel } from "./model.ts";
import { openOutput } from "./output.ts";

interface Flags extends ModelFlags {
  file?: string;
  format: keyof typeof FORMATS;
  output?: string;
  normalize?: boolean;
  truncateDim?: number;
  prompt?: string;
  batchTokens?: number;
}

/** How rows become text: what stands before, for each row, between rows, and after. */
interface Format {
  head(width: number): string;
  row(text: string, numbers: string[]): string;
  between: string;
  tail: string;
}

const FORMATS = {
  jsonl: {
    head: () => "",
    row: (text: string, numbers: string[]) => `{"text":${JSON.stringify(text)},"embedding":[${numbers}]}`,
    between: "\n",
    tail: "\n",
  },
  json: {
    head: () => "[\n",
    row: (text: string, numbers: string[]) => `{"text":${JSON.stringify(text)},"embedding":[${numbers}]}`,
    between: ",\n",
    tail: "\n]\n",
  },
  csv: {
    head: (width: number) => `text,${Array.from({ length: width }, (_, i) => `e${i}`)}\n`,
    row: (text: string, numbers: string[]) => `${quoted(text)},${numbers}`,
    between: "\n",
    tail: "\n",
  },
} satisfies Record<string, Format>;

export function embedCommand(): Command {
  const command = new Command("embed")
    .description("Turn texts into vectors, one a line of output.")
    .argument("[texts...]", "texts; without any, lines of --file or of standard input")
    .option("-f, --file <file>", "read one text a line from a file (- is standard input)")
    .addOption(new Option("--format <format>", "form of the output").choices(Object.keys(FORMATS)).default("jsonl"))
    .option("-o, --output <file>", "write to a file, which appears when it is complete")
    .option("-n, --normalize", "divide every vector by its length")
    .option("--truncate-dim <n>", "keep the first n numbers of every vector", wholeNumber)
    .option("-p, --prompt <text>", "text to put before every text")
    .option("--batch-tokens <n>", "tokens computed at once", wholeNumber);
  return withModel(command)
    .addHelpText(
      "after",
      `
Examples:
  munjang embed "잠이 옵니다" "졸음이 옵니다"
  munjang embed --file sentences.txt --normalize --output embeddings.jsonl
  cat sentences.txt | munjang embed --format csv > embeddings.csv

Output is in the order of the input: {"text": …, "embedding": […]} a line; --format json makes one array of them, csv a table.`,
    )
    .action(embed);
}

async function embed(texts: string[], flags: Flags): Promise<void> {
  const source = readTexts(texts, flags.file);
  try {
    const first = await source.next(); // so that a wrong command line is told before a model is loaded
    await embedAll(source, first, flags);
  } finally {
    await source.return(); // lets go of standard input where something failed
  }
}

async function embedAll(
  source: AsyncGenerator<string, void, void>,
  first: IteratorResult<string, void>,
  flags: Flags,
): Promise<void> {
  const model = await loadModel(flags, flags.batchTokens);
  const output = await openOutput(flags.output);
  const format: Format = FORMATS[flags.format];
  const waiting: string[] = []; // read, and not yet printed
  async function* remembered(): AsyncGenerator<string> {
    for (let next = first; !next.done; next = await source.next()) {
      waiting.push(next.value);
      yield next.value;
    }
  }
  try {
    const options = { normalizeEmbeddings: flags.normalize, truncateDim: flags.truncateDim, prompt: flags.prompt };
    let count = 0;
    let width = 0;
    for await (const vector of model.encodeStream(remembered(), options)) {
      width = vector.length;
      const before = count++ === 0 ? format.head(width) : format.between;
      await output.write(before + format.row(waiting.shift() ?? "", Array.from(vector, shortest)));
    }
    await output.write(format.tail);
    await output.finish();
    if (flags.output !== undefined) {
      process.stderr.write(
        `munjang: ${count} ${count === 1 ? "vector" : "vectors"} of ${width} written to ${flags.output}\n`,
      );
    }
  } catch (error) {
    output.discard();
    throw error;
  } finally {
    await model.dispose();
  }
}

/** Nine digits, which give back the same float32; a double's seventeen would only look more exact. */
function shortest(value: number): string {
  return String(Number(value.toPrecision(9)));
}

/** A cell of CSV (RFC 4180). */
function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
