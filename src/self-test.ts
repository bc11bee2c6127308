import type { Batch } from "./base/batch.ts";
import { fail } from "./base/errors.ts";
import { layOut } from "./bert/batch.ts";
import type { BertConfig } from "./bert/config.ts";
import { bell, seededWeights } from "./bert/seeded.ts";
import { js } from "./kernels/js/index.ts";
import type { Engine } from "./run/engine.ts";
import { inline } from "./run/inline.ts";
import type { SeeValues } from "./run/runner.ts";

/*
 * A backend tried on a small model before it is trusted with one. Drivers are wrong in ways nobody sees: a loop that ends early, a buffer read
 * before it was written, and vectors come out that look like vectors.
 */

/**
 * Two layers of three heads, which have the size of the model's, and wide ones as wide as the model's, of more than 3072: what sums over a
 * thousand numbers only, or leaves the last outputs out, is seen here.
 */
function small(model: BertConfig | undefined): BertConfig {
  const headSize = model === undefined ? 32 : model.hiddenSize / model.heads;
  return {
    hiddenSize: 3 * headSize,
    layers: 2,
    heads: 3,
    intermediateSize: Math.max(3200, model?.intermediateSize ?? 0),
    vocabularySize: 2,
    positions: 160,
    types: 2,
    activation: model?.activation ?? "gelu",
    epsilon: 1e-12,
    paddingPosition: undefined,
    longestText: 160,
  };
}

/**
 * Tokens of the texts of each batch: a single one, one that no power of two divides, one longer than two tiles of a GPU's product; and batches
 * of few, which some multiply otherwise.
 */
const BATCHES = [
  [1, 7, 130],
  [5, 17, 3],
  [5, 3],
];
const TOKENS = 160;

/** The largest difference there may be from plain JavaScript, as a part of the number itself where that is more than 1. */
export const TOLERANCE = 1e-4;

/**
 * Runs a small seeded model on an engine that has not been started, and on plain JavaScript, and compares every number of every stage.
 *
 * @returns the largest difference there was, measured as `tolerance` is.
 * @throws ModelError with the figure and the stage where the engine first goes wrong.
 */
export async function selfTest<B>(
  engine: Engine<B>,
  name: string,
  tolerance: number = TOLERANCE,
  model?: BertConfig,
): Promise<number> {
  const config = small(model);
  const own = inline(js());
  const expected = await own.start(seededWeights(own.kernels, config), config, TOKENS);
  const tried = await engine.start(seededWeights(engine.kernels, config), config, TOKENS);
  const see = tried.threads === 0;
  let worst = 0;
  for (const [n, lengths] of BATCHES.entries()) {
    const { batch, words } = textsOf(lengths, config, n + 1);
    const stages = new Map<string, Float32Array>();
    const remember: SeeValues = (stage, values) => stages.set(stage, values);
    stages.set("the last layer", await expected.run(batch, words, remember));
    const compare: SeeValues = (stage, values) => {
      if (!(values instanceof Float32Array))
        fail(undefined, "backend", `${name}: read must give a Float32Array`, values);
      const off = difference(values, stages.get(stage) as Float32Array);
      worst = Math.max(worst, off);
      if (off <= tolerance) return; // a NaN is not
      const problem = `${name} computes wrongly here: of a small model ${stage} differs from plain JavaScript by ${off.toPrecision(2)}, and ${tolerance} is allowed`;
      fail(undefined, "backend", `${problem}. Update the driver or the browser, or use another backend`);
    };
    compare("the last layer", await tried.run(batch, words, see ? compare : undefined), [0, 0]);
  }
  return worst;
}

/** Texts of these lengths, and rows of words for them. */
function textsOf(lengths: readonly number[], config: BertConfig, seed: number): { batch: Batch; words: Float32Array } {
  const text = (length: number, n: number) => ({
    ids: new Int32Array(length),
    typeIds: new Int32Array(length).map((_, t) => (t + n) % config.types),
  });
  const batch = layOut(lengths.map(text), config);
  return { batch, words: bell(seed)(batch.ids.length * config.hiddenSize, 0.5) };
}

/** The largest; NaN where one of the numbers is none. */
function difference(a: Float32Array, b: Float32Array): number {
  let [most, spoilt] = [0, a.length === b.length ? 0 : Number.NaN];
  for (let i = 0; i < b.length; i++) {
    most = Math.max(most, Math.abs(a[i] - b[i]) / Math.max(1, Math.abs(b[i])));
    spoilt += 0 * a[i];
  }
  return most + spoilt;
}
