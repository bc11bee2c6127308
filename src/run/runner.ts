import type { Batch } from "../base/batch.ts";

/** Whoever calls `forward`: on this thread, or on a team of workers. */
export interface Runner {
  /**
   * Hidden states of a batch, [T,H], from the rows of the word table for its tokens, [T,H]. Calls wait for each other in the order in
   * which they came. `see` is called for every stage in order, after the batch has run.
   */
  run(batch: Batch, words: Float32Array, see?: SeeValues): Promise<Float32Array>;
  /** Workers that really run, whatever was asked for; 0 where the calling thread computes. */
  readonly threads: number;
  dispose(): Promise<void>;
}

/**
 * A stage of the forward pass as numbers; the names are those of `See` in `bert/forward.ts`. `ms` are the milliseconds it took, where the
 * calling thread computes.
 */
export type SeeValues = (
  name: string,
  values: Float32Array,
  shape: readonly [rows: number, columns: number],
  ms?: number,
) => void;
