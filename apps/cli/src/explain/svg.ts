import { printable, widthOf } from "../terminal.ts";

/** Numbers between two lists of words, as squares. */
export interface HeatMap {
  readonly title: string;
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** [rows, columns] */
  readonly values: ArrayLike<number>;
}

const CELL = 18;
const LETTER = 7;
const GAP = 24;
/** Squares that browsers still draw at once. */
const MOST = 200_000;

/** Maps in rows of `across`, one hue for what is above zero and one for what is below, as strong as the number is beside the map's largest. */
export function svg(title: string, maps: readonly HeatMap[], across: number): string {
  const squares = maps.reduce((sum, { values }) => sum + values.length, 0);
  if (squares > MOST) {
    throw new Error(`a picture of ${squares} squares is more than programs draw: choose with --layer and --head`);
  }
  const widest = (names: readonly string[]): number => LETTER * Math.max(...names.map(widthOf));
  const left = widest(maps.flatMap(({ rows }) => rows)) + 12;
  const top = widest(maps.flatMap(({ columns }) => columns)) + 36;
  const squaresWide = CELL * Math.max(...maps.map(({ columns }) => columns.length));
  const width = left + Math.max(squaresWide, widest(maps.map(({ title }) => title))) + GAP;
  const height = top + CELL * Math.max(...maps.map(({ rows }) => rows.length)) + GAP;
  const parts = maps.map((map, i) => {
    const [x, y] = [(i % across) * width, Math.floor(i / across) * height];
    return `<g transform="translate(${round(x)} ${round(y)})">${drawn(map, left, top)}</g>`;
  });
  const [W, H] = [Math.min(across, maps.length) * width + GAP, Math.ceil(maps.length / across) * height];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${round(W)} ${round(H)}" width="${round(W)}" height="${round(H)}" role="img" font-family="sans-serif" font-size="12">
<title>${escaped(title)}</title>
<rect width="100%" height="100%" fill="#fff"/>
${parts.join("\n")}
</svg>
`;
}

function drawn({ title, rows, columns, values }: HeatMap, left: number, top: number): string {
  const most = Array.from(values).reduce((a, b) => Math.max(a, Math.abs(b)), 0) || 1;
  const lines = [`<text x="${round(left)}" y="16" font-weight="bold">${escaped(title)}</text>`];
  for (const [i, name] of rows.entries()) {
    const y = round(top + CELL * (i + 0.7));
    lines.push(`<text x="${round(left - 6)}" y="${y}" text-anchor="end">${escaped(name)}</text>`);
  }
  for (const [j, name] of columns.entries()) {
    const x = round(left + CELL * (j + 0.7));
    const y = round(top - 6);
    lines.push(`<text x="${x}" y="${y}" transform="rotate(-90 ${x} ${y})">${escaped(name)}</text>`);
  }
  for (let i = 0; i < values.length; i++) {
    const [r, c] = [Math.floor(i / columns.length), i % columns.length];
    const place = `x="${round(left + CELL * c)}" y="${round(top + CELL * r)}" width="${CELL - 1}" height="${CELL - 1}"`;
    const fill = values[i] < 0 ? "#b3261e" : "#1d4ed8";
    const says = escaped(`${rows[r]}, ${columns[c]}: ${values[i].toFixed(4)}`);
    const strength = Math.abs(values[i] / most).toFixed(3);
    lines.push(`<rect ${place} fill="${fill}" fill-opacity="${strength}"><title>${says}</title></rect>`);
  }
  return lines.join("\n");
}

/** Text as XML takes it. */
function escaped(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return printable(text).replace(/[&<>"]/g, (character) => entities[character]);
}

function round(x: number): string {
  return String(Math.round(x * 10) / 10);
}
