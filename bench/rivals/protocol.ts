/**
 * What the bench says to an engine's process, a JSON line each way: requests on standard input, answers on descriptor 3, because some
 * engines print to standard output. worker.py speaks the same.
 */

/** A set of texts, sorted by length, as everybody gets them. */
export interface Work {
  readonly name: string;
  /** Token ids, [CLS] and [SEP] included. */
  readonly ids: readonly (readonly number[])[];
  /** The same as text, where they come from text. */
  readonly texts?: readonly string[];
}

export type Form = "ids" | "texts";

/** Texts of a work, so many at a time. */
export interface Run {
  readonly work: string;
  readonly form: Form;
  readonly batch: number;
}

export type Request =
  | { readonly op: "load" }
  /** Goes over the work again and again until so much time has passed, at least once. */
  | ({ readonly op: "run"; readonly milliseconds: number } & Run)
  /** Writes float32 vectors, in the order of the work. */
  | ({ readonly op: "vectors"; readonly file: string } & Run)
  /** Figures of kernels alone, in GFLOP/s. */
  | { readonly op: "rates"; readonly milliseconds: number }
  | { readonly op: "memory" }
  | { readonly op: "install" };

export interface Loaded {
  /** From the first import to a model that can be asked. */
  readonly milliseconds: number;
  /** Versions, and what the engine says of itself. */
  readonly about: Readonly<Record<string, string>>;
}

export interface Timed {
  readonly calls: number;
  readonly milliseconds: number;
}

/** Bytes. */
export interface Memory {
  readonly resident: number;
  readonly peak: number;
}

export type Rates = Readonly<Record<string, number>>;

/** What an engine's side of the bench has to be able to do. */
export interface Engine {
  readonly about: Readonly<Record<string, string>>;
  /** Vectors of texts given as ids, one after the other. */
  ids?(texts: readonly (readonly number[])[], batch: number): Promise<Float32Array[]>;
  /** Vectors of texts, tokenised by the engine. */
  texts?(texts: readonly string[], batch: number): Promise<Float32Array[]>;
  rates?(milliseconds: number): Promise<Rates>;
}

/** Where an engine finds what it needs. */
export interface Setting {
  /** The model's folder. */
  readonly model: string;
  readonly threads: number;
}

/** Slices of at most `size`. */
export function* chunks<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let i = 0; i < items.length; i += size) yield items.slice(i, i + size);
}
