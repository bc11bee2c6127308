import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BertModel, SentenceTransformer } from "munjang";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { attentionOf, headOf } from "../src/explain/attention.ts";
import { compare, wordPairs } from "../src/explain/contributions.ts";
import { walk } from "../src/explain/stages.ts";
import { svg } from "../src/explain/svg.ts";
import { file, folder, munjang, refused } from "./run.ts";

const models = fileURLToPath(new URL("../../../test/golden/models", import.meta.url));
const TEXT = "어제 서울에서 친구를 만나 저녁을 먹었습니다";
const OTHER = "서울에 사는 친구를 어제 봤다";
let mini: SentenceTransformer;
/** The bundled model's own, as its file has them. */
const { num_hidden_layers: LAYERS, num_attention_heads: HEADS } = JSON.parse(
  readFileSync(new URL("../../../weights/model/config.json", import.meta.url), "utf8"),
);

beforeAll(async () => {
  mini = await SentenceTransformer.load("munjang-mini-ko", { threads: 0 });
});
afterAll(() => mini?.dispose());

interface Json {
  tokens: { id: number; token: string; place: [number, number] }[];
  stages: { name: string; shape: [number, number]; ms: number; first: number[] }[];
  attention: { layer: number; head: number; weights: number[][]; off: number }[];
  vector: number[];
}

describe("one text", () => {
  test("--json: the stages that the engine shows, the vector that encode gives, rows of attention that sum to 1", async () => {
    const { code, out, err } = await munjang(["explain", "--json", TEXT]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const { tokens, stages, attention, vector }: Json = JSON.parse(out);
    const encoding = mini.tokenize(TEXT);
    expect(tokens.map(({ id }) => id)).toEqual([...encoding.ids]);
    expect(tokens.map(({ place }) => place)).toEqual(encoding.offsets);
    expect(vector.map(Math.fround)).toEqual([...(await mini.encode(TEXT))]);

    const bert = await BertModel.load("munjang-mini-ko", { threads: 0 });
    const seen: Pick<Json["stages"][number], "name" | "shape" | "first">[] = [];
    await bert.forward(encoding, {
      see: (name, values, [rows, columns]) =>
        seen.push({ name, shape: [rows, columns], first: [...values.slice(0, 8)] }),
    });
    await bert.dispose();
    expect(stages.map(({ name, shape, first }) => ({ name, shape, first: first.map(Math.fround) }))).toEqual(seen);
    for (const { ms } of stages) expect(ms).toBeGreaterThanOrEqual(0);
    expect(stages.reduce((sum, { ms }) => sum + ms, 0)).toBeGreaterThan(0);

    expect(attention).toHaveLength(LAYERS * HEADS);
    for (const { weights, off } of attention) {
      expect(off).toBeLessThan(1);
      expect(weights).toHaveLength(tokens.length);
      for (const row of weights) expect(row.reduce((sum, x) => sum + x, 0)).toBeCloseTo(1, 7);
    }
  });

  test("--layer and --head choose", async () => {
    const all: Json = JSON.parse((await munjang(["explain", "--json", TEXT])).out);
    const one: Json = JSON.parse((await munjang(["explain", "--json", "--layer", "2", "--head", "3", TEXT])).out);
    expect(one.attention).toEqual(all.attention.filter(({ layer, head }) => layer === 2 && head === 3));
    expect(one.stages.map(({ name }) => name)).toEqual(
      ["qkv", "context", "attention", "wide", "output"].map((stage) => `layer 2 ${stage}`),
    );
  });

  test("in the terminal: a line a stage, shades, and blocks of columns where there is little room", async () => {
    const { out } = await munjang(["explain", TEXT]);
    const { tokens } = mini.tokenize(TEXT);
    const T = tokens.length;
    for (const line of [
      `layer ${LAYERS - 1} wide`,
      `${T} x 1024`,
      "vector (mean)",
      `layer 0, the mean of ${HEADS} heads`,
    ]) {
      expect(out).toContain(line);
    }
    expect(out).toMatch(new RegExp(`embeddings +${T} x 256 +\\d+\\.\\d{3} `));
    const { attention }: Json = JSON.parse((await munjang(["explain", "--json", "--layer", "0", TEXT])).out);
    for (const [t, token] of tokens.entries()) {
      const looks = tokens.map((_, s) => attention.reduce((sum, { weights }) => sum + weights[t][s], 0) / HEADS);
      const shades = looks.map((x) =>
        x >= 0.65 ? "██" : x >= 0.35 ? "▓▓" : x >= 0.15 ? "▒▒" : x >= 0.05 ? "░░" : "  ",
      );
      const row = out.split("\n").find((line) => line.trimStart().startsWith(`${t} ${token} `));
      expect(row?.slice(-shades.join(" ").trimEnd().length)).toBe(shades.join(" ").trimEnd());
    }
    const heads = async (...asked: string[]) =>
      (await munjang(["explain", ...asked, TEXT])).out.match(/attention, layer \d+, head/g);
    expect(await heads("--layer", "0")).toHaveLength(HEADS);
    expect(await heads("--head", "0")).toHaveLength(LAYERS);
    const narrow = await munjang(["explain", TEXT], "", { COLUMNS: "40" });
    expect(out.match(/^ +\d+ \[CLS\]/gm)).toHaveLength(1);
    expect(narrow.out.match(/^ +\d+ \[CLS\]/gm)?.length).toBeGreaterThan(1);
  });

  test("the default prompt is part of what the model reads", async () => {
    const plain = await SentenceTransformer.load(join(models, "prompts"), { threads: 0 });
    const { prompt } = plain.identity;
    const { out } = await munjang(["explain", "--json", "--model", join(models, "prompts"), "a"]);
    expect(JSON.parse(out).text).toBe(`${prompt}a`);
    expect(JSON.parse(out).vector.map(Math.fround)).toEqual([...(await plain.encode("a"))]);
    await plain.dispose();
  });

  test.each(["plain", "head-size-one", "odd-widths", "roberta"])(
    "%s: what attention gathers is the engine's context",
    async (name) => {
      for (const backend of ["wasm", "js", "reference"]) {
        const walked = await walk(TEXT, { model: join(models, name), backend });
        for (let layer = 0; layer < walked.layers; layer++) expect(walked.attention(layer).off).toBeLessThan(1);
      }
    },
  );

  test("what cannot be meant is refused", async () => {
    await Promise.all([
      refused(2, /text 1 is empty/, ["explain", " "]),
      refused(2, `--layer ${LAYERS}: this model has ${LAYERS} layers, 0 to ${LAYERS - 1}`, [
        "explain",
        "--layer",
        `${LAYERS}`,
        TEXT,
      ]),
      refused(2, `--head ${HEADS}: this model has ${HEADS} heads`, ["explain", "--head", `${HEADS}`, TEXT]),
      refused(2, /whole number from 0/, ["explain", "--head", "-1", TEXT]),
      refused(2, /one thread/, ["explain", "--threads", "2", TEXT]),
      refused(2, /--svg needs/, ["explain", "--svg", "", TEXT]),
      refused(2, /--layer and --head are for one text/, ["explain", "--layer", "0", TEXT, OTHER]),
      refused(2, /too many arguments/, ["explain", "a", "b", "c"]),
      refused(1, /no such folder/, ["explain", "--svg", join(folder, "nowhere/a.svg"), TEXT]),
    ]);
  });
});

describe("attention made again", () => {
  /** Two heads of four numbers, five tokens, from sines. */
  const [T, heads, H] = [5, 2, 8];
  const qkv = Float32Array.from({ length: T * 3 * H }, (_, i) => 2 * Math.sin(1 + i * i));

  /** softmax(q kᵀ / √D) v, once more, as plainly as can be. */
  function plainly(): { weights: number[]; context: Float32Array } {
    const D = H / heads;
    const weights: number[] = [];
    const context = new Float32Array(T * H);
    for (let head = 0; head < heads; head++) {
      for (let t = 0; t < T; t++) {
        const at = (s: number, part: number, d: number): number => qkv[s * 3 * H + part * H + head * D + d];
        const scores = Array.from({ length: T }, (_, s) =>
          Array.from({ length: D }, (_, d) => at(t, 0, d) * at(s, 1, d)).reduce((a, b) => a + b, 0),
        ).map((score) => Math.exp(score / Math.sqrt(D)));
        const sum = scores.reduce((a, b) => a + b, 0);
        weights.push(...scores.map((score) => score / sum));
        for (let d = 0; d < D; d++) {
          context[t * H + head * D + d] = scores.reduce((total, score, s) => total + (score / sum) * at(s, 2, d), 0);
        }
      }
    }
    return { weights, context };
  }

  test("is what the formula says, with more tokens than a head has numbers", () => {
    const { weights, context } = plainly();
    const made = attentionOf(qkv, context, T, heads);
    expect(made.weights.length).toBe(weights.length);
    for (const [i, weight] of weights.entries()) expect(made.weights[i]).toBeCloseTo(weight, 12);
    const mean = headOf(made, undefined);
    expect(mean[7]).toBeCloseTo((weights[7] + weights[T * T + 7]) / 2, 12);
    expect([...headOf(made, 1)]).toEqual([...made.weights.slice(T * T)]);
  });

  test("fails where the context is another: heads or tokens swapped, a number off by a thousandth, a NaN", () => {
    const { context } = plainly();
    const half = H / 2;
    const damaged: Record<string, (x: Float32Array) => unknown> = {
      heads: (x) => x.set([...context.subarray(half, H), ...context.subarray(0, half)]),
      tokens: (x) => x.set([...context.subarray(H, 2 * H), ...context.subarray(0, H)]),
      number: (x) => x.fill(x[3] + 0.002, 3, 4),
      nothing: (x) => x.fill(0),
      nan: (x) => x.fill(Number.NaN, 9, 10),
    };
    for (const [what, damage] of Object.entries(damaged)) {
      const other = context.slice();
      damage(other);
      expect(() => attentionOf(qkv, other, T, heads), what).toThrow("computes wrongly here");
    }
  });
});

describe("two texts", () => {
  test("what tokens and words add is the dot product, and what they add to the cosine the cosine", async () => {
    const [a, b] = await mini.encode([TEXT, OTHER]);
    const dot = a.reduce((sum, x, i) => sum + x * b[i], 0);
    const found = await compare(mini, [TEXT, OTHER]);
    expect(found.dot).toBeCloseTo(dot, 9);
    const inAll = found.pairs.reduce((sum, x) => sum + x, 0);
    expect(Math.abs(inAll - dot)).toBeLessThan(1e-6 * Math.abs(dot));
    const words = wordPairs(found).flat();
    expect(words.reduce((sum, x) => sum + x, 0)).toBeCloseTo(inAll, 9);
    expect(found.cosine).toBeCloseTo(mini.similarity(a, b)[0][0], 6);
    // One token's part, from the token vectors themselves.
    const [x, y] = await mini.encode([TEXT, OTHER], { outputValue: "token_embeddings" });
    const [T, U, D] = [x.shape[0], y.shape[0], mini.dimension];
    const part = x.data.subarray(2 * D, 3 * D).reduce((sum, value, d) => sum + value * y.data[3 * D + d], 0) / (T * U);
    expect(found.pairs[2 * U + 3]).toBeCloseTo(part, 6);
    expect(found.a.words.map(({ text }) => text)).toEqual([
      ...["[CLS]", "어제", "서울에서", "친구를", "만나", "저녁을", "먹었습니다", "[SEP]"],
    ]);
  });

  test.each(["plain", "one-layer-cls", "deep-lasttoken", "uncased-json", "truncated"])(
    "%s: parts add up with its own pooling",
    async (name) => {
      const model = await SentenceTransformer.load(join(models, name), { threads: 0 });
      const [a, b] = await model.encode(["abc 옵니다", "b, 잠이"]);
      const found = await compare(model, ["abc 옵니다", "b, 잠이"]);
      const dot = a.reduce((sum, x, i) => sum + x * b[i], 0);
      expect(Math.abs(found.pairs.reduce((sum, x) => sum + x, 0) - dot)).toBeLessThan(
        1e-6 * Math.sqrt(a.reduce((sum, x) => sum + x * x, 0) * b.reduce((sum, x) => sum + x * x, 0)),
      );
      await model.dispose();
    },
  );

  test.each(["dense-chain", "wide-concatenated"])("%s: refused, its vectors are no sum over tokens", async (name) => {
    await refused(1, /no sum over its tokens/, ["explain", "--model", join(models, name), "a", "b"]);
  });

  test("--json and the terminal say the same", async () => {
    const { out } = await munjang(["explain", "--json", TEXT, OTHER]);
    const { dot, cosine, contributions, a, b } = JSON.parse(out);
    const sum = (rows: number[][]): number => rows.flat().reduce((x, y) => x + y, 0);
    expect(sum(contributions.tokens) / dot).toBeCloseTo(1, 6);
    expect(sum(contributions.words) / dot).toBeCloseTo(1, 6);
    const shown = (await munjang(["explain", TEXT, OTHER])).out;
    expect(shown).toContain(`cosine ${cosine.toFixed(4)}`);
    const part = (contributions.words[1].reduce((x: number, y: number) => x + y, 0) * cosine) / dot;
    expect(shown).toMatch(new RegExp(`어제 +${part.toFixed(4)} `));
    expect(shown).toContain((contributions.words[1][2] * (cosine / dot)).toFixed(4));
    expect([a.words.length, b.words.length]).toEqual([8, 7]);
    const narrow = await munjang(["explain", TEXT, OTHER], "", { COLUMNS: "60" });
    expect(narrow.out).toContain("저녁을");
    expect(narrow.out).not.toContain((contributions.words[1][2] * (cosine / dot)).toFixed(4));
  });
});

describe("pictures", () => {
  /** Names of all elements; throws where one is not closed in its order, or an ampersand is bare. */
  function elements(xml: string): string[] {
    const open: string[] = [];
    const names: string[] = [];
    for (const [, close, name, empty] of xml.matchAll(/<(\/?)([a-z]+)[^<>]*?(\/?)>/g)) {
      if (close) expect(open.pop()).toBe(name);
      else names.push(name);
      if (!close && !empty) open.push(name);
    }
    expect(open).toEqual([]);
    expect(xml.replace(/<[^<>]*>/g, "")).not.toMatch(/[<>]|&(?!(amp|lt|gt|quot);)/);
    return names;
  }

  test("--svg draws every head of every layer, or those asked for", async () => {
    const path = file("a.svg", "");
    const squares = async (...more: string[]): Promise<number> => {
      expect(await munjang(["explain", "--svg", path, ...more, TEXT])).toMatchObject({ code: 0, err: "" });
      return elements(readFileSync(path, "utf8")).filter((name) => name === "rect").length - 1; // the ground
    };
    const ofOne = mini.tokenize(TEXT).ids.length ** 2;
    expect(await squares()).toBe(LAYERS * HEADS * ofOne);
    expect(await squares("--layer", "1")).toBe(HEADS * ofOne);
    expect(await squares("--layer", "1", "--head", "0")).toBe(ofOne);
    expect(readFileSync(path, "utf8")).toContain("layer 1, head 0");
    expect(await munjang(["explain", "--svg", path, TEXT, OTHER])).toMatchObject({ code: 0, err: "" });
    expect(elements(readFileSync(path, "utf8")).filter((name) => name === "rect").length - 1).toBe(8 * 7);
  });

  test("text is text, whatever stands in it, and what is below zero has a hue of its own", () => {
    const names = ['<script>&"', "\u0007]]>"];
    const drawn = svg("a & b", [{ title: "<t>", rows: names, columns: names, values: [1, -0.5, 0, 0.25] }], 1);
    expect(elements(drawn)).not.toContain("script");
    expect(drawn).toContain("&lt;script&gt;&amp;&quot;, \\u0007]]&gt;: -0.5000");
    expect(drawn).toMatch(/fill="#b3261e" fill-opacity="0.500"/);
    expect(drawn).toMatch(/fill="#1d4ed8" fill-opacity="1.000"/);
  });

  test("too many squares are refused", () => {
    const values = new Float64Array(500 * 500);
    const names = new Array<string>(500).fill("a");
    expect(() => svg("t", [{ title: "t", rows: names, columns: names, values }], 1)).toThrow("--layer and --head");
  });
});
