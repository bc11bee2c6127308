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
import { turns } from "./turns.ts";

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
  const workers = together(
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
      const all = seats({ module, name: kind.name, panel }, count, store.take, config, tokens);
      const end = store.take(0);
      await workers.ready((index) => ({ kind: "start", seat: all[index], weights, config, scratch, end }));
      const inTurn = turns();
      return {
        threads: count,
        run: (batch, words, see) =>
          inTurn(async () => {
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
        dispose: () => inTurn(() => workers.stop()),
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
interface Workers {
  tell(order: Order, transfer?: ArrayBuffer[]): void;
  /** Gives every worker its first order; resolves when all have followed it. */
  ready(order: (index: number) => Order): Promise<void>;
  run(order: Order): Promise<Done>;
  stop(): Promise<void>;
}

function together(threads: readonly Thread[], memory: WebAssembly.Memory | undefined): Workers {
  let settle: { resolve: (done: Done) => void; reject: (error: unknown) => void } | undefined;
  /** Why this team computes no more. */
  let broken: ModelError | undefined;
  let stopped = false;
  let missing = threads.length;

  const hold = (open: boolean): void => {
    for (const thread of threads) thread.hold(open);
  };
  const tell: Workers["tell"] = (order, transfer) => {
    for (const thread of threads) thread.post(order, transfer);
  };
  const stop = async (): Promise<void> => {
    stopped = true;
    if (memory !== undefined) disband(memory, CREW);
    await Promise.all(threads.map((thread) => thread.stop()));
  };

  hold(false);
  const allReady = new Promise<void>((resolve, reject) => {
    const fails = (cause: unknown): void => {
      if (stopped) return;
      const problem = `a worker has stopped (${cause}); load the model again`;
      broken = new ModelError(problem, { field: "threads", value: threads.length, cause });
      settle?.reject(broken);
      reject(broken);
      void stop();
    };
    for (const thread of threads) {
      thread.listen((message) => {
        const answer = message as Answer;
        if (answer.kind === "ready") {
          if (--missing === 0) resolve();
        } else if (answer.kind === "done") settle?.resolve(answer);
        else fails(answer.message);
      }, fails);
    }
  });
  allReady.catch(() => {}); // whoever waits for it is told

  /** Nothing but a call in flight keeps the process open. */
  const held = async <R>(work: () => Promise<R>): Promise<R> => {
    hold(true);
    try {
      return await work();
    } finally {
      settle = undefined;
      hold(false);
    }
  };

  return {
    tell,
    stop,
    ready: (order) =>
      held(() => {
        for (const [index, thread] of threads.entries()) thread.post(order(index));
        return allReady;
      }),
    run: (order) =>
      held(
        () =>
          new Promise<Done>((resolve, reject) => {
            if (broken !== undefined) return reject(broken);
            settle = { resolve, reject };
            tell(order);
          }),
      ),
  };
}
