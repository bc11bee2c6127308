import { type Command, Option } from "commander";
import type { TableFormat } from "./table.ts";

/** As `TABLE_FORMATS`, here without what reads them: every command line loads this file. */
export const TABLES: readonly TableFormat[] = ["csv", "tsv", "jsonl"];

/** Options that say where texts come from, for commands that read tables too. */
export interface TextFlags {
  file?: string;
  from?: "text" | TableFormat;
  text: string;
}

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
