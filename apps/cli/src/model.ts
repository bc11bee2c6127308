import { type Command, InvalidArgumentError, Option } from "commander";
import { type BackendName, SentenceTransformer } from "munjang";
import { mini } from "munjang-mini-ko";

export interface ModelFlags {
  model: string;
  backend: string;
}

/** The options of every command that loads weights. */
export function withModel(command: Command): Command {
  return command
    .addOption(modelOption())
    .option("-b, --backend <name>", "who computes: auto, js, reference, …", "auto");
}

export function modelOption(): Option {
  return new Option("-m, --model <model>", "a folder, or an installed weights package").default(mini.name);
}

/** The bundled model is taken from this command's own dependency, wherever the command runs. */
export function modelOf(name: string): string | typeof mini {
  return name === mini.name ? mini : name;
}

export async function loadModel(flags: ModelFlags, tokensPerBatch?: number): Promise<SentenceTransformer> {
  return SentenceTransformer.load(modelOf(flags.model), {
    backend: flags.backend as BackendName, // the engine refuses what it does not know, and says what it knows
    tokensPerBatch,
    onWarning: (warning) => process.stderr.write(`munjang: ${warning.replace(/\s+/g, " ")}\n`),
  });
}

/** A whole number from 1 up, as an option's value. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^[0-9]+$/.test(text) || value < 1 || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError("it must be a whole number from 1 up.");
  }
  return value;
}
