import type { SentenceTransformer } from "munjang";
import { mini } from "munjang-mini-ko";
import type { Architecture } from "./architecture.ts";
import { BUNDLED_COSINES, BUNDLED_TEXTS } from "./bundled-cosines.ts";

/** Cosines that are known of a model. */
interface Known {
  readonly what: string;
  readonly texts: readonly string[];
  /** Of the first text with each other one. */
  readonly cosines: readonly number[];
}

/** On the model card of snunlp/KR-SBERT-V40K-klueNLI-augSTS. */
const KR_SBERT: Known = {
  what: "the cosines on KR-SBERT's model card",
  texts: ["잠이 옵니다", "졸음이 옵니다", "기차가 옵니다"],
  cosines: [0.65774536, 0.27321893],
};

const MINI: Known = {
  what: "the bundled model's cosines in float64",
  texts: BUNDLED_TEXTS,
  cosines: BUNDLED_COSINES,
};

/** Two units in the last place of a cosine as float32 are 1.2e-7; the published ones have eight digits. */
const TOLERANCE = 1e-6;
/**
 * Whole numbers of eight bits turn the bundled model's vectors by about 0.02 (a cosine of 0.9998 with themselves: bench/results/quality.json), and
 * with them their cosines: 0.006 was seen.
 */
const OF_WHOLE_NUMBERS = 1e-2;

export interface Checked {
  readonly what: string;
  readonly tolerance: number;
  readonly pairs: readonly {
    readonly a: string;
    readonly b: string;
    readonly expected: number;
    readonly found: number;
  }[];
  readonly ok: boolean;
}

/** Compares cosines with the known ones. @throws Error where none are known. */
export async function check(model: SentenceTransformer, name: string, architecture: Architecture): Promise<Checked> {
  const known = knownOf(name, architecture);
  if (known === undefined) {
    throw new Error(`no cosines of ${name} are known: --check is for ${mini.name} and KR-SBERT-V40K-klueNLI-augSTS`);
  }
  const [first, ...others] = await model.encode(known.texts, { prompt: "" });
  const pairs = others.map((vector, i) => {
    const found = cosine(first, vector);
    return { a: known.texts[0], b: known.texts[i + 1], expected: known.cosines[i], found };
  });
  const tolerance = model.identity.dtype === "float32" ? TOLERANCE : OF_WHOLE_NUMBERS;
  const ok = pairs.every(({ expected, found }) => Math.abs(expected - found) < tolerance);
  return { what: known.what, tolerance, pairs, ok };
}

/** By name, or a copy of KR-SBERT in a folder of any name by its shape, which is its own. */
function knownOf(name: string, architecture: Architecture): Known | undefined {
  if (name === mini.name) return MINI;
  const { vocab_size, hidden_size, num_hidden_layers } = architecture.config;
  const shaped = vocab_size === 40_000 && hidden_size === 768 && num_hidden_layers === 12;
  return shaped || name.includes("KR-SBERT-V40K-klueNLI-augSTS") ? KR_SBERT : undefined;
}

/** In float64: the model's own similarity may be another. */
function cosine(a: Float32Array, b: Float32Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (const [i, x] of a.entries()) {
    ab += x * b[i];
    aa += x * x;
    bb += b[i] * b[i];
  }
  return ab / Math.sqrt(aa * bb);
}
