import { clip, columns, printable, widthOf } from "../terminal.ts";
import type { Hit, Indexed } from "./index.ts";

/** Columns a hit's text may take where nobody says how wide the terminal is, over two lines. */
const ROOM = 2 * 76;
const INDENT = 3;

/** Hits as people read them: where, how near, and the part of the text that says why. */
export function shownHits(hits: readonly Hit[], colour: boolean): string {
  const digits = String(hits.length).length;
  const room = columns() === undefined ? ROOM : 2 * Math.max(20, (columns() ?? 80) - digits - 2 - INDENT);
  return hits
    .map((hit, i) => {
      const { line, page, similarity } = hit;
      const place = page !== undefined ? `, page ${page}` : line !== undefined ? `:${line}` : "";
      const near = similarity === undefined ? "" : `  ${similarity.toFixed(4)}`;
      const number = String(i + 1).padStart(digits);
      const where = paint(colour, "36", printable(hit.file + place));
      return `${number}  ${where}${near}\n${" ".repeat(digits + 2)}${snippet(hit, room, colour)}\n`;
    })
    .join("\n");
}

interface Part {
  readonly text: string;
  readonly marked: boolean;
}

/** What of a chunk fits `room` columns, around its first mark where it does not fit whole; marks are bold, or in «» where nothing can be. */
export function snippet({ text, marks }: Pick<Hit, "text" | "marks">, room: number, colour: boolean): string {
  let [from, to] = [0, text.length];
  if (widthOf(text) > room) {
    const first = marks.length === 0 ? 0 : (densest(marks, room / 2)?.[0] ?? 0);
    from = first <= room / 4 ? 0 : wordBefore(text, first - Math.floor(room / 8));
    to = from + clip(text.slice(from), room - (from > 0 ? 1 : 0)).replace(/…$/, "").length;
  }
  const parts: Part[] = [];
  let at = from;
  for (const [start, end] of marks) {
    if (end <= from || start >= to) continue;
    parts.push({ text: text.slice(at, Math.max(at, start)), marked: false });
    parts.push({ text: text.slice(Math.max(from, start), Math.min(to, end)), marked: true });
    at = Math.min(to, end);
  }
  parts.push({ text: text.slice(at, to), marked: false });
  const printed = parts.map((part) => {
    const line = printable(part.text.replace(/\s+/g, " "));
    return part.marked && line !== "" ? paint(colour, "1;33", line) : line;
  });
  return `${from > 0 ? "…" : ""}${printed.join("")}${to < text.length ? "…" : ""}`;
}

/** The mark after which, within so many letters, most marked letters stand. */
function densest(marks: Hit["marks"], reach: number): Hit["marks"][number] | undefined {
  let best: { mark: Hit["marks"][number]; letters: number } | undefined;
  for (const mark of marks) {
    const near = marks.filter(([start]) => start >= mark[0] && start < mark[0] + reach);
    const letters = near.reduce((sum, [start, end]) => sum + end - start, 0);
    if (best === undefined || letters > best.letters) best = { mark, letters };
  }
  return best?.mark;
}

function wordBefore(text: string, at: number): number {
  const blank = text.slice(0, at + 1).search(/\s\S*$/);
  return blank < 0 || at - blank > 40 ? Math.max(0, at) : blank + 1;
}

function paint(colour: boolean, code: string, text: string): string {
  return colour ? `\u001b[${code}m${text}\u001b[0m` : text;
}

/** Whether to paint: https://no-color.org, and FORCE_COLOR as Node reads it. */
export function useColour(): boolean {
  const { NO_COLOR = "", FORCE_COLOR } = process.env;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== "0" && FORCE_COLOR !== "false";
  return NO_COLOR === "" && process.stdout.isTTY === true;
}

/** What indexing did, in a line or two. */
export function shownReport(
  { added, changed, unchanged, removed, chunks, embedded, binary, passedOver }: Indexed,
  where: string,
): string[] {
  const files = [
    [added, "added"],
    [changed, "changed"],
    [unchanged, "as before"],
    [removed, "removed"],
  ] as const;
  const told = files.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  const lines = [
    `files: ${told.join(", ") || "none"}; ${counted(chunks, "chunk")} in ${where}, ${embedded} of them embedded now`,
  ];
  const over: string[] = [];
  if (binary > 0) over.push(`${counted(binary, "binary file")}`);
  const others = [...passedOver.otherKinds].sort((a, b) => b[1] - a[1]);
  const total = others.reduce((sum, [, count]) => sum + count, 0);
  if (total > 0) {
    const some = others.slice(0, 5).map(([ending, count]) => `${count} ${ending}`);
    over.push(
      `${counted(total, "file")} of other kinds (${some.join(", ")}${others.length > 5 ? ", …" : ""}; see --include)`,
    );
  }
  if (over.length > 0) lines.push(`passed over ${over.join(" and ")}`);
  return lines;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
