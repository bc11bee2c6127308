/** UTF-16 units of a line: more is no text that anybody means, and would fill the memory. */
const LONGEST = 64 << 20;

/** Lines of a UTF-8 stream, without their ends (LF or CR LF) and without a byte order mark. */
export async function* linesOf(stream: AsyncIterable<Uint8Array | string>, name: string): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  /** Pieces of a line whose end has not come. */
  let rest: string[] = [];
  let length = 0;
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
      const lines = decode(chunk as Uint8Array).split("\n");
      const last = lines.pop() ?? "";
      if (lines.length > 0) {
        lines[0] = [...rest, lines[0]].join("");
        [rest, length] = [[], 0];
      }
      rest.push(last);
      length += last.length;
      if (length > LONGEST) {
        throw new Error(
          `line ${number + lines.length + 1} of ${name} is longer than ${LONGEST >> 20} million letters: is it text?`,
        );
      }
      for (const line of lines) {
        number++;
        yield line.endsWith("\r") ? line.slice(0, -1) : line;
      }
    }
  } catch (error) {
    throw readable(error, name);
  }
  const end = [...rest, decode()].join("");
  if (end !== "") yield end.endsWith("\r") ? end.slice(0, -1) : end;
}

/** An error of the file system in plain words. */
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
