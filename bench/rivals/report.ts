/** Draws the plots and writes the page of a result: `npx tsx bench/rivals/report.ts bench/results/rivals-….json`. The run does it at its end. */
import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { writeWhole } from "../result.ts";
import { plot } from "./plots.ts";
import type { RivalsResult } from "./results.ts";
import { page } from "./tables.ts";

export async function report(file: string): Promise<void> {
  const result = JSON.parse(readFileSync(file, "utf8")) as RivalsResult;
  const [folder, base] = [dirname(file), basename(file, ".json")];
  const plots: string[] = [];
  for (const threads of new Set(result.rows.map((row) => row.threads))) {
    for (const [prefix, title] of [
      ["length ", "tokens of a sentence, logarithmic"],
      ["batch ", "sentences of a call, logarithmic"],
    ]) {
      const shown = result.rows.filter((row) => row.threads === threads && row.work.startsWith(prefix));
      if (new Set(shown.map(({ work }) => work)).size < 2) continue;
      const name = `${base}-${prefix.trim()}-${threads}.svg`;
      writeWhole(join(folder, name), `${await plot(result, prefix, title, threads)}\n`);
      plots.push(name);
    }
  }
  writeWhole(join(folder, `${base}.md`), page(result, plots));
}

if (process.argv[1] === import.meta.filename) await Promise.all(process.argv.slice(2).map(report));
