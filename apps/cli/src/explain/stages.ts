import { type BackendName, BertModel, type Encoding, type SentenceTransformer } from "munjang";
import { loadWithSource, type ModelFlags, modelOf, sourceOptions } from "../model.ts";
import { type Attention, attentionOf } from "./attention.ts";

/** One stage of the forward pass. */
export interface Stage {
  /** As `BertModel.forward` calls it: `embeddings`, `layer 0 qkv`, … */
  readonly name: string;
  /** Tokens, and numbers for each. */
  readonly shape: readonly [rows: number, columns: number];
  /** Milliseconds it took, in the best of some runs. */
  readonly ms: number;
  /** Row-major. */
  readonly values: Float32Array;
}

/** A text on its way through a model. */
export interface Walk {
  /** The model's default prompt before it, where it has one. */
  readonly text: string;
  readonly encoding: Encoding;
  readonly stages: readonly Stage[];
  readonly layers: number;
  readonly heads: number;
  /** Of a layer, made again and checked. */
  attention(layer: number): Attention;
  /** The text's vector, [D], as `encode` gives it. */
  readonly vector: Float32Array;
  readonly pooling: string;
  readonly backend: string;
}

/** Loads a model twice, one after the other: whole, for the tokens and the vector; then its encoder alone, which shows its stages. */
export async function walk(text: string, flags: ModelFlags): Promise<Walk> {
  const { model, source } = await loadWithSource(flags, { threads: 0 });
  const whole = await describe(model, text).finally(() => model.dispose());
  const bert = await BertModel.load(source.folder ?? modelOf(flags.model), {
    ...sourceOptions(flags),
    threads: 0,
    wide: flags.wide,
    dtype: flags.dtype,
    backend: flags.backend as BackendName,
  });
  try {
    const stages = await watch(bert, whole.encoding);
    const { heads, layers } = bert.config;
    const T = whole.encoding.ids.length;
    const valuesOf = (name: string): Float32Array => (stages.find((stage) => stage.name === name) as Stage).values;
    return {
      ...whole,
      stages,
      layers,
      heads,
      attention: (i) => attentionOf(valuesOf(`layer ${i} qkv`), valuesOf(`layer ${i} context`), T, heads),
      backend: `${bert.backend.name}, ${model.identity.dtype}`,
    };
  } finally {
    await bert.dispose();
  }
}

/** Runs, of which the least time of every stage counts: the first ones compile, and now and then somebody else has the processor. */
const RUNS = 5;
/** Milliseconds after which there is no further run. */
const ENOUGH = 1000;

async function watch(bert: BertModel, encoding: Encoding): Promise<Stage[]> {
  const stages = new Map<string, Stage>();
  const end = performance.now() + ENOUGH;
  for (let run = 0; run < 2 || (run < RUNS && performance.now() < end); run++) {
    await bert.forward(encoding, {
      see: (name, values, shape, ms = Number.NaN) => {
        const before = stages.get(name);
        if (before === undefined || ms < before.ms) stages.set(name, { name, values, shape, ms });
      },
    });
  }
  return [...stages.values()];
}

async function describe(
  model: SentenceTransformer,
  given: string,
): Promise<Pick<Walk, "text" | "encoding" | "vector" | "pooling">> {
  const { prompt, pooling, normalize } = model.identity;
  const text = prompt + given;
  return {
    text,
    encoding: model.tokenize(text),
    vector: await model.encode(given),
    pooling: normalize ? `${pooling}, normalized` : pooling,
  };
}
