/** The ladder's plot, out of the committed result: `npx tsx bench/ladder/plot.ts` writes docs/ladder.svg. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "../result.ts";
import type { Committed } from "./report.ts";

const LEFT = 150;
const WIDTH = 520;
const ROW = 26;

/** GFLOP/s on a logarithmic scale: the ladder spans three powers of ten. */
export function ladderPlot({ rungs, peak, cpu, node }: Committed): string {
  const most = Math.max(peak, ...rungs.map(({ rate }) => rate?.max ?? 0)) * 1.3;
  const least = Math.min(...rungs.map(({ rate }) => rate?.min ?? most)) / 1.3;
  const x = (value: number): string =>
    (LEFT + (WIDTH * Math.log10(value / least)) / Math.log10(most / least)).toFixed(1);
  const parts: string[] = [];
  for (let power = Math.ceil(Math.log10(least)); 10 ** power <= most; power++) {
    const at = x(10 ** power);
    parts.push(
      `<line x1="${at}" x2="${at}" y1="10" y2="${20 + ROW * rungs.length}" stroke="#999" stroke-width="0.5"/>`,
    );
    parts.push(`<text x="${at}" y="${36 + ROW * rungs.length}" text-anchor="middle">${10 ** power}</text>`);
  }
  rungs.forEach(({ name, rate, missing, outside }, n) => {
    const y = 28 + ROW * n;
    parts.push(`<text x="${LEFT - 8}" y="${y}" text-anchor="end">${name}</text>`);
    if (rate === undefined) {
      parts.push(`<text x="${LEFT + 4}" y="${y}" font-style="italic">${(missing ?? "").slice(0, 60)}</text>`);
      return;
    }
    const from = Number(x(least));
    parts.push(
      `<rect x="${from}" y="${y - 12}" width="${(Number(x(rate.median)) - from).toFixed(1)}" height="14" fill="${outside ? "#999" : "#3572b0"}"/>`,
    );
    parts.push(
      `<line x1="${x(rate.min)}" x2="${x(rate.max)}" y1="${y - 5}" y2="${y - 5}" stroke="#c0432f" stroke-width="2"/>`,
    );
    parts.push(`<text x="${(Number(x(rate.max)) + 6).toFixed(1)}" y="${y}">${rate.median.toPrecision(3)}</text>`);
  });
  parts.push(
    `<line x1="${x(peak)}" x2="${x(peak)}" y1="10" y2="${20 + ROW * rungs.length}" stroke="#c0432f" stroke-dasharray="4 3"/>`,
  );
  parts.push(
    `<text x="${LEFT}" y="${54 + ROW * rungs.length}">GFLOP/s; dashed: registers alone, one core, 128 bits; grey: others. ${cpu}, Node ${node}.</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${LEFT + WIDTH + 60} ${64 + ROW * rungs.length}" role="img" font-family="sans-serif" font-size="12" fill="#777">`,
    "<title>The ladder: GFLOP/s of every rung</title>",
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

if (process.argv[1] === import.meta.filename) {
  const root = join(import.meta.dirname, "../..");
  const result = JSON.parse(readFileSync(join(root, "bench/results/ladder.json"), "utf8"));
  writeWhole(join(root, "docs/ladder.svg"), ladderPlot(result));
}
