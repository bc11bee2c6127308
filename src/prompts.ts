import { checkOneOf, refuse } from "./base/door.ts";
import { Json } from "./base/json.ts";
import { SIMILARITY_FUNCTIONS, type SimilarityFunction } from "./pooling/index.ts";

/** What config_sentence_transformers.json adds to a model. */
export interface ModelDefaults {
  /** Text put before every text, by name. `query` and `document` are always there, empty unless the model says otherwise. */
  readonly prompts: ReadonlyMap<string, string>;
  /** The prompt used when none is asked for. */
  readonly defaultPromptName: string | undefined;
  readonly similarityFunction: SimilarityFunction;
  readonly truncateDim: number | undefined;
}

/** What it says is how to use a model, not what its vectors are; versions stand in it too. */
export const DEFAULTS = "config_sentence_transformers.json";

/** Reads the file (undefined: there is none), under what the caller asked for. */
export function readDefaults(
  text: string | undefined,
  options: {
    prompts?: Readonly<Record<string, string>>;
    similarityFunction?: SimilarityFunction;
    truncateDim?: number;
  },
): ModelDefaults {
  for (const [name, prompt] of Object.entries(options.prompts ?? {})) {
    if (typeof prompt !== "string") refuse(`prompts.${name}`, "must be a string", prompt);
  }
  const json = Json.parse(DEFAULTS, text);
  const saved = json.object("prompts");
  const prompts = new Map([
    ["query", ""],
    ["document", ""],
    ...(saved?.keys ?? []).map((name): [string, string] => [name, saved?.string(name, "") ?? ""]),
    ...Object.entries(options.prompts ?? {}),
  ]);
  const named = "default_prompt_name";
  const defaultPromptName = json.get(named) === undefined ? undefined : json.oneOf(named, "", [...prompts.keys()]);
  const { similarityFunction: asked } = options;
  if (asked !== undefined) checkOneOf("similarityFunction", asked, SIMILARITY_FUNCTIONS);
  // A function the reference does not know is passed over there too.
  const known = SIMILARITY_FUNCTIONS.find((name) => name === json.get("similarity_fn_name"));
  return {
    prompts,
    defaultPromptName,
    similarityFunction: asked ?? known ?? "cosine",
    truncateDim: options.truncateDim ?? json.whole("truncate_dim", 1),
  };
}

/** The prompt for a call: given outright (even ""), or by name, or the model's default. */
export function choosePrompt(defaults: ModelDefaults, options: { prompt?: string; promptName?: string }): string {
  if (options.prompt !== undefined) {
    if (typeof options.prompt !== "string") refuse("prompt", "must be a string", options.prompt);
    return options.prompt;
  }
  const name = options.promptName ?? defaults.defaultPromptName;
  if (name === undefined) return "";
  const { prompts } = defaults;
  checkOneOf("promptName", name, [...prompts.keys()]);
  return prompts.get(name) as string;
}
