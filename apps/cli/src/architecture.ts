import type { ModelSource } from "munjang";

type JsonObject = Record<string, unknown>;

/** One module of a model, as modules.json lists it. */
export interface Module {
  readonly kind: string;
  /** What is printed between its brackets. */
  readonly config: JsonObject;
}

/** What the files of a loaded model say it is made of. */
export interface Architecture {
  /** `BertModel`, as the reference calls it. */
  readonly encoder: string;
  /** config.json. */
  readonly config: JsonObject;
  readonly modules: readonly Module[];
}

/** Names of the file that holds max_seq_length and do_lower_case; the first that exists counts. */
const SETTINGS = ["bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"];

/** Reads what `print` needs from the files of a model that has been loaded, so they are known to be good. */
export async function readArchitecture(source: ModelSource, maxSeqLength: number): Promise<Architecture> {
  const read = async (path: string): Promise<unknown> => {
    const bytes = await source.open(path);
    if (bytes === undefined) return undefined;
    return JSON.parse(new TextDecoder().decode(await bytes.slice(0, bytes.byteLength))); // without a byte order mark
  };
  const listed = (await read("modules.json")) as { type: string; path: string }[] | undefined;
  const entries = listed ?? [{ type: "Transformer", path: "" }];
  const within = (path: string, file: string): string => (path === "" ? file : `${path}/${file}`);
  const config = (await read(within(entries[0].path, "config.json"))) as JsonObject;
  const modules: Module[] = [];
  for (const { type, path } of entries) {
    const kind = type.slice(type.lastIndexOf(".") + 1);
    const found = kind === "Transformer" ? {} : ((await read(within(path, "config.json"))) ?? {});
    modules.push({ kind, config: found as JsonObject });
  }
  let lower: unknown = false;
  for (const name of listed === undefined ? [] : SETTINGS) {
    const settings = (await read(within(entries[0].path, `sentence_${name}_config.json`))) as JsonObject | undefined;
    if (settings === undefined) continue;
    lower = settings.do_lower_case ?? false;
    break;
  }
  modules[0] = { kind: "Transformer", config: { max_seq_length: maxSeqLength, do_lower_case: lower } };
  if (listed === undefined) modules.push(meanPooling(config.hidden_size));
  return { encoder: config.model_type === "roberta" ? "RobertaModel" : "BertModel", config, modules };
}

/** What the reference adds to a model without modules.json. */
function meanPooling(width: unknown): Module {
  const modes = { pooling_mode_cls_token: false, pooling_mode_mean_tokens: true, pooling_mode_max_tokens: false };
  const config = { word_embedding_dimension: width, ...modes, pooling_mode_mean_sqrt_len_tokens: false };
  return { kind: "Pooling", config };
}

/** The model as Python prints it, and as model cards show it. */
export function print({ encoder, modules }: Architecture): string {
  const lines = modules.map(({ kind, config }, i) => {
    const inside = Object.keys(config).length === 0 ? "" : python(config);
    return `  (${i}): ${kind}(${inside})${kind === "Transformer" ? ` with Transformer model: ${encoder}` : ""}`;
  });
  return `SentenceTransformer(\n${lines.join("\n")}\n)`;
}

/** A value of JSON as Python writes it. */
function python(value: unknown): string {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "string") {
    const quote = value.includes("'") && !value.includes('"') ? '"' : "'";
    return quote + JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"').replaceAll(quote, `\\${quote}`) + quote;
  }
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value !== "object") return String(value);
  return `{${Object.entries(value as JsonObject)
    .map(([key, item]) => `${python(key)}: ${python(item)}`)
    .join(", ")}}`;
}

/** Numbers that decide about vectors. A pooler, which the files may hold too, is not among them: no sentence vector uses it. */
export function countParameters({ config, modules }: Architecture): number {
  const size = (name: string, fallback = 0): number => Number(config[name] ?? fallback);
  const [H, I] = [size("hidden_size"), size("intermediate_size")];
  const tables = (size("vocab_size") + size("max_position_embeddings") + size("type_vocab_size", 2) + 2) * H;
  const layer = 4 * (H * H + H) + (H * I + I) + (I * H + H) + 4 * H;
  const rest = modules.map(({ kind, config: { in_features, out_features, bias, use_residual, dimension } }) => {
    const [rows, columns] = [Number(out_features), Number(in_features)];
    const residual = use_residual === true && rows !== columns ? rows * columns : 0;
    if (kind === "Dense") return rows * columns + (bias === false ? 0 : rows) + residual;
    return kind === "LayerNorm" ? 2 * Number(dimension) : 0;
  });
  return tables + size("num_hidden_layers") * layer + rest.reduce((sum, n) => sum + n, 0);
}
