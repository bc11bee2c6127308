import { createReadStream } from "node:fs";

/** A command line that asks for something that cannot be meant; exit code 2. */
export class Usage extends Error {}

/**
 * Texts to work on: the arguments, else the lines of `file` (`-` is standard input), else the lines of standard input. Empty lines are
 * passed over and counted on stderr; an empty argument, or no text at all, is an error.
 */
export async function* readTexts(
  texts: readonly string[],
  file: string | undefined,
): AsyncGenerator<string, void, void> {
  if (texts.length > 0) {
    if (file !== undefined) throw new Usage("give texts or --file, not both");
    for (const [i, text] of texts.entries()) if (text.trim() === "") throw new Usage(`text ${i + 1} is empty`);
    yield* texts;
    return;
  }
  if (file === "") throw new Usage("--file needs the name of a file");
  const fromStdin = file === undefined || file === "-";
  if (fromStdin && process.stdin.isTTY) {
    throw new Usage("no text: give texts as arguments, --file FILE, or pipe one text a line into standard input");
  }
  const name = fromStdin ? "standard input" : file;
  let found = 0;
  let empty = 0;
  for await (const line of linesOf(fromStdin ? process.stdin : createReadStream(file), name)) {
    if (line.trim() === "") empty++;
    else {
      found++;
      yield line;
    }
  }
  if (found === 0) throw new Error(`no text in ${name}`);
  if (empty > 0)
    process.stderr.write(`munjang: passed over ${empty} empty ${empty === 1 ? "line" : "lines"} of ${name}\n`);
}

/** All texts at once, for commands that compare them. */
export async function readAllTexts(texts: readonly string[], file: string | undefined): Promise<string[]> {
  const all: string[] = [];
  for await (const text of readTexts(texts, file)) all.push(text);
  return all;
}

/** Lines of a UTF-8 stream, without their ends (LF or CR LF) and without a byte order mark. */
async function* linesOf(stream: AsyncIterable<Uint8Array | string>, name: string): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let rest = "";
  let number = 0;
  const decode = (chunk?: Uint8Array): string => {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined });
    } catch {
      throw new Error(`${name} is not UTF-8 (after line ${number}); convert it first, for example with iconv`);
    }
  };
  try {
    for await (const chunk of stream) {
      const lines = (rest + decode(chunk as Uint8Array)).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        number++;
        yield line.endsWith("\r") ? line.slice(0, -1) : line;
      }
    }
  } catch (error) {
    throw readable(error, name);
  }
  rest += decode();
  if (rest !== "") yield rest;
}

function readable(error: unknown, name: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT") return new Error(`cannot read ${name}: there is no such file`);
  if (code === "EISDIR") return new Error(`cannot read ${name}: it is a folder`);
  if (code === "EACCES") return new Error(`cannot read ${name}: permission denied`);
  return error;
}
