export interface ScatterPoint {
  readonly x: number;
  readonly y: number;
  /** Shown where the pointer is on it. */
  readonly label?: string;
}

export interface ScatterOptions {
  readonly title: string;
  /** Names of the axes. */
  readonly x: string;
  readonly y: string;
}

const [WIDTH, HEIGHT] = [640, 480];
/** Pixels between the picture's edge and the axes. */
const EDGE = { left: 64, right: 20, top: 44, bottom: 52 };

/** Points in a picture of their own, SVG: nothing in it comes from anywhere else, and it can be read without a script. */
export function scatter(points: readonly ScatterPoint[], { title, x, y }: ScatterOptions): string {
  const across = axis(points.map((point) => point.x));
  const up = axis(points.map((point) => point.y));
  const [right, bottom] = [WIDTH - EDGE.right, HEIGHT - EDGE.bottom];
  const atX = (value: number): string => place(EDGE.left, right, across, value);
  const atY = (value: number): string => place(bottom, EDGE.top, up, value);
  const middle = { x: (EDGE.left + right) / 2, y: (EDGE.top + bottom) / 2 };
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="12" fill="#333">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${middle.x}" y="24" font-size="15" text-anchor="middle">${escaped(title)}</text>`,
    `<text x="${middle.x}" y="${HEIGHT - 14}" text-anchor="middle">${escaped(x)}</text>`,
    `<text x="18" y="${middle.y}" text-anchor="middle" transform="rotate(-90 18 ${middle.y})">${escaped(y)}</text>`,
    ...across.ticks.flatMap((tick) => [
      `<line x1="${atX(tick)}" y1="${EDGE.top}" x2="${atX(tick)}" y2="${bottom}" stroke="#e4e4e4"/>`,
      `<text x="${atX(tick)}" y="${bottom + 18}" text-anchor="middle">${tick}</text>`,
    ]),
    ...up.ticks.flatMap((tick) => [
      `<line x1="${EDGE.left}" y1="${atY(tick)}" x2="${right}" y2="${atY(tick)}" stroke="#e4e4e4"/>`,
      `<text x="${EDGE.left - 8}" y="${atY(tick)}" dy="4" text-anchor="end">${tick}</text>`,
    ]),
    `<g fill="#1f6feb" fill-opacity="0.45">`,
    ...points.map((point) => {
      const circle = `<circle cx="${atX(point.x)}" cy="${atY(point.y)}" r="3.5"`;
      return point.label === undefined ? `${circle}/>` : `${circle}><title>${escaped(point.label)}</title></circle>`;
    }),
    "</g>",
    "</svg>",
  ];
  return `${lines.join("\n")}\n`;
}

interface Axis {
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
}

/** Round numbers from below the smallest value to above the largest. */
function axis(values: readonly number[]): Axis {
  const least = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const most = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const rough = (most - least || Math.abs(most) || 1) / 5;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * unit).find((size) => size >= rough)!;
  const [first, last] = [Math.floor(least / step), Math.max(Math.ceil(most / step), Math.floor(least / step) + 1)];
  const digits = Math.min(20, Math.max(0, -Math.floor(Math.log10(step))));
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toFixed(digits)));
  return { from: first * step, to: last * step, ticks };
}

function place(start: number, end: number, { from, to }: Axis, value: number): string {
  return String(Number((start + ((value - from) / (to - from)) * (end - start)).toFixed(2)));
}

/** A text as XML may hold it. */
function escaped(text: string): string {
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text
    .replace(/[&<>"]/g, (character) => names[character])
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd");
}
