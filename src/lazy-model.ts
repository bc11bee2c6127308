import { orAborted } from "./base/abort.ts";
import { checkFields, checkNames, checkWhole, refuse } from "./base/door.ts";
import { checkLoadOptions, type EncodeOptions, type LoadOptions } from "./options.ts";
import { SentenceTransformer } from "./sentence-transformer.ts";
import type { ModelInput } from "./source.ts";
import "./web-threads.ts";

/*
 * What the adapters share: a model that is there already, or one that is loaded when it is first wanted.
 */

/** Options that every adapter takes for the vectors. */
export interface VectorOptions {
  /** Divide every vector by its length. Default: what the model does. */
  normalizeEmbeddings?: boolean;
  /** Keep the first so many numbers of every vector. Default: what the model says. */
  truncateDim?: number;
}

/** What of `encode` an adapter may be told. */
export type CallOptions = VectorOptions & Pick<EncodeOptions, "prompt" | "promptName">;

/** Options of an adapter that loads its model: those of `SentenceTransformer.load`, and its own. */
export type LazyOptions<Own = VectorOptions> = Own & Omit<LoadOptions, keyof Own>;

export interface LazyModel {
  /** What the caller called it; of a model that was there already, the hash over its files. */
  readonly name: string;
  /** The model that the caller gave, if one was given. */
  readonly given: SentenceTransformer | undefined;
  /** Options for `encode`. */
  readonly encode: CallOptions;
  /** The model, loaded if it has not been. Calls that come meanwhile share the loading; one that failed is tried again. An abort ends the waiting alone. */
  get(signal?: AbortSignal): Promise<SentenceTransformer>;
  /** Lets go of a model that was loaded here; used again, it is loaded again. One that was given belongs to who gave it. */
  dispose(): Promise<void>;
}

/** Options of `load`. */
const LOAD: Readonly<Record<keyof LoadOptions, true>> = {
  backend: true,
  threads: true,
  wide: true,
  wasmModules: true,
  candidates: true,
  workerUrl: true,
  dtype: true,
  calibration: true,
  rows: true,
  tokensPerBatch: true,
  signal: true,
  revision: true,
  cacheDir: true,
  localFilesOnly: true,
  refresh: true,
  token: true,
  endpoint: true,
  maxSeqLength: true,
  truncateDim: true,
  prompts: true,
  similarityFunction: true,
  tokenizer: true,
  onProgress: true,
  onWarning: true,
  verify: true,
  timeout: true,
};

/** `own` names the options that are for `encode`, and not for loading. */
export function lazily(
  model: SentenceTransformer | ModelInput,
  options: CallOptions & LoadOptions,
  own: readonly (keyof CallOptions)[],
): LazyModel {
  checkFields(options, { normalizeEmbeddings: "boolean" });
  if (options.truncateDim !== undefined) checkWhole("truncateDim", options.truncateDim, 1);
  const names = [...own, "normalizeEmbeddings", "truncateDim"];
  checkNames(options, [...names, ...Object.keys(LOAD)]);
  const chosen = (wanted: boolean): object =>
    Object.fromEntries(
      Object.entries(options).filter(([name, value]) => value !== undefined && names.includes(name) === wanted),
    );
  const [encode, load] = [chosen(true), chosen(false)];
  if (isLoaded(model)) {
    const [late] = Object.keys(load);
    if (late !== undefined)
      refuse(late, "is for loading, and this model is loaded: give it to SentenceTransformer.load");
    const given = async (): Promise<SentenceTransformer> => model;
    return { name: model.identity.model, given: model, encode, get: given, dispose: async () => {} };
  }
  checkLoadOptions(load);
  let loading: Promise<SentenceTransformer> | undefined;
  const start = (): Promise<SentenceTransformer> => {
    const started = SentenceTransformer.load(model, load);
    started.catch(() => {
      if (loading === started) loading = undefined;
    });
    return started;
  };
  return {
    name: nameOf(model),
    given: undefined,
    encode,
    get(signal) {
      loading ??= start();
      return signal === undefined ? loading : orAborted(loading, signal);
    },
    async dispose() {
      const was = loading;
      loading = undefined;
      await was?.then(
        (loaded) => loaded.dispose(),
        () => {}, // whoever waited for it has been told
      );
    },
  };
}

/** Rows as the packages want them, which know no typed arrays. */
export function asNumbers(rows: readonly Float32Array[]): number[][] {
  return rows.map((row) => Array.from(row));
}

function isLoaded(model: SentenceTransformer | ModelInput): model is SentenceTransformer {
  return typeof (model as Partial<SentenceTransformer> | undefined)?.encode === "function";
}

function nameOf(model: ModelInput): string {
  if (typeof model === "string" || model instanceof URL) return String(model);
  const { name } = (model ?? {}) as { readonly name?: unknown };
  return typeof name === "string" && name !== "" ? name : "munjang";
}
