import Table from "cli-table3";
import { Help } from "commander";
import stringWidth from "string-width";

/** Columns of the terminal, or what COLUMNS says, as for other programs; undefined in a pipe, where nothing is cut. */
export function columns(): number | undefined {
  const asked = Number(process.env.COLUMNS);
  return Number.isInteger(asked) && asked > 0 ? asked : process.stdout.columns || undefined;
}

/** Columns a text takes in a terminal. Composed first: vowels and finals of decomposed Hangul join the letter before. */
export function widthOf(text: string): number {
  return stringWidth(text.normalize("NFC"));
}

/** A text as it may be printed: control characters, which could move the cursor or more, become `\u….`. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

const letters = new Intl.Segmenter("ko", { granularity: "grapheme" });

/** Cuts a text to at most so many columns, with … in place of what is cut. */
export function clip(text: string, room: number): string {
  if (widthOf(text) <= room) return text;
  let kept = "";
  let width = 1;
  for (const { segment } of letters.segment(text)) {
    width += widthOf(segment);
    if (width > room) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** A text on one line that leaves `taken` columns of the terminal; whole where there is no terminal. */
export function fitting(text: string, taken: number): string {
  const room = columns();
  return room === undefined ? printable(text) : clip(printable(text), Math.max(16, room - taken));
}

const NO_LINES = {
  ...{ top: "", "top-mid": "", "top-left": "", "top-right": "", bottom: "", "bottom-mid": "", "bottom-left": "" },
  ...{ "bottom-right": "", left: "", "left-mid": "", mid: "", "mid-mid": "", right: "", "right-mid": "", middle: "  " },
};

/** Lines of a table; numbers in `right` name the columns set flush right. Two spaces stand between columns. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const count = Math.max(0, ...rows.map((row) => row.length));
  const lines = new Table({
    chars: NO_LINES,
    colAligns: Array.from({ length: count }, (_, i) => (right.includes(i) ? "right" : "left")),
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
  });
  // Its own count of columns takes decomposed Hangul for three letters a syllable.
  for (const row of rows) lines.push(row.map((cell) => cell.normalize("NFC")));
  return rows.length === 0 ? "" : `${lines.toString().replace(/ +$/gm, "")}\n`;
}

const paragraphs = Object.assign(new Help(), { displayWidth: widthOf });

/** A paragraph in lines that fit the terminal, at most 100 columns wide; those after the first begin with `indent` blanks. */
export function wrap(text: string, indent: number = 0): string {
  const lines = paragraphs.boxWrap(text, Math.min(columns() ?? 80, 100) - indent);
  return lines.replace(/\n(?=.)/g, `\n${" ".repeat(indent)}`);
}

/** `wrap` on a terminal; as it is in a pipe, where lines are for programs. */
export function folded(text: string, indent: number = 0): string {
  return columns() === undefined ? text : wrap(text, indent);
}
