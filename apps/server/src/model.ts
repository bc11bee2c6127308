import type { SentenceTransformer } from "munjang";

/** What the server asks of a model: a `SentenceTransformer`, or something that behaves as one. */
export type EmbeddingModel = Pick<
  SentenceTransformer,
  "encode" | "tokenizer" | "maxSeqLength" | "dimension" | "prompts" | "identity" | "backend" | "dispose"
>;

/** A model, or how to load it: only who can load it again goes on after a worker of the model has died. */
export type ModelOrLoad = EmbeddingModel | (() => Promise<EmbeddingModel>);

/** What does not change when a model is loaded again. */
export interface ModelFacts {
  /** The ids before and behind every text. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Ids are below this. */
  readonly vocabularySize: number;
  readonly maxSeqLength: number;
  readonly dimension: number;
  readonly prompts: ReadonlyMap<string, string>;
  /** Put before every text unless another is asked for. */
  readonly defaultPrompt: string;
  /** Whether the tokens of a prompt take part in pooling; where they do not, the model has to be given the text and the prompt apart. */
  readonly promptPooled: boolean;
}

/** Learns what there is to know of a model; computes a text or two, so that a model that cannot is found out here. */
export async function factsOf(model: EmbeddingModel): Promise<ModelFacts> {
  const { tokenizer, maxSeqLength, dimension, identity } = model;
  const frame = [...tokenizer.encode("").ids];
  const prompts = new Map(Object.entries(model.prompts));
  return {
    before: frame.slice(0, frame.length >> 1),
    after: frame.slice(frame.length >> 1),
    vocabularySize: tokenizer.vocabularySize,
    maxSeqLength,
    dimension,
    prompts,
    defaultPrompt: identity.prompt,
    promptPooled: await poolsPrompts(
      model,
      [identity.prompt, ...prompts.values()].find((prompt) => prompt !== ""),
    ),
  };
}

/** Found out by trying, as a model does not say: the same tokens, once as one text and once as a prompt and a text. */
async function poolsPrompts(model: EmbeddingModel, prompt = ""): Promise<boolean> {
  const TEXT = "가";
  const whole = await model.encode(model.tokenizer.encode(prompt + TEXT, { maxLength: model.maxSeqLength }));
  if (prompt === "") return true;
  const apart = await model.encode(TEXT, { prompt });
  return apart.every((value, i) => value === whole[i]);
}
