import type { Json } from "../base/json.ts";
import type { Activation } from "../kernels/kernels.ts";

/** The shape of an encoder, from the `config.json` of Hugging Face transformers. */
export interface BertConfig {
  /** Widths of the name `hidden_size` … in config.json. */
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly intermediateSize: number;
  readonly vocabularySize: number;
  readonly positions: number;
  readonly types: number;
  readonly activation: Activation;
  readonly epsilon: number;
  /**
   * RoBERTa counts positions from the padding id + 1, and gives padding the padding id itself; BERT counts from 0, whatever the ids.
   * This is RoBERTa's padding id, or undefined for BERT.
   */
  readonly paddingPosition: number | undefined;
  /** The longest text the position table has rows for, special tokens included. */
  readonly longestText: number;
}

const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  gelu: "gelu",
  gelu_new: "gelu_tanh",
  gelu_pytorch_tanh: "gelu_tanh",
  relu: "relu",
};

/** Reads config.json field by field; what this engine cannot compute is refused by name, never approximated. */
export function readConfig(json: Json): BertConfig {
  const isRoberta = json.choice("model_type", "bert", {
    bert: false,
    roberta: true,
    // What `munjang convert` has written, so that nobody else takes it for what it was.
    "munjang-bert": false,
    "munjang-roberta": true,
  });
  json.choice("position_embedding_type", "absolute", { absolute: true });
  for (const field of ["is_decoder", "add_cross_attention"]) {
    if (json.boolean(field, false)) json.fail(field, "is not supported: this engine runs encoders only");
  }
  const activation = json.choice("hidden_act", "gelu", ACTIVATIONS);
  const epsilon = json.number("layer_norm_eps", 1e-12);
  if (!(epsilon >= 0 && epsilon < 1)) json.fail("layer_norm_eps", "must be a small number of at least 0");

  const hiddenSize = json.need("hidden_size", 1);
  const heads = json.need("num_attention_heads", 1);
  if (hiddenSize % heads !== 0) json.fail("num_attention_heads", `must divide hidden_size, ${hiddenSize}`);
  const positions = json.need("max_position_embeddings", 1);
  const paddingPosition = isRoberta ? json.whole("pad_token_id", 0, 1) : undefined;
  const longestText = paddingPosition === undefined ? positions : positions - paddingPosition - 1;
  if (longestText < 1) json.fail("max_position_embeddings", "leaves no position for a token");
  return {
    hiddenSize,
    layers: json.need("num_hidden_layers", 1),
    heads,
    intermediateSize: json.need("intermediate_size", 1),
    vocabularySize: json.need("vocab_size", 1),
    positions,
    types: json.whole("type_vocab_size", 1, 2),
    activation,
    epsilon,
    paddingPosition,
    longestText,
  };
}
