import { realpathSync, statSync } from "node:fs";
import type { Identity, Precision, SentenceTransformer } from "munjang";
import type { EmbedFlags } from "../embed.ts";
import type { About, FormatName } from "../formats.ts";
import { modelOf } from "../model.ts";
import type { FromName, Rows } from "./row.ts";

/** What must be the same for vectors to stand in one file. By what it comes to, not by the words of the command line. */
export interface Settings {
  readonly munjang: 1;
  readonly input: { readonly form?: FromName; readonly field: string };
  readonly output: {
    readonly format: FormatName;
    readonly width: number;
    readonly precision: Precision;
    readonly base64: boolean;
    readonly normalize: boolean;
    /** Rows of a row group of Parquet. */
    readonly every?: number;
  };
  /** The text before every text. */
  readonly prompt?: string;
  readonly model: Identity;
}

export function settingsOf(
  { form }: Rows,
  format: FormatName,
  { field, precision, base64 = false, normalize = false, truncateDim, prompt, promptName, checkpointEvery }: EmbedFlags,
  model: SentenceTransformer,
): Settings {
  const every = format === "parquet" ? checkpointEvery : undefined;
  return {
    munjang: 1,
    input: { form, field },
    output: { format, width: widthOf(model, { truncateDim, precision }), precision, base64, normalize, every },
    prompt: prompt ?? (promptName === undefined ? model.identity.prompt : model.prompts[promptName]),
    model: model.identity,
  };
}

/** Settings, the input's file, and where this run begins: what a run that goes on with another must have in common with it. */
export function settingsOfRun(settings: Settings, source: Rows, flags: EmbedFlags): object {
  const { file = "", model, shard, checkpointEvery } = flags;
  const { size, mtimeMs } = statSync(file);
  return {
    ...settings,
    input: { ...settings.input, file: realpathSync(file), size, mtimeMs },
    output: { ...settings.output, checkpointEvery },
    model: { name: modelOf(model), ...settings.model },
    ...{ shard, rows: source.from },
  };
}

/** What a form of output is told. */
export function aboutOf({ output: { width, precision, base64 }, model }: Settings): About {
  return { width, precision, base64, identity: model };
}

/** Names of the settings that are not the same. */
export function differing(a: object, b: object): string[] {
  // As they are stored: what is not there and what is undefined are one.
  const [one, other] = [a, b].map((settings) => JSON.parse(JSON.stringify(settings)) as Record<string, unknown>);
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].filter((name) => JSON.stringify(one[name]) !== JSON.stringify(other[name]));
}

/** Elements of a row of the output. */
function widthOf(
  { dimension }: SentenceTransformer,
  { truncateDim, precision }: Pick<EmbedFlags, "truncateDim" | "precision">,
): number {
  const width = Math.min(truncateDim ?? dimension, dimension);
  return precision === "binary" || precision === "ubinary" ? Math.ceil(width / 8) : width;
}
