import type { EncodeInput, Tensor } from "munjang";
import type { EmbeddingModel } from "./model.ts";
import type { Refusal } from "./refusal.ts";

/** A text as it waits. */
export interface Text {
  readonly input: EncodeInput;
  readonly tokens: number;
}

/** What one request wants computed. Texts of the same `kind` and `prompt` may share a batch. */
export interface Work {
  readonly texts: readonly Text[];
  readonly kind: "sentence" | "tokens";
  /** Given to `encode` beside texts that are strings. */
  readonly prompt?: string;
}

/** A row, or the rows of all tokens [L, W], for a text. */
export type Computed = Float32Array | Tensor<Float32Array>;

/** What is left of a request: its rows, and how long they took, ms. */
export interface Done {
  readonly rows: readonly Computed[];
  /** Until its first text was begun. */
  readonly queued: number;
  /** From there to its last row. */
  readonly computing: number;
}

/** One request in the queue. */
export interface Job {
  readonly work: Work;
  readonly rows: Computed[];
  /** Of its coming. */
  readonly order: number;
  /** Texts that are in no batch, in order. */
  todo: number[];
  /** Texts that have no row yet. */
  missing: number;
  /** Computed with nobody beside it, since a batch with it has failed. */
  alone: boolean;
  /** Models that broke while this was computed. */
  readonly broke: Set<EmbeddingModel>;
  over: boolean;
  readonly since: number;
  begun: number | undefined;
  resolve(done: Done): void;
  reject(error: Refusal): void;
}

/** Texts that are computed together. */
export interface Batch {
  readonly items: readonly { readonly job: Job; readonly n: number }[];
  readonly tokens: number;
  readonly alone: boolean;
  readonly stop: AbortController;
}

export function tokensOf({ work }: Job, numbers: readonly number[]): number {
  return numbers.reduce((sum, n) => sum + work.texts[n].tokens, 0);
}

/**
 * Takes texts from the head of the queue: at least one, and as many as fit. Order is kept: it stops at the first that does not fit, or
 * cannot stand beside the others.
 */
export function collect(jobs: readonly Job[], maxTokens: number): Batch | undefined {
  const head = jobs.at(0);
  if (head === undefined) return undefined;
  const items: { job: Job; n: number }[] = [];
  let tokens = 0;
  for (const job of jobs) {
    const { kind, prompt } = job.work;
    const fits = job === head || !(head.alone || job.alone);
    if (!fits || kind !== head.work.kind || prompt !== head.work.prompt) break;
    let taken = 0;
    for (const n of job.todo) {
      const more = job.work.texts[n].tokens;
      if (items.length > 0 && tokens + more > maxTokens) break;
      items.push({ job, n });
      tokens += more;
      taken++;
    }
    if (taken > 0) job.begun ??= performance.now();
    job.todo = job.todo.slice(taken);
    if (job.todo.length > 0) break;
  }
  return { items, tokens, alone: head.alone, stop: new AbortController() };
}

/** Rows of a batch, in its order. */
export function encode(model: EmbeddingModel, { items, stop }: Batch): Promise<readonly Computed[]> {
  const inputs = items.map(({ job, n }) => job.work.texts[n].input);
  const { kind, prompt } = items[0].job.work;
  const options = { prompt, signal: stop.signal };
  return kind === "sentence"
    ? model.encode(inputs, options)
    : model.encode(inputs, { ...options, outputValue: "token_embeddings" });
}

/** Whether a model can still compute, which a failure of one batch does not tell. */
export async function works(model: EmbeddingModel): Promise<boolean> {
  try {
    await model.encode("가");
    return true;
  } catch {
    return false;
  }
}

/** Tokens a millisecond of late. */
export function rateOf(): { readonly now: number; add(tokens: number, began: number): void } {
  /** Part of the newest batch in the average: some tens of batches count. */
  const NEWEST = 0.05;
  let last = 0;
  let tokens = 0;
  let milliseconds = 0;
  return {
    get now() {
      return milliseconds === 0 ? 0 : tokens / milliseconds;
    },
    add(more, began) {
      const now = performance.now();
      // Of two batches in flight the second has waited for the first.
      tokens += NEWEST * (more - tokens);
      milliseconds += NEWEST * (now - Math.max(began, last) - milliseconds);
      last = now;
    },
  };
}
