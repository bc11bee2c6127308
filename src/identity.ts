import { Sha256 } from "./base/sha256.ts";
import type { TensorSource } from "./base/tensor.ts";

/**
 * The version of the arithmetic. It changes whenever any backend's bits may change for the same text, and with it the committed hashes.
 */
export const NUMERICS_VERSION = 1;

/**
 * What must be equal for two stored vectors to be comparable, and for the same text to have the same bits. Kept beside vectors, it tells
 * years later whether they may be mixed. Threads, tiles, vector width and runtime are not in it, for they change nothing.
 */
export interface Identity {
  readonly numerics: number;
  readonly backend: string;
  readonly dtype: string;
  readonly pooling: string;
  readonly normalize: boolean;
  readonly dimension: number;
  readonly maxSeqLength: number;
  /** The prompt used when none is asked for. */
  readonly prompt: string;
  /** SHA-256 over config, modules, tokenizer files, and the names, shapes and ends of all tensors. */
  readonly model: string;
}

/** Hashes a model: its text files by name, then every tensor's name, type, shape, and first and last 4 KiB. */
export async function hashModel(files: ReadonlyMap<string, string>, tensors: TensorSource): Promise<string> {
  const hash = new Sha256();
  const text = new TextEncoder();
  for (const [name, content] of files) hash.update(text.encode(`${name}\0${content.length}\0${content}\0`));
  for (const name of [...tensors.tensors.keys()].sort()) {
    const info = tensors.tensors.get(name);
    hash.update(text.encode(`${name}\0${info?.dtype}\0${info?.shape.join(",")}\0`)).update(await tensors.ends(name));
  }
  return hash.hex();
}
