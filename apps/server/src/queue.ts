import {
  type Batch,
  type Computed,
  collect,
  type Done,
  encode,
  type Job,
  rateOf,
  tokensOf,
  type Work,
  works,
} from "./batch.ts";
import type { EmbeddingModel } from "./model.ts";
import { Refusal } from "./refusal.ts";

/** Told of every batch. */
export interface BatchRecord {
  readonly texts: number;
  readonly tokens: number;
  readonly milliseconds: number;
}

export interface QueueOptions {
  /** Tokens of a batch: a call of the engine. */
  readonly maxBatchTokens: number;
  /** Tokens that may wait. A request finds room in an empty queue however large it is. */
  readonly maxQueuedTokens: number;
  /** Milliseconds a request may take; who could not be answered by then is turned away at once. */
  readonly timeout: number;
  readonly onBatch?: (batch: BatchRecord) => void;
  /** Told of a model that broke, and of one that could not be loaded again. */
  readonly onBreak?: (error: unknown) => void;
}

export interface Queue {
  /** @throws Refusal `overloaded` where there is no room. */
  add(work: Work): { readonly done: Promise<Done>; readonly drop: (why: Refusal) => void };
  /** Whether a model is there to compute. */
  readonly healthy: boolean;
  readonly waiting: { readonly requests: number; readonly tokens: number };
  /** For the next try of somebody turned away. */
  overloaded(): Refusal;
  /** Lets go of the model once nothing is left to do; nothing may be added any more. */
  close(): Promise<void>;
}

/** Batches in the hands of the engine: while one is computed, the next is laid out. */
const IN_FLIGHT = 2;
/** Times a request may be there when the model breaks: it may be what breaks it. */
const MOST_BREAKS = 2;
/** Milliseconds from a load that failed to the next: doubled every time, up to the longest. */
const [FIRST_PAUSE, LONGEST_PAUSE] = [1000, 60_000];

/**
 * Requests in the order of their coming, cut into batches by tokens. `load` gives a model again after one broke, and what was computed then
 * is computed anew. Where it fails it is called again after a while, whether or not somebody asks for something: who watches the server's
 * health may be what lets requests in. Without it nothing is computed from then on.
 */
export function openQueue(
  first: EmbeddingModel,
  load: (() => Promise<EmbeddingModel>) | undefined,
  options: QueueOptions,
): Queue {
  let model: EmbeddingModel | undefined = first;
  let loading: Promise<void> | undefined;
  /** The last load, if it failed. */
  let failed: { readonly cause: unknown; readonly pause: number; readonly until: number } | undefined;
  let pausing: ReturnType<typeof setTimeout> | undefined;
  /** With texts that are in no batch. */
  let jobs: Job[] = [];
  let waiting = 0;
  let came = 0;
  const flying = new Set<Batch>();
  let closed = false;
  let idle: (() => void) | undefined;
  const rate = rateOf();

  const wait = (): number => {
    const tokens = [...flying].reduce((sum, batch) => sum + batch.tokens, waiting);
    return rate.now === 0 ? 0 : tokens / rate.now;
  };
  const overloaded = (): Refusal => {
    const retryAfter = Math.min(60, Math.max(1, Math.ceil(wait() / 2000))); // by when half of it is done
    return new Refusal("overloaded", `the model is overloaded; try again in ${retryAfter} s`, { retryAfter });
  };

  const settle = (job: Job): void => {
    job.over = true;
    waiting -= tokensOf(job, job.todo);
    job.todo = [];
    jobs = jobs.filter((other) => other !== job);
  };
  const reject = (job: Job, why: Refusal): void => {
    settle(job);
    job.reject(why);
  };

  const place = ({ items }: Batch, rows: readonly Computed[]): void => {
    for (const [i, { job, n }] of items.entries()) {
      if (job.over) continue;
      job.rows[n] = rows[i];
      if (--job.missing > 0) continue;
      settle(job);
      const begun = job.begun ?? job.since;
      job.resolve({ rows: job.rows, queued: begun - job.since, computing: performance.now() - begun });
    }
  };

  /** Puts the texts of a failed batch back to the head of the queue, one request a batch, in the order of their coming; or turns away who was tried enough. */
  const putBack = (batch: Batch, broken: EmbeddingModel | undefined, error: unknown): void => {
    const back = new Map<Job, number[]>();
    for (const { job, n } of batch.items) if (!job.over) back.set(job, [...(back.get(job) ?? []), n]);
    for (const [job, numbers] of back) {
      if (broken !== undefined) job.broke.add(broken);
      if (broken !== undefined ? job.broke.size < MOST_BREAKS : !batch.alone) {
        job.alone = true;
        job.todo = [...numbers, ...job.todo];
        waiting += tokensOf(job, numbers);
      } else {
        const message = error instanceof Error ? error.message : String(error);
        reject(job, new Refusal("backend", `the model could not compute this: ${message}`, { cause: error }));
      }
    }
    const head = [...back.keys()].filter((job) => !job.over);
    jobs = [...head, ...jobs.filter((job) => !head.includes(job))].sort((a, b) => a.order - b.order);
  };

  const compute = async (using: EmbeddingModel, batch: Batch): Promise<void> => {
    const began = performance.now();
    flying.add(batch);
    try {
      const rows = await encode(using, batch);
      // Small batches take longer a token than those of a server that has much to do.
      if (2 * batch.tokens >= options.maxBatchTokens) rate.add(batch.tokens, began);
      options.onBatch?.({ texts: batch.items.length, tokens: batch.tokens, milliseconds: performance.now() - began });
      place(batch, rows);
    } catch (error) {
      if (batch.stop.signal.aborted) return; // everybody has left
      const broken = model !== using || !(await works(using));
      putBack(batch, broken ? using : undefined, error);
      if (broken && model === using) {
        model = undefined;
        options.onBreak?.(error);
        using.dispose().catch(() => {}); // it is of no use any more
      }
    } finally {
      flying.delete(batch);
      run();
    }
  };

  const reload = async (load: () => Promise<EmbeddingModel>): Promise<void> => {
    try {
      model = await load();
      failed = undefined;
    } catch (cause) {
      const pause = failed === undefined ? FIRST_PAUSE : Math.min(2 * failed.pause, LONGEST_PAUSE);
      failed = { cause, pause, until: performance.now() + pause };
      options.onBreak?.(cause);
    } finally {
      loading = undefined;
      run();
    }
  };

  /** Sees to a model that is not there. */
  const revive = (): void => {
    if (loading !== undefined || (closed && jobs.length === 0)) return;
    const left = failed === undefined ? 0 : failed.until - performance.now();
    if (load !== undefined && left <= 0) {
      loading = reload(load);
      return;
    }
    const why = load === undefined ? "; start the server again" : ", and could not be loaded again";
    const about = load === undefined ? {} : { cause: failed?.cause, retryAfter: Math.ceil(left / 1000) };
    for (const job of jobs) reject(job, new Refusal("unavailable", `the model broke${why}`, about));
    if (load === undefined || closed) return;
    // One timer at a time; a request may come before it, where timers end with the request that set them.
    clearTimeout(pausing);
    pausing = setTimeout(run, left);
  };

  const run = (): void => {
    if (model === undefined) revive();
    while (model !== undefined && flying.size < IN_FLIGHT) {
      // What may have broken the model is computed with nothing beside it.
      if (flying.size > 0 && (jobs.at(0)?.alone || [...flying].some((batch) => batch.alone))) break;
      const batch = collect(jobs, options.maxBatchTokens);
      if (batch === undefined) break;
      waiting -= batch.tokens;
      jobs = jobs.filter((job) => job.todo.length > 0);
      void compute(model, batch);
    }
    if (jobs.length === 0 && flying.size === 0) idle?.();
  };

  return {
    add(work) {
      if (closed) throw new Refusal("unavailable", "the server is stopping");
      const tokens = work.texts.reduce((sum, text) => sum + text.tokens, 0);
      const own = rate.now === 0 ? 0 : tokens / rate.now;
      // The rate is a guess, and no other try would find it smaller: so only what is too much by far is turned away for good.
      if (own > 1.5 * options.timeout) {
        const most = `more than can be computed in the ${options.timeout / 1000} s that a request has`;
        throw new Refusal("too large", `${tokens} tokens are ${most}; send fewer texts at once`);
      }
      const before = wait();
      const late = before > options.timeout || (before > 0 && before + own > options.timeout);
      if (late || (waiting > 0 && waiting + tokens > options.maxQueuedTokens)) throw overloaded();
      let job!: Job;
      const done = new Promise<Done>((resolve, reject) => {
        const todo = work.texts.map((_, n) => n);
        const tried = { order: came++, alone: false, broke: new Set<EmbeddingModel>(), over: false };
        const since = performance.now();
        job = { work, rows: [], todo, missing: todo.length, ...tried, since, begun: undefined, resolve, reject };
      });
      jobs.push(job);
      waiting += tokens;
      run();
      return {
        done,
        drop(why) {
          if (job.over) return;
          reject(job, why);
          for (const { items, stop } of flying) if (items.every(({ job }) => job.over)) stop.abort();
        },
      };
    },
    get healthy() {
      return model !== undefined;
    },
    get waiting() {
      return { requests: jobs.length, tokens: waiting };
    },
    overloaded,
    async close() {
      closed = true;
      clearTimeout(pausing);
      await new Promise<void>((resolve) => {
        idle = resolve;
        run();
      });
      await loading;
      await model?.dispose();
      model = undefined;
    },
  };
}
