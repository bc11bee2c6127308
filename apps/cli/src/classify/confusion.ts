import { escapeXml } from "../escape.ts";
import { clip, widthOf } from "../terminal.ts";
import type { Evaluation } from "./measures.ts";

/** Pixels: of a cell, of a column of a terminal in the label's letters, around everything. */
const CELL = 56;
const LETTER = 7.5;
const MARGIN = 16;
/** Columns of a label; longer ones are cut, and whole in the tooltip. */
const LABEL = 24;

/**
 * The confusion matrix as an SVG picture: rows are the labels the texts have, columns those they were given; the darker, the larger the share of the
 * row. Each cell says in words what it counts.
 */
export function confusionSvg({ classes, confusion, accuracy, macroF1, texts }: Evaluation): string {
  const K = classes.length;
  const names = classes.map(({ label }) => clip(label, LABEL));
  const widest = LETTER * Math.max(...names.map(widthOf));
  const left = MARGIN + 24 + widest;
  const top = MARGIN + 48 + widest;
  const size = K * CELL;
  const [width, height] = [Math.max(left + size, 380) + MARGIN, top + size + MARGIN];
  const cells = confusion.flatMap((row, i) => {
    const all = row.reduce((sum, count) => sum + count, 0);
    return row.map((count, j) => {
      const share = all === 0 ? 0 : count / all;
      const [x, y] = [left + j * CELL, top + i * CELL];
      const words = `${classes[i].label}, given ${classes[j].label}: ${count} of ${all} (${percent(share)})`;
      const ink = share > 0.55 ? "#fff" : "#222";
      const number =
        count === 0
          ? ""
          : `<text x="${x + CELL / 2}" y="${y + CELL / 2 + 4}" fill="${ink}" text-anchor="middle">${count}</text>`;
      // From white to a dark blue; what is right and what is wrong have one scale.
      const fill = `rgb(${mix(255, 8, share)},${mix(255, 69, share)},${mix(255, 148, share)})`;
      return `<g><title>${escapeXml(words)}</title><rect x="${x}" y="${y}" width="${CELL}" height="${CELL}" fill="${fill}" stroke="#ccc"/>${number}</g>`;
    });
  });
  const labels = names.flatMap((name, i) => {
    const middle = i * CELL + CELL / 2;
    const text = escapeXml(name);
    const x = left + middle + 4;
    return [
      `<text x="${left - 8}" y="${top + middle + 4}" text-anchor="end">${text}</text>`,
      `<text x="${x}" y="${top - 8}" transform="rotate(-90 ${x} ${top - 8})">${text}</text>`,
    ];
  });
  const title = `${texts} texts, accuracy ${percent(accuracy)}, macro F1 ${percent(macroF1)}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${Math.ceil(width)}" height="${Math.ceil(height)}" font-family="sans-serif" font-size="13">`,
    `<title>Confusion matrix: ${title}</title>`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="${MARGIN}" y="${MARGIN + 10}">${title}</text>`,
    `<text x="${MARGIN}" y="${MARGIN + 28}" fill="#666">rows: the label it has; columns: the label it was given</text>`,
    ...labels,
    ...cells,
    "</svg>",
    "",
  ].join("\n");
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const mix = (from: number, to: number, share: number): number => Math.round(from + (to - from) * share);
