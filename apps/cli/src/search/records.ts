import { CsvError, parse } from "csv-parse/sync";
import { type Section, Unreadable } from "./sections.ts";

type Fields = Record<string, unknown>;

/** Records of CSV or TSV whose first line names the columns; in TSV quotes are letters like others. */
export function recordsOfTable(text: string, delimiter: string, columns?: readonly string[]): Section[] {
  let rows: { record: string[]; info: { lines: number } }[];
  try {
    rows = parse(text.replaceAll("\r\n", "\n"), {
      delimiter,
      bom: true,
      info: true,
      skip_empty_lines: true,
      ...(delimiter === "\t" ? { quote: null } : {}),
    }) as unknown as typeof rows;
  } catch (error) {
    if (error instanceof CsvError) throw new Unreadable(`cannot be read as a table: ${error.message}`);
    throw error;
  }
  const [head, ...rest] = rows;
  if (head === undefined) return [];
  const names = head.record;
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new Unreadable(`has two columns named "${twice}"`);
  return rest.flatMap(({ record, info }) => {
    const fields: Fields = Object.fromEntries(names.map((name, i) => [name, record[i]]));
    const within = record.join("").match(/[\r\n]/g)?.length ?? 0; // a quoted field may have lines of its own
    return sectionOf(fields, info.lines - within, columns);
  });
}

/** Records of JSON lines: objects, or texts alone. */
export function recordsOfJson(text: string, columns?: readonly string[]): Section[] {
  return text.split("\n").flatMap((source, i) => {
    if (source.trim() === "") return [];
    let value: unknown;
    try {
      value = JSON.parse(source);
    } catch (error) {
      throw new Unreadable(`line ${i + 1} is not JSON: ${(error as Error).message}`);
    }
    if (typeof value === "string") return value.trim() === "" ? [] : [{ text: value, line: i + 1 }];
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new Unreadable(`line ${i + 1} must be an object or a string`);
    }
    return sectionOf(value as Fields, i + 1, columns);
  });
}

function sectionOf(fields: Fields, line: number, columns?: readonly string[]): Section[] {
  const missing = columns?.find((name) => !Object.hasOwn(fields, name));
  if (missing !== undefined) {
    const names = Object.keys(fields).slice(0, 8).join(", ");
    throw new Unreadable(`line ${line} has no column "${missing}" (it has: ${names}); see --columns`);
  }
  const read = columns ?? (typeof fields.text === "string" ? ["text"] : Object.keys(fields));
  const says = columns === undefined ? /\p{L}/u : /\S/; // nobody searches for numbers by their meaning
  const texts = read.map((name) => fields[name]).filter((value) => typeof value === "string" && says.test(value));
  return texts.length === 0 ? [] : [{ text: texts.join("\n\n"), line, fields }];
}
