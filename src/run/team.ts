import { ModelError } from "../base/errors.ts";
import { type Address, addresses, arena, PAGE, put, type Store } from "../kernels/wasm/arena.ts";
import { disband } from "../kernels/wasm/crew.ts";
import { storing, writeConstants } from "../kernels/wasm/index.ts";
import { CREW, FIRST_FREE } from "../kernels/wasm/module.ts";
import { seats } from "../kernels/wasm/seat.ts";
import { panelOf, type Variant } from "../kernels/wasm/variants.ts";
import { type Engine, roomFor } from "./engine.ts";
import type { Answer, Order } from "./member.ts";
import type { Thread, Threads } from "./threads.ts";
import { Turns } from "./turns.ts";

/**
 * A team: `asked` workers that run the same `forward` over one shared memory, while the calling thread stays free; without shared memory
 * one worker with a memory of its own. They keep the process open only while a call is in flight, and sleep between calls. The module is
 * the variant's, for shared memory where there is.
 */
export function team(
  threads: Threads,
  asked: number,
  module: WebAssembly.Module,
  kind: Variant,
  workerUrl?: string | URL,
): Engine<Address> {
  const { shared } = threads;
  const count = shared ? asked : 1;
  const panel = panelOf(kind);
  const memory = shared ? new WebAssembly.Memory({ initial: 1, maximum: PAGE, shared }) : undefined;
  const workers = new Workers(
    Array.from({ length: count }, () => threads.spawn(workerUrl)),
    memory,
  );
  workers.tell({ kind: "memory", memory: memory ?? { initial: 1, maximum: PAGE } });
  const store = memory === undefined ? distant(workers) : arena(memory, FIRST_FREE);
  writeConstants(store);
  const kernels = storing(store, panel);
  return {
    kernels,
    dispose: () => workers.stop(),
    async start(weights, config, tokens) {
      const scratch = roomFor(kernels, config, tokens);
      const { hiddenSize: H, heads } = config;
      const largest = {
        tokens,
        sentence: Math.min(tokens, config.longestText),
        inputs: Math.max(H, config.intermediateSize),
        heads,
        H,
      };
      const all = seats({ module, name: kind.name, panel }, count, store.take, largest);
      const end = store.take(0);
      await workers.ready((index) => ({ kind: "start", seat: all[index], weights, config, scratch, end }));
      const turns = new Turns();
      return {
        threads: count,
        run: (batch, words, see) =>
          turns.take(async () => {
            if (memory !== undefined) put(store, scratch.branch, words);
            const { hidden, stages } = await workers.run({
              kind: "run",
              batch,
              words: memory === undefined ? words : NONE, // where memory is shared they are there already
              see: see !== undefined,
            });
            for (const stage of stages) see?.(...stage);
            return hidden;
          }),
        dispose: () => turns.take(() => workers.stop()),
      };
    },
  };
}

const NONE = new Float32Array(0);

/** The memory of a worker: addresses are counted here, numbers sent there. */
function distant(workers: Workers): Store {
  return {
    take: addresses(FIRST_FREE, (bytes) => {
      if (!(bytes <= PAGE * PAGE)) throw new RangeError("beyond 4 GB");
    }),
    fill: (at, length, write) => {
      const values = new Float32Array(length);
      write(values);
      workers.tell({ kind: "put", at, values }, [values.buffer]); // handed over, not copied
    },
  };
}

type Done = Answer & { kind: "done" };

/** The workers of a team as one: ready when all are, and of no use from the moment that one of them is not. */
class Workers {
  readonly #threads: readonly Thread[];
  readonly #memory: WebAssembly.Memory | undefined;
  readonly #ready: Promise<void>;
  #settle: { resolve: (done: Done) => void; reject: (error: unknown) => void } | undefined;
  /** Why this team computes no more. */
  #broken: ModelError | undefined;
  #stopped = false;

  constructor(threads: readonly Thread[], memory: WebAssembly.Memory | undefined) {
    this.#threads = threads;
    this.#memory = memory;
    let missing = threads.length;
    this.#ready = new Promise((resolve, reject) => {
      for (const thread of threads) {
        thread.hold(false);
        const fails = (why: unknown): void => {
          if (this.#stopped) return;
          this.#break(why);
          reject(this.#broken);
        };
        thread.listen((message) => {
          const answer = message as Answer;
          if (answer.kind === "ready") {
            if (--missing === 0) resolve();
          } else if (answer.kind === "done") this.#settle?.resolve(answer);
          else fails(answer.message);
        }, fails);
      }
    });
    this.#ready.catch(() => {}); // whoever waits for it is told
  }

  tell(order: Order, transfer?: ArrayBuffer[]): void {
    for (const thread of this.#threads) thread.post(order, transfer);
  }

  /** Gives every worker its first order; resolves when all have followed it. */
  async ready(order: (index: number) => Order): Promise<void> {
    await this.#held(() => {
      for (const [index, thread] of this.#threads.entries()) thread.post(order(index));
      return this.#ready;
    });
  }

  run(order: Order): Promise<Done> {
    return this.#held(
      () =>
        new Promise<Done>((resolve, reject) => {
          if (this.#broken !== undefined) return reject(this.#broken);
          this.#settle = { resolve, reject };
          this.tell(order);
        }),
    );
  }

  /** Nothing but a call in flight keeps the process open. */
  async #held<R>(work: () => Promise<R>): Promise<R> {
    for (const thread of this.#threads) thread.hold(true);
    try {
      return await work();
    } finally {
      this.#settle = undefined;
      for (const thread of this.#threads) thread.hold(false);
    }
  }

  #break(why: unknown): void {
    if (this.#broken !== undefined) return;
    this.#broken = new ModelError(`a worker has stopped (${why}); load the model again`, {
      field: "threads",
      value: this.#threads.length,
      cause: why,
    });
    this.#settle?.reject(this.#broken);
    void this.stop();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#memory !== undefined) disband(this.#memory, CREW);
    await Promise.all(this.#threads.map((thread) => thread.stop()));
  }
}
