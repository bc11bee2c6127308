/**
 * The figures of docs/learn, out of the engine itself: `npx tsx docs/learn/figures.ts`. A test makes them again and compares.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { erf, tanh } from "../../src/base/math.ts";
import { BertModel, BertTokenizer, SentenceTransformer } from "../../src/node.ts";
import { quantiseRow } from "../../src/quantised/weight.ts";

const MODEL = "munjang-mini-ko";
const SENTENCE = "잠이 안 옵니다";

const f = (x: number): string => String(Math.round(x * 10) / 10);
const escaped = (text: string): string => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const text = (x: number, y: number, what: string, more = ""): string =>
  `<text x="${f(x)}" y="${f(y)}" ${more}>${escaped(what)}</text>`;
const rect = (x: number, y: number, w: number, h: number, fill: string, more = ""): string =>
  `<rect x="${f(x)}" y="${f(y)}" width="${f(w)}" height="${f(h)}" fill="${fill}" ${more}/>`;

/** Ink that shows on white and on black. */
const INK = "#777";
const RED = "#c0432f";
const BLUE = "#3572b0";

function svg(width: number, height: number, title: string, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" font-family="sans-serif" font-size="13" fill="${INK}">`,
    `<title>${escaped(title)}</title>`,
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

/** A line through points, x and y in 0 … 1, in a box. */
function line(points: readonly (readonly [number, number])[], box: readonly number[], colour: string): string {
  const [x, y, w, h] = box;
  const d = points.map(([px, py]) => `${f(x + px * w)},${f(y + h - py * h)}`).join(" ");
  return `<polyline points="${d}" fill="none" stroke="${colour}" stroke-width="2"/>`;
}

async function wordPiece(): Promise<string> {
  const tokenizer = await BertTokenizer.load(MODEL);
  const words = ["옵니다", "봅니다", "잡니다", "한국어문장", "ㅋㅋㅋ", "sentence"];
  const rows = words.map((word, n) => {
    const tokens = tokenizer.encode(word).tokens.slice(1, -1);
    let x = 150;
    return [
      text(10, 32 + 36 * n, word),
      ...tokens.map((token, i) => {
        const width = 26 + 12 * [...token].length;
        const box = rect(x, 12 + 36 * n, width, 28, i === 0 ? BLUE : RED, 'rx="5" opacity="0.25"');
        const label = text(x + width / 2, 31 + 36 * n, token, 'text-anchor="middle"');
        x += width + 8;
        return box + label;
      }),
    ].join("\n");
  });
  return svg(560, 20 + 36 * words.length, "words and the pieces they are cut into", rows);
}

/** The stages of a sentence on its way. */
async function stages(
  sentence: string,
): Promise<{ tokens: readonly string[]; heads: number; seen: Map<string, Float32Array> }> {
  const model = await BertModel.load(MODEL, { threads: 0 });
  const tokenizer = await BertTokenizer.load(MODEL);
  const encoding = tokenizer.encode(sentence);
  const seen = new Map<string, Float32Array>();
  await model.forward([encoding], { see: (name, values) => void seen.set(name, values) });
  const { heads } = model.config;
  await model.dispose();
  return { tokens: encoding.tokens, heads, seen };
}

async function attention(): Promise<string> {
  const { tokens, heads, seen } = await stages(SENTENCE);
  const qkv = seen.get("layer 0 qkv") as Float32Array;
  const T = tokens.length;
  const H = qkv.length / (3 * T);
  const D = H / heads;
  const parts: string[] = [];
  for (let head = 0; head < heads; head++) {
    const left = 90 + head * 175;
    parts.push(text(left + 72, 18, `head ${head}`, 'text-anchor="middle"'));
    for (let t = 0; t < T; t++) {
      const scores = tokens.map((_, s) => {
        let dot = 0;
        for (let d = 0; d < D; d++) dot += qkv[t * 3 * H + head * D + d] * qkv[s * 3 * H + H + head * D + d];
        return Math.exp(dot / Math.sqrt(D));
      });
      const sum = scores.reduce((a, b) => a + b, 0);
      scores.forEach((score, s) => {
        parts.push(rect(left + 24 * s, 28 + 24 * t, 23, 23, RED, `fill-opacity="${(score / sum).toFixed(2)}"`));
      });
      if (head === 0) parts.push(text(82, 45 + 24 * t, tokens[t], 'text-anchor="end"'));
    }
    tokens.forEach((token, s) => {
      const at = `${f(left + 24 * s + 16)} ${f(40 + 24 * T)}`;
      parts.push(`<text transform="translate(${at}) rotate(60)" font-size="11">${escaped(token)}</text>`);
    });
  }
  return svg(100 + heads * 175, 90 + 24 * T, `attention of layer 0: ${SENTENCE}`, parts);
}

/** x · Φ(x), by erf and by the tanh that GPT-2 used. */
const byErf = (x: number): number => 0.5 * x * (1 + erf(x / Math.SQRT2));
const byTanh = (x: number): number => 0.5 * x * (1 + tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));

async function gelu(): Promise<string> {
  const xs = Array.from({ length: 161 }, (_, i) => -4 + i / 20);
  const box = [40, 20, 240, 170] as const;
  const other = [340, 20, 240, 170] as const;
  const scaled = (g: (x: number) => number, low: number, high: number) =>
    xs.map((x) => [(x + 4) / 8, (g(x) - low) / (high - low)] as const);
  const axis = ([x, y, w, h]: readonly number[], at: number): string =>
    `<line x1="${x}" y1="${f(y + h - at * h)}" x2="${x + w}" y2="${f(y + h - at * h)}" stroke="${INK}" stroke-width="0.5"/>`;
  return svg(600, 225, "GELU, and what its tanh form is off by", [
    axis(box, 0.5 / 4.5),
    line(scaled(byErf, -0.5, 4), box, BLUE),
    text(160, 215, "GELU, x from -4 to 4", 'text-anchor="middle"'),
    axis(other, 0.5),
    line(
      scaled((x) => byTanh(x) - byErf(x), -5e-4, 5e-4),
      other,
      RED,
    ),
    text(460, 215, "tanh form - erf form, ±0.0005", 'text-anchor="middle"'),
  ]);
}

async function layerNorm(): Promise<string> {
  const model = await BertModel.load(MODEL, { threads: 0 });
  const tokenizer = await BertTokenizer.load(MODEL);
  const lengths: { name: string; spread: number[] }[] = [];
  await model.forward([tokenizer.encode(SENTENCE)], {
    see(name, values, [rows, columns]) {
      if (!/attention|output|context/.test(name)) return;
      const spread = Array.from({ length: rows }, (_, t) => {
        const row = values.subarray(t * columns, (t + 1) * columns);
        return Math.sqrt(row.reduce((sum, x) => sum + x * x, 0) / columns);
      });
      lengths.push({ name, spread });
    },
  });
  await model.dispose();
  const most = Math.max(...lengths.flatMap(({ spread }) => spread));
  return svg(600, 55 + 20 * lengths.length, "how large the numbers of each token are, stage by stage", [
    text(
      300,
      45 + 20 * lengths.length,
      `root of the mean square of each token's numbers, 0 to ${f(most)}; red: behind a LayerNorm`,
      'text-anchor="middle"',
    ),
    ...lengths.flatMap(({ name, spread }, n) => [
      text(170, 25 + 20 * n, name, 'text-anchor="end"'),
      ...spread.map(
        (size) =>
          `<circle cx="${f(185 + (380 * size) / most)}" cy="${f(20 + 20 * n)}" r="4" fill="${/context/.test(name) ? BLUE : RED}" fill-opacity="0.6"/>`,
      ),
    ]),
  ]);
}

async function pooling(): Promise<string> {
  const model = await BertModel.load(MODEL, { threads: 0 });
  const tokenizer = await BertTokenizer.load(MODEL);
  const { ids } = tokenizer.encode(SENTENCE);
  const meanOf = async (padding: number): Promise<Float64Array> => {
    const padded = Int32Array.from([...ids, ...new Array<number>(padding).fill(0)]); // [PAD] is 0, and no mask says so
    const { tokenEmbeddings } = await model.forward([{ ids: padded }]);
    const [, T, H] = tokenEmbeddings.shape;
    const mean = new Float64Array(H);
    for (let i = 0; i < T * H; i++) mean[i % H] += tokenEmbeddings.data[i] / T;
    return mean;
  };
  const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, x, i) => sum + x * b[i], 0);
  const right = await meanOf(0);
  const most = 56;
  const points: [number, number][] = [];
  for (let padding = 0; padding <= most; padding += 4) {
    const wrong = await meanOf(padding);
    points.push([padding / most, dot(wrong, right) / Math.sqrt(dot(wrong, wrong) * dot(right, right))]);
  }
  await model.dispose();
  const box = [60, 20, 500, 160] as const;
  return svg(600, 215, "what forgetting the mask costs", [
    line(points, box, RED),
    text(52, 28, "1.0", 'text-anchor="end"'),
    text(
      556,
      20 + 160 * (1 - points[points.length - 1][1]) - 8,
      points[points.length - 1][1].toFixed(2),
      'text-anchor="end"',
    ),
    text(52, 184, "0.0", 'text-anchor="end"'),
    text(310, 205, `cosine with the right vector, over 0 to ${most} tokens of padding`, 'text-anchor="middle"'),
  ]);
}

async function batches(): Promise<string> {
  const lengths = [5, 7, 4, 22, 6, 9, 5, 12];
  const longest = Math.max(...lengths);
  const parts: string[] = [];
  lengths.forEach((length, n) => {
    for (let t = 0; t < longest; t++) {
      parts.push(
        rect(12 * t + 10, 14 * n + 10, 11, 12, t < length ? BLUE : INK, `fill-opacity="${t < length ? 0.8 : 0.2}"`),
      );
    }
  });
  let at = 0;
  lengths.forEach((length, n) => {
    for (let t = 0; t < length; t++) {
      parts.push(rect(4 * at + 10, 145, 3.4, 24, n % 2 ? RED : BLUE, 'fill-opacity="0.8"'));
      at++;
    }
  });
  const sum = lengths.reduce((a, b) => a + b, 0);
  parts.push(text(12 * longest + 20, 70, `padded: ${longest * lengths.length} tokens`));
  parts.push(text(4 * sum + 20, 162, `end to end: ${sum} tokens`));
  return svg(470, 180, "eight sentences, padded and end to end", parts);
}

async function int8(): Promise<string> {
  const model = await SentenceTransformer.load(MODEL, { threads: 0 });
  const [row] = [await model.encode(SENTENCE)];
  await model.dispose();
  const some = row.slice(0, 40);
  const whole = new Int8Array(some.length);
  const scale = quantiseRow(whole, some);
  const coarse = some.map((x) => Math.round(x / (16 * scale)) * 16 * scale);
  const most = Math.max(...some.map(Math.abs));
  const bar = (values: ArrayLike<number>, top: number, colour: string, scale = 1): string[] =>
    Array.from(values, (x, i) => {
      const height = (35 * Math.abs(x) * scale) / most;
      return rect(10 + 14 * i, x < 0 ? top : top - height, 12, height, colour, 'fill-opacity="0.8"');
    });
  return svg(580, 270, "forty numbers of a vector, and what rounding takes from them", [
    ...bar(some, 50, BLUE),
    text(10, 104, "float32"),
    ...bar(
      some.map((x, i) => x - whole[i] * scale),
      140,
      RED,
      20,
    ),
    text(10, 190, "what 8 bits take away, 20 times as large"),
    ...bar(
      some.map((x, i) => x - coarse[i]),
      225,
      RED,
      1,
    ),
    text(10, 266, "what 4 bits take away, as it is"),
  ]);
}

async function determinism(): Promise<string> {
  let state = 7;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return Math.fround(state / 2147483648);
  };
  const fr = Math.fround;
  const differences: number[] = [];
  for (let n = 0; n < 2000; n++) {
    const terms = Array.from({ length: 768 }, () => fr(next() * next()));
    const chain = terms.reduce((sum, x) => fr(sum + x), 0);
    const lanes = [0, 1, 2, 3].map((lane) => terms.reduce((sum, x, i) => (i % 4 === lane ? fr(sum + x) : sum), 0));
    const joined = fr(fr(lanes[0] + lanes[2]) + fr(lanes[1] + lanes[3]));
    differences.push(Math.round((chain - joined) / 2 ** -20));
  }
  const counts = new Map<number, number>();
  for (const d of differences)
    counts.set(Math.max(-12, Math.min(12, d)), (counts.get(Math.max(-12, Math.min(12, d))) ?? 0) + 1);
  const most = Math.max(...counts.values());
  return svg(600, 220, "the same sum in two orders: how often they differ, and by how much", [
    ...[...counts].map(([d, count]) =>
      rect(300 + 20 * d, 180 - (160 * count) / most, 18, (160 * count) / most, d === 0 ? BLUE : RED),
    ),
    text(
      309,
      205,
      "one chain - four lanes, in steps of 2⁻²⁰; blue: equal; the outermost: 12 steps and more",
      'text-anchor="middle"',
    ),
  ]);
}

export const figures: Readonly<Record<string, () => Promise<string>>> = {
  "word-piece": wordPiece,
  attention,
  gelu,
  "layer-norm": layerNorm,
  pooling,
  batches,
  int8,
  determinism,
};

if (process.argv[1] === import.meta.filename) {
  for (const [name, make] of Object.entries(figures))
    writeFileSync(join(import.meta.dirname, `${name}.svg`), await make());
}
