import { sha256 } from "./base/sha256.ts";
import { openTensors, WEIGHTS } from "./open-tensors.ts";
import { type ModelSource, readText } from "./source.ts";

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
  /** How text is read where that was not left to the model, as JSON of the `tokenizer` option; `{}` otherwise. */
  readonly tokenizer: string;
  /** The prompt used when none is asked for. */
  readonly prompt: string;
  /** SHA-256 over the text files that decide about vectors, and the names, shapes and ends of all tensors. */
  readonly model: string;
}

/** Tensors read at once. */
const READS = 8;

/**
 * Hashes a model's files: text by name, then every folder's tensors by name, type, shape, and first and last 4 KiB. The same tensors give
 * the same hash in whatever files they lie.
 */
export async function hashModel(source: ModelSource, paths: readonly string[]): Promise<string> {
  const hash = sha256();
  const utf8 = new TextEncoder();
  const add = (text: string): typeof hash => hash.update(utf8.encode(text));
  for (const path of paths.filter((path) => !WEIGHTS.test(path)).sort()) {
    const text = utf8.encode((await readText(source, path)) ?? "");
    add(`${path}\0${text.length}\0`).update(text);
  }
  const folders = new Set(paths.filter((path) => WEIGHTS.test(path)).map((path) => path.replace(/\/?[^/]*$/, "")));
  for (const folder of [...folders].sort()) {
    const { tensors, ends } = await openTensors(source, folder);
    add(`${folder}\0${tensors.size}\0`);
    const names = [...tensors.keys()].sort();
    for (let n = 0; n < names.length; n += READS) {
      const some = names.slice(n, n + READS);
      const read = await Promise.all(some.map(ends));
      for (const [i, name] of some.entries()) {
        const info = tensors.get(name);
        add(`${name}\0${info?.dtype}\0${info?.shape}\0`).update(read[i]);
      }
    }
  }
  return hash.hex();
}
