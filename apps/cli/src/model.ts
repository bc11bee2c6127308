import { fileURLToPath } from "node:url";
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  type BackendName,
  type LoadOptions,
  type LoadProgress,
  type ModelSource,
  openModel,
  SentenceTransformer,
} from "munjang";
import { mini } from "munjang-mini-ko";
import prettyBytes from "pretty-bytes";
import { showProgress } from "./progress.ts";

/** Options that say which model, and how its text is read. */
export interface SourceFlags {
  model: string;
  revision?: string;
  cacheDir?: string;
  nfc?: boolean;
}

export interface ModelFlags extends SourceFlags {
  backend: string;
  threads?: number | "auto";
  wide?: boolean;
  dtype?: LoadOptions["dtype"];
}

/** The options of every command that reads a vocabulary. */
export function withSource(command: Command): Command {
  return command
    .addOption(
      new Option("-m, --model <model>", "a folder, an installed weights package, or owner/name on the hub").default(
        mini.name,
      ),
    )
    .option("--revision <name>", "branch, tag or commit of a model on the hub")
    .option("--cache-dir <folder>", "cache of models from the hub (default: the one Python uses)")
    .option("--nfc", "compose decomposed text first, such as file names from macOS");
}

/** The options of every command that loads weights. */
export function withModel(command: Command): Command {
  return withSource(command)
    .option("-b, --backend <name>", "who computes: auto, wasm, js, reference, …", "auto")
    .option("-t, --threads <number>", "workers that compute, or 0, or auto: as many as there are cores", threadCount)
    .addOption(
      new Option("--dtype <type>", "what weights are while running (default: what the files hold)").choices([
        "float32",
        "int8",
        "int8-12",
      ]),
    )
    .option("--wide", "256-bit vectors: faster, the same bits (Node 24 or newer)");
}

/** The bundled model is the folder of this command's own dependency, wherever the command runs. */
export function modelOf(name: string): string {
  return name === mini.name ? fileURLToPath(new URL(".", mini.files["config.json"])) : name;
}

/** What of the flags decides about files and text. */
export function sourceOptions({
  revision,
  cacheDir,
  nfc,
}: SourceFlags): Pick<LoadOptions, "revision" | "cacheDir" | "tokenizer"> {
  return { revision, cacheDir, tokenizer: nfc ? { normalize: "NFC" } : undefined };
}

export async function loadModel(flags: ModelFlags, options?: LoadOptions): Promise<SentenceTransformer> {
  return (await loadWithSource(flags, options)).model;
}

/** A model, and where its files come from. */
export async function loadWithSource(
  flags: ModelFlags,
  options: LoadOptions = {},
): Promise<{ model: SentenceTransformer; source: ModelSource }> {
  const warnings: string[] = [];
  const { watch, stop } = watchFiles();
  try {
    const all: LoadOptions = {
      ...sourceOptions(flags),
      threads: flags.threads,
      wide: flags.wide,
      dtype: flags.dtype,
      backend: flags.backend as BackendName, // the engine refuses what it does not know, and says what it knows
      onWarning: (warning) => warnings.push(warning),
      ...options,
      onProgress: (progress) => {
        watch(progress);
        options.onProgress?.(progress);
      },
    };
    const source = await openModel(modelOf(flags.model), all);
    return { source, model: await SentenceTransformer.load(source, all) };
  } finally {
    stop();
    for (const warning of warnings) process.stderr.write(`munjang: ${warning.replace(/\s+/g, " ")}\n`);
  }
}

/** Shows how far files are, one at a time. */
export function watchFiles(): { watch: (progress: LoadProgress) => void; stop: () => void } {
  const progress = showProgress((bytes) => prettyBytes(bytes, { maximumFractionDigits: 1 }));
  return {
    watch: ({ file, loaded, total, phase }) => progress.update(`${phase} ${file}`, loaded, total),
    stop: () => progress.stop(),
  };
}

/** A number of workers, as an option's value. */
function threadCount(text: string): number | "auto" {
  if (text === "auto") return text;
  if (!/^[0-9]{1,9}$/.test(text)) throw new InvalidArgumentError("it must be a whole number, or auto.");
  return Number(text);
}

/** A whole number from 1 up, as an option's value. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^[0-9]+$/.test(text) || value < 1 || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError("it must be a whole number from 1 up.");
  }
  return value;
}
