import { clip, columns, fitting, folded, printable, table } from "../terminal.ts";
import { headOf } from "./attention.ts";
import { type Contributions, type Side, wordPairs } from "./contributions.ts";
import { stagesOf } from "./json.ts";
import { type Asked, chosen } from "./maps.ts";
import { LEGEND, picture } from "./picture.ts";
import type { Walk } from "./stages.ts";

/** Numbers of a stage that are printed, and columns each takes; fewer where the terminal has no room for them beside the rest of the table. */
const FIRST = 4;
const NUMBER = 9;
const BESIDE = 46;

/** Stages, then the attention asked for: without a wish the mean of the first layer's heads. */
export function showWalk(walk: Walk, asked: Asked): string {
  const { text, encoding, stages, pooling, backend, vector, layers, heads } = walk;
  const { tokens, truncated } = encoding;
  const size = `${tokens.length} tokens${truncated ? ", truncated" : ""}; ${backend}`;
  const count = Math.min(FIRST, Math.max(1, Math.floor(((columns() ?? 80) - BESIDE) / NUMBER)));
  const first = (values: Float32Array): string => {
    const numbers = Array.from(values.subarray(0, count), (x) => x.toFixed(4).padStart(NUMBER - 1));
    return `${numbers.join(" ")}${values.length > count ? " …" : ""}`;
  };
  const rows = stagesOf(walk, asked).map(({ name, shape, ms, values }) => {
    return [`  ${name}`, shape.join(" x "), ms.toFixed(3), first(values)];
  });
  if (asked.layer === undefined) {
    const all = stages.reduce((sum, { ms }) => sum + ms, 0);
    rows.push(
      ["  all of them", "", all.toFixed(3), ""],
      [`  vector (${pooling})`, String(vector.length), "", first(vector)],
    );
  }
  const head = ["  stage", "shape", "ms", " first values"];
  const parts = [`${fitting(text, size.length + 4)}  (${size})\n`, table([head, ...rows], [1, 2])];
  const mean = asked.layer === undefined && asked.head === undefined;
  let off = 0;
  for (const layer of mean ? [0] : chosen(asked.layer, layers)) {
    const attention = walk.attention(layer);
    off = Math.max(off, attention.off);
    for (const head of mean ? [undefined] : chosen(asked.head, heads)) {
      const of = head === undefined ? `the mean of ${heads} heads` : `head ${head}`;
      parts.push(`attention, layer ${layer}, ${of}\n${picture(tokens, headOf(attention, head))}`);
    }
  }
  const checked = `gathered with it, the values differ from the backend's own context by at most ${off.toPrecision(2)} of what rounding allows`;
  parts.push(`${folded(`Each row looks at the columns: ${LEGEND}.`)}\n${folded(`Checked: ${checked}.`)}\n`);
  return parts.join("\n");
}

/** What every word adds, and a table of pairs where there is room for it. All parts are parts of the cosine. */
export function showPair(contributions: Contributions): string {
  const { a, b, cosine, dot, lengths, similarity, similarityFunction } = contributions;
  const pairs = wordPairs(contributions).map((row) => row.map((part) => part / lengths));
  const ofA = pairs.map((row) => row.reduce((x, y) => x + y, 0));
  const ofB = b.words.map((_, j) => pairs.reduce((sum, row) => sum + row[j], 0));
  const named = similarityFunction === "cosine" ? "" : `; ${similarityFunction} ${similarity.toFixed(4)}`;
  const title = `${folded(`cosine ${cosine.toFixed(4)}, and what each word adds to it (dot product ${dot.toFixed(4)}${named})`)}\n`;
  return [title, words(a, ofA), words(b, ofB), pairTable(a, b, pairs)].filter((part) => part !== "").join("\n");
}

function words({ text, words }: Side, parts: readonly number[]): string {
  const most = Math.max(...parts.map(Math.abs)) || 1;
  const rows = words.map(({ text }, i) => {
    const bar = "█".repeat(Math.round((20 * Math.abs(parts[i])) / most));
    return [`  ${fitting(text, 36)}`, parts[i].toFixed(4), bar];
  });
  return `${fitting(text, 0)}\n${table(rows, [1])}`;
}

/** Columns a word may take over its numbers. */
const CELL = 10;

function pairTable(a: Side, b: Side, pairs: readonly (readonly number[])[]): string {
  if (16 + (CELL + 2) * b.words.length > (columns() ?? Number.POSITIVE_INFINITY)) return "";
  const name = ({ text }: Side["words"][number]): string => clip(printable(text), CELL);
  const rows = a.words.map((word, i) => [`  ${name(word)}`, ...pairs[i].map((part) => part.toFixed(4))]);
  return table(
    [["", ...b.words.map(name)], ...rows],
    b.words.map((_, j) => j + 1),
  );
}
