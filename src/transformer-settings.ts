import { Json, sameJson } from "./base/json.ts";
import { inFolder, type ModelSource, readText } from "./source.ts";

/** What a sentence-transformers model says about its Transformer module beside config.json. */
export interface TransformerSettings {
  readonly maxSeqLength: number | undefined;
  readonly lowerCase: boolean;
}

/** The file's name followed the model's type; the first that exists counts. */
const NAMES = ["bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"];

/** Fields that may stand there empty, and that this engine would have to obey if they did not. */
const MUST_BE_EMPTY = [
  ...["model", "tokenizer", "config"].flatMap((name) => [`${name}_args`, `${name}_kwargs`]),
  ...["processor_kwargs", "processing_kwargs", "query_length", "document_length", "query_expansion"],
];

export async function readTransformerSettings(source: ModelSource, folder: string): Promise<TransformerSettings> {
  for (const name of NAMES) {
    const file = inFolder(folder, `sentence_${name}_config.json`);
    const text = await readText(source, file);
    if (text !== undefined) return check(Json.parse(file, text));
  }
  return { maxSeqLength: undefined, lowerCase: false };
}

function check(json: Json): TransformerSettings {
  const expected: Readonly<Record<string, unknown>> = {
    transformer_task: "feature-extraction",
    module_output_name: "token_embeddings",
    modality_config: { text: { method: "forward", method_output_name: "last_hidden_state" } },
  };
  for (const key of json.keys) {
    const value = json.get(key);
    if (value === undefined || ["max_seq_length", "do_lower_case", "unpad_inputs"].includes(key)) continue;
    if (MUST_BE_EMPTY.includes(key)) {
      if (value !== false && !sameJson(value, {})) json.fail(key, "is not supported; only empty is");
    } else if (!(key in expected)) {
      json.fail(key, "is a field this engine does not know");
    } else if (!sameJson(value, expected[key])) {
      json.fail(key, `is not supported; only ${JSON.stringify(expected[key])} is`);
    }
  }
  return { maxSeqLength: json.whole("max_seq_length", 1), lowerCase: json.boolean("do_lower_case", false) };
}
