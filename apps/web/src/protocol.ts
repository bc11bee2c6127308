import type { BackendInfo } from "munjang";
import type { LadderResult } from "../../../bench/ladder/measure.ts";

/* What the page asks of its worker. All of it is plain data. */

/** Where a model comes from. */
export type ModelChoice =
  | { readonly kind: "bundled" }
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "files"; readonly files: readonly (readonly [path: string, file: File])[] };

export interface Loaded {
  readonly dimension: number;
  readonly backend: BackendInfo;
  readonly warnings: readonly string[];
}

export interface Stage {
  readonly name: string;
  /** [rows][columns] */
  readonly shape: readonly [rows: number, columns: number];
  readonly values: Float32Array;
  /** Of stages `layer i context`: [heads][T][T]. */
  readonly attention?: Float64Array;
}

/** How the model reads a text, and what of it it does not. */
export interface Reading {
  /** Tokens read. */
  readonly read: number;
  /** Tokens there are; more than `read` where the text is cut. */
  readonly all: number;
  /** Words that became [UNK]. */
  readonly unknown: readonly string[];
  /** Hangul in single letters (NFD), which the model reads as other tokens than whole syllables. */
  readonly decomposed: boolean;
}

export interface Insides {
  readonly reading: Reading;
  readonly tokens: readonly string[];
  readonly heads: number;
  /** As `BertModel.forward` shows them, and last `pooling`: the sentence's vector, [1][D]. */
  readonly stages: readonly Stage[];
  /** Of the identity: `mean`, ... */
  readonly pooling: string;
  readonly normalize: boolean;
}

export interface Hashes {
  readonly backend: BackendInfo;
  readonly expected: string;
  readonly here: string;
}

export interface BackendSpeed {
  readonly name: string;
  readonly rate?: number;
  readonly reason: string;
}

export interface Api {
  load(choice: ModelChoice): Loaded;
  encode(texts: readonly string[]): Float32Array[];
  read(texts: readonly string[]): Reading[];
  inside(text: string): Insides;
  /** Points [N][2] of the vectors' first two principal components, and after them those of others on the same map. */
  map(vectors: readonly Float32Array[], others?: readonly Float32Array[]): Float32Array;
  ladder(): LadderResult;
  backends(): BackendSpeed[];
  hash(): Hashes;
}

export interface Call {
  readonly id: number;
  readonly name: keyof Api;
  readonly args: readonly unknown[];
}

export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string }
  | { readonly id: number; readonly progress: string; readonly part?: number };
