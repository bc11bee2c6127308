import { Usage } from "../input.ts";
import { readTable, TableError, type TableOptions, type TableRow } from "../table.ts";
import type { LabelledPair } from "./binary.ts";
import type { BinaryFlags, EvaluateFlags, RetrievalFlags, StsFlags } from "./command.ts";
import type { RetrievalData } from "./retrieval.ts";
import type { StsPair } from "./sts.ts";

/** Two column names. */
function fieldsOf(fields: string): [a: string, b: string] {
  const names = fields.split(",");
  if (names.length !== 2 || names.includes("")) throw new Usage("--fields takes two names with a comma between them");
  return names as [string, string];
}

function nameOf(table: string): string {
  return table === "-" ? "standard input" : table;
}

/** What JavaScript takes for a number beside these, such as 0x10, is a mistake in a table. */
const DECIMAL = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i;

function numberOf({ line, values }: TableRow, column: string, table: string): number {
  const value = Number(values[column]);
  if (DECIMAL.test(values[column]) && Number.isFinite(value)) return value;
  const shown = JSON.stringify(values[column].slice(0, 40));
  throw new TableError(`${shown} is not a number`, { file: nameOf(table), line, column });
}

async function* rowsOf(table: string, flags: EvaluateFlags, options: TableOptions): AsyncGenerator<TableRow> {
  yield* readTable(table, { ...options, format: flags.format, quoted: flags.quoted });
}

/** Letters taken apart, as macOS writes them, make no other label. */
function labelOf(text: string): string {
  return text.trim().normalize("NFC");
}

/** Pairs and scores of a table. */
export async function readSts(table: string, flags: StsFlags): Promise<StsPair[]> {
  const [a, b] = fieldsOf(flags.fields);
  const pairs: StsPair[] = [];
  for await (const row of rowsOf(table, flags, { columns: [a, b, flags.score] })) {
    const score = numberOf(row, flags.score, table);
    pairs.push({ sentence1: row.values[a], sentence2: row.values[b], score });
  }
  return pairs;
}

/** Pairs and labels of a table, and how many were left out. */
export async function readBinary(
  table: string,
  flags: BinaryFlags,
): Promise<{ readonly pairs: LabelledPair[]; readonly ignored: number }> {
  const [a, b] = fieldsOf(flags.fields);
  const named = (list: string | undefined): Set<string> | undefined => {
    return list === undefined ? undefined : new Set(list.split(",").map(labelOf));
  };
  const [positive, ignore] = [named(flags.positive), named(flags.ignore)];
  for (const label of positive ?? [])
    if (ignore?.has(label)) throw new Usage(`--positive and --ignore both name ${label}`);
  const seen = new Set<string>();
  const pairs: LabelledPair[] = [];
  let ignored = 0;
  for await (const { line, values } of rowsOf(table, flags, { columns: [a, b, flags.label] })) {
    const label = labelOf(values[flags.label]);
    seen.add(label);
    if (ignore?.has(label)) {
      ignored++;
      continue;
    }
    const same = positive === undefined ? PLAIN.get(label.toLowerCase()) : positive.has(label);
    if (same === undefined) {
      const problem = `${JSON.stringify(label.slice(0, 40))} is neither 1 nor 0: --positive says which labels belong together`;
      throw new TableError(problem, { file: nameOf(table), line, column: flags.label });
    }
    pairs.push({ sentence1: values[a], sentence2: values[b], same });
  }
  for (const label of [...(positive ?? []), ...(ignore ?? [])]) {
    if (!seen.has(label)) {
      const labels = [...seen].slice(0, 8).join(", ");
      throw new TableError(`no row has the label ${label}; there are ${labels}`, {
        file: nameOf(table),
        column: flags.label,
      });
    }
  }
  return { pairs, ignored };
}

const PLAIN: ReadonlyMap<string, boolean> = new Map([
  ["1", true],
  ["true", true],
  ["0", false],
  ["false", false],
]);

/** Queries, documents and judgements of three tables. */
export async function readRetrieval(flags: RetrievalFlags): Promise<RetrievalData<string>> {
  const names = flags.judgements.split(",");
  if (names.length < 2 || names.length > 3 || names.includes("")) {
    throw new Usage("--judgements takes the names of two columns, or three, with commas between them");
  }
  if ([flags.queries, flags.corpus, flags.qrels].filter((table) => table === "-").length > 1) {
    throw new Usage("standard input is one table: only one of --queries, --corpus and --qrels may be -");
  }
  const relevant = new Map<string, Map<string, number>>();
  const [query, document, score] = names;
  const optional = score === undefined ? [] : [score];
  for await (const row of rowsOf(flags.qrels, flags, { columns: [query, document], optional })) {
    const grade = score === undefined || row.values[score] === "" ? 1 : numberOf(row, score, flags.qrels);
    const of = relevant.get(row.values[query]) ?? new Map<string, number>();
    relevant.set(row.values[query], of.set(row.values[document], grade));
  }
  const queries = await readTexts(flags.queries, flags, []);
  return { queries, corpus: await readTexts(flags.corpus, flags, [flags.title], true), relevant };
}

/** Texts by their ids. Documents of some sets are empty, and are found as such; a query that is would ask nothing. */
async function readTexts(
  table: string,
  flags: RetrievalFlags,
  before: readonly string[],
  empty = false,
): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  const columns = [...before, flags.text];
  for await (const { line, values } of rowsOf(table, flags, { columns: [flags.id], optional: columns })) {
    const at = { file: nameOf(table), line };
    const id = values[flags.id];
    if (texts.has(id))
      throw new TableError(`${JSON.stringify(id)} stands in a line before`, { ...at, column: flags.id });
    const text = columns.map((column) => values[column]).filter((part) => part.trim() !== "");
    if (text.length === 0 && !empty) throw new TableError("there is no text in it", { ...at, column: flags.text });
    texts.set(id, text.join(" "));
  }
  return texts;
}
