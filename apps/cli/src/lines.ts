/** Lines of a UTF-8 stream, without their ends (LF or CR LF) and without a byte order mark. */
export async function* linesOf(stream: AsyncIterable<Uint8Array | string>, name: string): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let rest = "";
  let number = 0;
  const decode = (chunk?: Uint8Array): string => {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined });
    } catch {
      const [before] = new TextDecoder().decode(chunk).split("\ufffd");
      const line = number + before.split("\n").length;
      throw new Error(`line ${line} of ${name} is not UTF-8; convert it first, for example with iconv`);
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
  if (rest !== "") yield rest.endsWith("\r") ? rest.slice(0, -1) : rest;
}

/** What a file that cannot be opened is told as. */
export function readable(error: unknown, name: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT") return new Error(`cannot read ${name}: there is no such file`);
  if (code === "EISDIR") return new Error(`cannot read ${name}: it is a folder`);
  if (code === "EACCES") return new Error(`cannot read ${name}: permission denied`);
  return error;
}

/** A line of JSON, or an error that says which line of which file is wrong. */
export function parseLine(line: string, name: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new Error(`line ${number} of ${name} is not JSON: ${(error as Error).message}`);
  }
}
