import { type Command, Option } from "commander";
import type { Documents } from "./documents.ts";
import { readItems, Usage } from "./input.ts";
import { readTable, type TableFormat } from "./table.ts";

/** Options that say where texts come from, for commands that read tables too. */
export interface TextFlags {
  file?: string;
  from?: "text" | TableFormat;
  text: string;
}

export const TABLES: readonly TableFormat[] = ["csv", "tsv", "jsonl"];

export function withTexts(command: Command): Command {
  return command
    .option("-f, --file <file>", "read a file: lines, JSON lines, or a table (- is standard input)")
    .addOption(
      new Option("--from <form>", "form of the input (default: the ending of --file, else text)").choices([
        "text",
        ...TABLES,
      ]),
    )
    .option("--text <column>", "column or field with the text", "text");
}

/** Texts of the arguments, of a table, or of lines; at least one. @throws Error naming the line that has none. */
export async function* readTexts(texts: readonly string[], { file, from, text }: TextFlags): AsyncGenerator<string> {
  const ending = /\.(csv|tsv)$/i.exec(file ?? "")?.[1].toLowerCase() as "csv" | "tsv" | undefined;
  const form = from ?? ending;
  if (texts.length === 0 && file !== undefined && file !== "-" && (form === "csv" || form === "tsv")) {
    let rows = 0;
    for await (const { line, values } of readTable(file, { columns: [text], format: form })) {
      if (values[text].trim() === "") throw new Error(`line ${line} of ${file} has nothing in "${text}"`);
      rows++;
      yield values[text];
    }
    if (rows === 0) throw new Error(`${file} has no row`);
    return;
  }
  if (from === "csv" || from === "tsv") throw new Usage(`--from ${from} needs --file FILE`);
  for await (const item of readItems(texts, { file, from, field: text })) yield item.text;
}

/** Says on standard error what was not read as it stands. */
export function tellDocuments({ split, cut }: Omit<Documents, "vectors">, limit: number): void {
  const of = (count: number): string => (count === 1 ? "1 text" : `${count} texts`);
  if (split > 0) process.stderr.write(`munjang: ${of(split)} read by sentences, and averaged\n`);
  if (cut > 0)
    process.stderr.write(`munjang: ${of(cut)} cut: longer than the ${limit} tokens the model reads at once\n`);
}
