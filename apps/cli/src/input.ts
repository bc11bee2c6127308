import { createReadStream, fstatSync, statSync } from "node:fs";
import { type Command, Option } from "commander";
import { linesOf, parseLine } from "./lines.ts";

/** A command line that asks for something that cannot be meant; exit code 2. */
export class Usage extends Error {}

/** Options that say where texts come from. */
export interface InputFlags {
  file?: string;
  from?: "text" | "jsonl";
  field: string;
}

/** One text to work on. */
export interface Item {
  readonly text: string;
  /** The object it stood in, as it was written. */
  readonly record?: string;
  /** How much of the input lies behind it, in the unit of `sizeOf`. */
  readonly position: number;
}

export function withInput(command: Command, forms: readonly string[] = ["text", "jsonl"]): Command {
  const more = forms.length > 2;
  const what = more
    ? "form of the input (default: the ending of --file, else text)"
    : "lines are texts, or JSON (default: jsonl for files so named)";
  return command
    .option("-f, --file <file>", "read a file, one text a line (- is standard input)")
    .addOption(new Option("--from <form>", what).choices(forms))
    .option("--field <name>", `field of a JSON line${more ? ", or column," : ""} that holds the text`, "text");
}

/** Lines of --file or of standard input, each with its number. */
export interface Lines {
  /** For messages. */
  readonly name: string;
  readonly json: boolean;
  readonly lines: AsyncGenerator<string>;
}

export function openLines({ file, from }: InputFlags): Lines {
  if (file === "") throw new Usage("--file needs the name of a file");
  const fromStdin = file === undefined || file === "-";
  if (fromStdin && process.stdin.isTTY) {
    throw new Usage("no text: give texts as arguments, --file FILE, or pipe one text a line into standard input");
  }
  const name = fromStdin ? "standard input" : file;
  const json = from === undefined ? /\.(jsonl|ndjson)$/i.test(name) : from === "jsonl";
  return {
    name,
    json,
    lines: linesOf(fromStdin ? process.stdin : createReadStream(file), name),
  };
}

/** Size of all input: the number of arguments, the bytes of a file, 0 where nobody knows. */
export function sizeOf(texts: readonly string[], { file = "-" }: InputFlags): number {
  if (texts.length > 0) return texts.length;
  // Standard input may be a file too: `munjang embed < sentences.txt`.
  const about = file === "-" ? fstatSync(process.stdin.fd) : statSync(file, { throwIfNoEntry: false });
  return about?.isFile() ? about.size : 0;
}

/**
 * Texts to work on: the arguments, else the lines of --file (`-` is standard input), else the lines of standard input. Empty lines are
 * passed over and counted on stderr; an empty argument, or no text at all, is an error.
 */
export async function* readItems(texts: readonly string[], flags: InputFlags): AsyncGenerator<Item, void, void> {
  if (texts.length > 0) {
    if (flags.file !== undefined) throw new Usage("give texts or --file, not both");
    if (flags.from !== undefined) throw new Usage("--from is for --file and standard input");
    for (const [i, text] of texts.entries()) if (text.trim() === "") throw new Usage(`text ${i + 1} is empty`);
    for (const [i, text] of texts.entries()) yield { text, position: i + 1 };
    return;
  }
  const { name, json, lines } = openLines(flags);
  let bytes = 0;
  let number = 0;
  let found = 0;
  let empty = 0;
  for await (const line of lines) {
    number++;
    bytes += Buffer.byteLength(line) + 1;
    const item = json && line.trim() !== "" ? fromJson(line, flags.field, name, number) : { text: line };
    if (item.text.trim() === "") empty++;
    else {
      found++;
      yield { ...item, position: bytes };
    }
  }
  if (found === 0) throw new Error(`no text in ${name}`);
  tellEmpty(empty, json ? "without text" : "empty", name);
}

export function tellEmpty(count: number, what: string, name: string): void {
  if (count > 0) {
    const lines =
      what === "empty" ? `empty ${count === 1 ? "line" : "lines"}` : `${count === 1 ? "line" : "lines"} ${what}`;
    process.stderr.write(`munjang: passed over ${count} ${lines} of ${name}\n`);
  }
}

/** A JSON line is a text, or an object with one in `field`. */
function fromJson(line: string, field: string, name: string, number: number): Omit<Item, "position"> {
  const value = parseLine(line, name, number);
  if (typeof value === "string") return { text: value };
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error(`line ${number} of ${name} must be an object or a string`);
  }
  const text: unknown = Object.hasOwn(value, field) ? (value as Record<string, unknown>)[field] : undefined;
  if (typeof text === "string") return { text, record: line.trim() };
  const keys = Object.keys(value).slice(0, 8).join(", ");
  throw new Error(`line ${number} of ${name} has no text in "${field}" (its fields: ${keys}); see --field`);
}

/** All texts at once, for commands that compare them. */
export async function readAllTexts(texts: readonly string[], flags: InputFlags): Promise<string[]> {
  const all: string[] = [];
  for await (const { text } of readItems(texts, flags)) all.push(text);
  return all;
}
