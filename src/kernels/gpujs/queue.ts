import { breathe } from "../../base/breathe.ts";

/**
 * Work that is done one piece after the other, whether a piece answers at once or with a promise. Kernels answer nothing, so a piece that fails
 * is told by the reads that follow.
 */
export interface Queue {
  /** Does this after everything before it; not at all where that has failed. */
  put(work: () => unknown): void;
  /** The same for the first piece of something new: a failure that a read has told is over. */
  begin(work: () => unknown): void;
  /** What `work` gives after everything before it, or the failure there was. */
  read<R>(work: () => R): Promise<R>;
  /** Once everything is done, be it well or not. */
  idle(): Promise<void>;
}

export function queue(): Queue {
  /** Milliseconds after which the thread is free for others: a frame of a page. Modes that answer at once would keep it for a whole batch. */
  const FRAME = 16;
  let last: Promise<unknown> = Promise.resolve();
  let failure: { readonly error: unknown; told: boolean } | undefined;
  let began = 0;

  const put = (work: () => unknown): void => {
    last = last.then(async () => {
      if (failure) return;
      try {
        const answer = work();
        if (isPromise(answer)) await answer;
        if (Date.now() - began < FRAME) return;
        await breathe();
        began = Date.now();
      } catch (error) {
        failure = { error, told: false };
      }
    });
  };

  return {
    put,
    begin(work) {
      last = last.then(() => {
        if (failure?.told) failure = undefined;
      });
      put(work);
    },
    read(work) {
      const mine = last.then(() => {
        if (failure === undefined) return work();
        failure.told = true;
        throw failure.error;
      });
      // Whoever reads several stages waits for the first of them last: until then nobody would have caught it.
      last = mine.catch(() => {});
      return mine;
    },
    idle: async () => void (await last),
  };
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === "function";
}
