/** The model everybody runs: seeded weights, for munjang as a folder, for onnxruntime as graphs, before and after its fusion for BERT. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { SentenceTransformer } from "munjang"; // the build: its backend `reference` sums in float64
import { type SeededConfig, seededConfig } from "../../test/seeded/seeded.ts";
import { pythonBinary, here as rivals } from "../rivals/engines.ts";
import { SPECIAL, writeModel } from "../rivals/model.ts";
import { pythonEnvironment } from "../rivals/setup.ts";

/** The bundled model's shape: what an adapter in software gets through. */
export const smallConfig: SeededConfig = {
  ...seededConfig,
  vocab_size: 8000,
  hidden_size: 256,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  intermediate_size: 1024,
  max_position_embeddings: 128,
};

export interface Work {
  readonly name: string;
  readonly texts: readonly (readonly number[])[];
  /** Vectors of the first texts, from float64. */
  readonly expected: readonly (readonly number[])[];
}

/** Its folder, made where it is missing; graphs lie in its folder `onnx`. */
export function writeSeeded(cache: string, size: "small" | "full"): string {
  const folder = join(cache, size);
  const config = size === "small" ? smallConfig : seededConfig;
  const unused = Array.from({ length: config.vocab_size - SPECIAL.length }, (_, i) => `[unused${i}]`);
  writeModel(folder, [...SPECIAL, ...unused], config);
  if (["plain.onnx", "model.onnx"].every((file) => existsSync(join(folder, "onnx", file)))) return folder;
  pythonEnvironment();
  const { status } = spawnSync(pythonBinary, [join(rivals, "export.py"), folder, "--plain"], { stdio: "inherit" });
  if (status !== 0) throw new Error(`export.py ended with ${status}`);
  return folder;
}

/** One short sentence, and many of the length that KorSTS has on average: ids of no meaning between [CLS] and [SEP]. */
export async function makeWorks(folder: string, vocabulary: number, sentences: number): Promise<Work[]> {
  let state = 1;
  const id = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return SPECIAL.length + ((state >>> 8) % (vocabulary - SPECIAL.length));
  };
  const text = (length: number): number[] => [2, ...Array.from({ length: length - 2 }, id), 3];
  const exact = await SentenceTransformer.load(folder, { backend: "reference", onWarning: () => {} });
  const work = async (name: string, texts: number[][]): Promise<Work> => {
    const rows = await exact.encode(texts.slice(0, 4).map((ids) => ({ ids })));
    return { name, texts, expected: rows.map((row) => Array.from(row)) };
  };
  const works = [
    await work("one sentence of 12 tokens", [text(12)]),
    await work(
      `${sentences} sentences of 10 tokens`,
      Array.from({ length: sentences }, () => text(10)),
    ),
  ];
  await exact.dispose();
  return works;
}
