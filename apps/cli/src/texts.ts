import type { Documents } from "./documents.ts";
import { readItems, Usage } from "./input.ts";
import { formatOf, readTable } from "./table.ts";
import type { TextFlags } from "./text-options.ts";

/** Texts of the arguments, of a table, or of lines; at least one. @throws Error naming the line that has none. */
export async function* readTexts(texts: readonly string[], { file, from, text }: TextFlags): AsyncGenerator<string> {
  const form = from ?? (file === undefined ? undefined : formatOf(file));
  if (texts.length === 0 && (form === "csv" || form === "tsv")) {
    for await (const { values } of readTable(file ?? "-", { columns: [text], format: form })) yield values[text];
  } else for await (const item of readItems(texts, { file, from: linesOf(form), field: text })) yield item.text;
}

function linesOf(form: TextFlags["from"]): "text" | "jsonl" | undefined {
  if (form === "csv" || form === "tsv") throw new Usage(`--from ${form} is for --file and standard input`);
  return form;
}

/** Says on standard error what was not read as it stands. */
export function tellDocuments({ split, cut }: Omit<Documents, "vectors">, limit: number): void {
  const of = (count: number): string => (count === 1 ? "1 text" : `${count} texts`);
  if (split > 0) process.stderr.write(`munjang: ${of(split)} read by sentences, and averaged\n`);
  if (cut > 0)
    process.stderr.write(`munjang: ${of(cut)} cut: longer than the ${limit} tokens the model reads at once\n`);
}
