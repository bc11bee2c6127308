import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  cos_sim,
  env,
  type FeatureExtractionPipeline,
  type Tensor,
  pipeline as theirs,
} from "@huggingface/transformers";
import { SentenceTransformer } from "munjang";
import { type FeatureExtractor, pipeline as ours } from "munjang/pipeline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bertAsOnnx } from "./onnx.ts";

/* munjang/pipeline beside Transformers.js itself: the same model, the same calls, the same numbers. */

const PLAIN = join(import.meta.dirname, "../golden/models/plain");
const TEXTS = ["잠이 옵니다", "a", "졸음이 옵니다, 그래서 잡니다!"];
const folder = mkdtempSync(join(tmpdir(), "munjang-adapters-"));
let real: FeatureExtractionPipeline;
let own: FeatureExtractor;

beforeAll(async () => {
  cpSync(PLAIN, join(folder, "plain"), { recursive: true });
  mkdirSync(join(folder, "plain/onnx"));
  const config = JSON.parse(readFileSync(join(PLAIN, "config.json"), "utf8"));
  const onnx = await bertAsOnnx(readFileSync(join(PLAIN, "model.safetensors")), config);
  writeFileSync(join(folder, "plain/onnx/model.onnx"), onnx);
  env.allowRemoteModels = false;
  env.localModelPath = folder;
  real = await theirs("feature-extraction", "plain", { dtype: "fp32" });
  own = await ours("feature-extraction", join(folder, "plain"), { dtype: "fp32" });
});
afterAll(async () => {
  await real?.dispose();
  await own?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** Every number within 1e-5: both are float32, and sum in other orders. */
function near(a: ArrayLike<number>, b: ArrayLike<number>): void {
  expect(a.length).toBe(b.length);
  let worst = 0;
  for (let i = 0; i < a.length; i++) worst = Math.max(worst, Math.abs(a[i] - b[i]));
  expect(worst).toBeLessThan(1e-5);
}

describe("the pipeline of Transformers.js", () => {
  it.each(["mean", "cls", "first_token"] as const)(
    "pooling %s: the same numbers in the same shape",
    async (pooling) => {
      for (const normalize of [false, true]) {
        const [a, b] = [await own(TEXTS, { pooling, normalize }), await real(TEXTS, { pooling, normalize })];
        expect(a.dims).toEqual(b.dims);
        expect(a.type).toBe(b.type);
        expect(a.size).toBe(b.size);
        near(a.data, b.data as Float32Array);
      }
    },
  );

  it("pooling none, which is the default of both: the same for every token; behind shorter texts ours has zeros", async () => {
    const [a, b] = [await own(TEXTS), await real(TEXTS)];
    expect(a.dims).toEqual(b.dims);
    const { tokenizer } = await SentenceTransformer.load(PLAIN);
    const [N, L, D] = a.dims;
    expect(N).toBe(TEXTS.length);
    for (const [n, text] of TEXTS.entries()) {
      const used = tokenizer.encode(text).ids.length;
      near(a[n].data.subarray(0, used * D), ([...b][n] as Tensor).data.slice(0, used * D) as Float32Array);
      expect(a[n].data.subarray(used * D).every((x) => x === 0)).toBe(true);
      expect(a[n].dims).toEqual([L, D]);
    }
  });

  it.each(["eos", "last_token"] as const)(
    "pooling %s: the same for a text alone; of shorter ones ours takes the last token, theirs padding",
    async (pooling) => {
      for (const text of TEXTS)
        near((await own(text, { pooling })).data, (await real(text, { pooling })).data as Float32Array);
      const [together, alone] = [await own(TEXTS, { pooling }), await own(TEXTS[1], { pooling })];
      expect([...together[1].data]).toEqual([...alone.data]);
    },
  );

  it.each(["binary", "ubinary"] as const)("quantize, %s: the same bytes", async (precision) => {
    const options = { pooling: "mean", quantize: true, precision } as const;
    const [a, b] = [await own(TEXTS, options), await real(TEXTS, options)];
    expect(a.type).toBe(b.type);
    expect(a.dims).toEqual(b.dims);
    expect([...a.data]).toEqual([...(b.data as Int8Array)]);
  });

  it("tolist, indices and loops give what theirs give", async () => {
    const [a, b] = [await own(TEXTS, { pooling: "mean" }), await real(TEXTS, { pooling: "mean" })];
    const [mine, its] = [a.tolist(), b.tolist()];
    expect(mine.map((row) => row.length)).toEqual(its.map((row: number[]) => row.length));
    for (const [n, row] of mine.entries()) near(row, its[n]);
    near(a[1].data, ([...b][1] as Tensor).data as Float32Array);
    expect([...a].map((row) => row.dims)).toEqual([...b].map((row: Tensor) => row.dims));
    expect((await own("a")).tolist().map((text) => text.map((token) => token.length))).toEqual(
      (await real("a")).tolist().map((text: number[][]) => text.map((token) => token.length)),
    );
  });

  it("refuses what theirs refuses", async () => {
    const call = { pooling: "median" } as never;
    await expect(real("a", call)).rejects.toThrow("median");
    await expect(own("a", call)).rejects.toThrow("median");
    await expect(real("a", { quantize: true })).rejects.toThrow();
    await expect(own("a", { quantize: true })).rejects.toThrow("give a pooling");
  });

  it("a search written for theirs finds the same with ours", async () => {
    // Only what both have: this is the type that a program would give either.
    type Extract = (
      texts: string[],
      options: { pooling: "mean"; normalize: boolean },
    ) => Promise<{ dims: number[]; tolist(): number[][] }>;
    const search = async (
      extract: Extract,
      query: string,
      documents: string[],
    ): Promise<{ n: number; score: number }[]> => {
      const [first, ...rest] = (await extract([query, ...documents], { pooling: "mean", normalize: true })).tolist();
      return rest.map((row, n) => ({ n, score: cos_sim(first, row) })).sort((a, b) => b.score - a.score);
    };
    const documents = ["기차가 옵니다", "졸음이 옵니다", "비가 옵니다", "b"];
    const [mine, its] = [await search(own, TEXTS[0], documents), await search(real, TEXTS[0], documents)];
    expect(mine.map(({ n }) => n)).toEqual(its.map(({ n }) => n));
    near(
      mine.map(({ score }) => score),
      its.map(({ score }) => score),
    );
  });
});
