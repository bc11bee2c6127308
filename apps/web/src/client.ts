import type { Answer, Api, Call } from "./protocol.ts";

type Args<K extends keyof Api> = Parameters<Api[K]>;
/** What is being done, and how much of it is: 0 … 1, where that is known. */
export type Progress = (what: string, part?: number) => void;

export interface Client {
  ask<K extends keyof Api>(name: K, args: Args<K>, progress?: Progress): Promise<ReturnType<Api[K]>>;
  /** Ends whatever it is doing. */
  end(): void;
}

/** A worker of the page's, so that the page itself is always free. */
export function client(): Client {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  interface Waiting {
    resolve(result: unknown): void;
    reject(error: Error): void;
    progress?: Progress;
  }
  const waiting = new Map<number, Waiting>();
  let ids = 0;
  const endAll = (message: string): void => {
    for (const { reject } of waiting.values()) reject(new Error(message));
    waiting.clear();
  };
  worker.onmessage = ({ data }: MessageEvent<Answer>) => {
    const one = waiting.get(data.id);
    if (one === undefined) return;
    if ("progress" in data) {
      one.progress?.(data.progress, data.part);
      return;
    }
    waiting.delete(data.id);
    if ("error" in data) one.reject(new Error(data.error));
    else one.resolve(data.result);
  };
  let dead: string | undefined;
  worker.onerror = ({ message }) => {
    dead = message || "the worker did not start";
    endAll(dead);
  };
  return {
    ask: (name, args, progress) =>
      new Promise((resolve, reject) => {
        if (dead !== undefined) throw new Error(dead);
        const id = ids++;
        waiting.set(id, { resolve: resolve as (result: unknown) => void, reject, progress });
        worker.postMessage({ id, name, args } satisfies Call);
      }),
    end() {
      worker.terminate();
      endAll("stopped");
    },
  };
}
