import { Command } from "commander";
import { BertTokenizer } from "munjang";
import { examples } from "./help.ts";
import { type InputFlags, readItems, withInput } from "./input.ts";
import { modelOf, type SourceFlags, watchFiles, wholeNumber, withSource } from "./model.ts";
import { openOutput } from "./output.ts";
import { columns, fitting, folded, printable, table } from "./terminal.ts";
import { characterAt, explain } from "./unknown.ts";

interface Flags extends SourceFlags, InputFlags {
  maxLength?: number;
  json?: boolean;
}

export function tokenizeCommand(): Command {
  const command = new Command("tokenize")
    .description("Show the tokens a model reads: ids, pieces, where they stand in the text, and why a word is unknown.")
    .argument("[texts...]", "texts; without any, lines of --file or of standard input");
  withInput(command)
    .option(
      "--max-length <n>",
      "cut to so many tokens, [CLS] and [SEP] included, as a model with that limit does",
      wholeNumber,
    )
    .option("--json", "print JSON, one text a line");
  return examples(
    withSource(command),
    [
      'munjang tokenize "문장을 나눕니다"',
      'munjang tokenize "뷁과 꿹"',
      "munjang tokenize --json --file sentences.txt",
      "munjang tokenize --max-length 128 --file long.txt",
    ],
    "Offsets are UTF-16 indices, as JavaScript's slice counts. Only the vocabulary is loaded, no weights.",
  ).action(tokenize);
}

async function tokenize(texts: string[], flags: Flags): Promise<void> {
  const source = readItems(texts, flags);
  try {
    const first = await source.next(); // so that a wrong command line is told before the vocabulary is loaded
    const tokenizer = await loadTokenizer(flags);
    const output = await openOutput(undefined);
    for (let next = first; !next.done; next = await source.next())
      await output.write(show(tokenizer, next.value.text, flags));
  } finally {
    await source.return(); // lets go of standard input where something failed
  }
}

async function loadTokenizer({ model, revision, cacheDir, nfc }: Flags): Promise<BertTokenizer> {
  const { watch, stop } = watchFiles();
  try {
    const normalize = nfc ? "NFC" : undefined;
    return await BertTokenizer.load(modelOf(model), { revision, cacheDir, normalize, onProgress: watch });
  } finally {
    stop();
  }
}

function show(tokenizer: BertTokenizer, text: string, { json, maxLength }: Flags): string {
  const encoding = tokenizer.encode(text, { maxLength });
  const { ids, tokens, offsets, truncated } = encoding;
  const unknown = encoding.unknown.map((one) => {
    const word = text.slice(...offsets[one.index]);
    const character = one.at === undefined ? undefined : characterAt(one.word, one.at);
    return {
      index: one.index,
      word,
      reason: one.reason,
      character,
      message: explain(one, word, tokenizer.maxWordLength),
    };
  });
  if (json) return `${JSON.stringify({ text, ids: [...ids], tokens, offsets, truncated, unknown })}\n`;
  const numbers = tokens.map((_, i) => `${ids[i]}`);
  const places = offsets.map(([start, end]) => (end > start ? `${start}-${end}` : ""));
  const room = columns();
  const rest = (room ?? 0) - 20; // shared by a token and its text
  const cell = (content: string): string =>
    room === undefined ? printable(content) : fitting(content, room - Math.floor(rest / 2));
  const rows = tokens.map((token, i) => [`  ${numbers[i]}`, cell(token), places[i], cell(text.slice(...offsets[i]))]);
  const size = `${tokens.length} tokens${truncated ? ", truncated" : ""}`;
  const reasons = unknown.map(({ index, word, message }) => {
    return `${folded(`  ${tokens[index]} for ${fitting(word, 20)}: ${printable(message)}`, 4)}\n`;
  });
  return `${fitting(text, size.length + 4)}  (${size})\n${table([["  id", "token", "place", "text"], ...rows], [0])}${reasons.join("")}`;
}
