import { Command } from "commander";
import { BertTokenizer } from "munjang";
import { readTexts } from "./input.ts";
import { modelOf, modelOption, wholeNumber } from "./model.ts";
import { openOutput } from "./output.ts";
import { printable, table } from "./table.ts";

interface Flags {
  model: string;
  file?: string;
  maxLength?: number;
  json?: boolean;
}

export function tokenizeCommand(): Command {
  return new Command("tokenize")
    .description("Show the tokens a model reads: ids, pieces, and where they stand in the text.")
    .argument("[texts...]", "texts; without any, lines of --file or of standard input")
    .option("-f, --file <file>", "read one text a line from a file (- is standard input)")
    .option(
      "--max-length <n>",
      "cut to so many tokens, [CLS] and [SEP] included, as a model with that limit does",
      wholeNumber,
    )
    .option("--json", "print JSON, one text a line")
    .addOption(modelOption())
    .addHelpText(
      "after",
      `
Examples:
  munjang tokenize "문장을 나눕니다"
  munjang tokenize --json --file sentences.txt
  munjang tokenize --max-length 128 --file long.txt

Offsets are UTF-16 indices, as JavaScript's slice counts. Only the vocabulary is loaded, no weights.`,
    )
    .action(tokenize);
}

async function tokenize(texts: string[], flags: Flags): Promise<void> {
  const source = readTexts(texts, flags.file);
  try {
    const first = await source.next(); // so that a wrong command line is told before the vocabulary is loaded
    const tokenizer = await BertTokenizer.load(modelOf(flags.model));
    const output = await openOutput(undefined);
    for (let next = first; !next.done; next = await source.next())
      await output.write(show(tokenizer, next.value, flags));
  } finally {
    await source.return(); // lets go of standard input where something failed
  }
}

function show(tokenizer: BertTokenizer, text: string, { json, maxLength }: Flags): string {
  const { ids, tokens, offsets, truncated } = tokenizer.encode(text, { maxLength });
  if (json) return `${JSON.stringify({ text, ids: [...ids], tokens, offsets, truncated })}\n`;
  const rows = tokens.map((token, i) => {
    const [start, end] = offsets[i];
    const place = end > start ? `${start}-${end}` : "";
    return [`  ${ids[i]}`, printable(token), place, printable(text.slice(start, end))];
  });
  const size = `${tokens.length} tokens${truncated ? ", truncated" : ""}`;
  return `${printable(text)}  (${size})\n${table([["  id", "token", "place", "text"], ...rows], [0])}`;
}
