import { clip, columns, printable, widthOf } from "../terminal.ts";

/** Shades by how much of a row's attention they stand for. */
const SHADES = [
  [0.65, "█"],
  [0.35, "▓"],
  [0.15, "▒"],
  [0.05, "░"],
] as const;

export const LEGEND: string = `${SHADES.map(([least, shade]) => `${shade} ${100 * least} %`).join("  ")} and more of a row`;

/** Columns a token's name may take. */
const NAME = 14;

/** Rows look at columns, [T, T], as lines of shades; in blocks of columns where a terminal has no room for all. */
export function picture(tokens: readonly string[], weights: Float64Array): string {
  const T = tokens.length;
  const digits = String(T - 1).length;
  const cell = Math.max(3, digits + 1);
  const names = tokens.map((token) => clip(printable(token), NAME).normalize("NFC"));
  const widths = names.map(widthOf);
  const width = Math.max(...widths);
  const before = 2 + digits + 1 + width;
  const perBlock = Math.max(1, Math.floor(((columns() ?? Number.POSITIVE_INFINITY) - before) / cell));
  const lines: string[] = [];
  for (let from = 0; from < T; from += perBlock) {
    const block = tokens.slice(from, from + perBlock).map((_, i) => from + i);
    lines.push(" ".repeat(before) + block.map((s) => String(s).padStart(cell)).join(""));
    for (const [t, name] of names.entries()) {
      const shades = block
        .map((s) =>
          shadeOf(weights[t * T + s])
            .repeat(cell - 1)
            .padStart(cell),
        )
        .join("");
      lines.push(`  ${String(t).padStart(digits)} ${name}${" ".repeat(width - widths[t])}${shades}`.trimEnd());
    }
  }
  return `${lines.join("\n")}\n`;
}

function shadeOf(weight: number): string {
  return SHADES.find(([least]) => weight >= least)?.[1] ?? " ";
}
