import { ModelError } from "../base/errors.ts";
import { type Address, addresses, arena, PAGE, put, type Store } from "../kernels/wasm/arena.ts";
import { disband } from "../kernels/wasm/crew.ts";
import { storing, writeConstants } from "../kernels/wasm/index.ts";
import { CREW, FIRST_FREE } from "../kernels/wasm/module.ts";
import { seats } from "../kernels/wasm/seat.ts";
import { panelOf, type Variant } from "../kernels/wasm/variants.ts";
import { type Engine, roomFor } from "./engine.ts";
import type { Answer, Order } from "./member.ts";
import type { Thread } from "./threads.ts";
import { turns } from "./turns.ts";

/**
 * A team: `asked` workers that run the same `forward` over one shared memory, while the calling thread stays free; without shared memory
 * one worker with a memory of its own. They keep the process open only while a call is in flight, and sleep between calls. The module is
 * the variant's, for shared memory where there is. Rejects where a worker does not come.
 */
export async function team(
  spawn: () => Thread,
  shared: boolean,
  asked: number,
  module: WebAssembly.Module,
  kind: Variant,
): Promise<Engine<Address>> {
  const count = shared ? asked : 1;
  const panel = panelOf(kind);
  const memory = shared ? sharedMemory() : undefined;
  const workers = together(startAll(spawn, count), memory);
  const late = setTimeout(() => workers.fail("it does not answer"), PATIENCE);
  await workers
    .ask(() => ({ kind: "memory", memory: memory ?? { initial: 1, maximum: PAGE } }), count)
    .finally(() => clearTimeout(late));
  const store = memory === undefined ? distant(workers) : arena(memory, FIRST_FREE);
  writeConstants(store);
  const kernels = storing(store, panel, kind.int8);
  return {
    kernels,
    dispose: () => workers.stop(),
    async start(weights, config, tokens) {
      const scratch = roomFor(kernels, config, tokens);
      const all = seats({ module, name: kind.name, panel, int8: kind.int8?.plan }, count, store.take, config, tokens);
      const end = store.take(0);
      await workers.ask((index) => ({ kind: "start", seat: all[index], weights, config, scratch, end }), count);
      const inTurn = turns();
      return {
        threads: count,
        run: (batch, words, see) =>
          inTurn(async () => {
            if (memory !== undefined) put(store, scratch.branch, words);
            const order: Order = {
              kind: "run",
              batch,
              words: memory === undefined ? words : NONE, // where memory is shared they are there already
              see: see !== undefined,
            };
            const { hidden, stages } = (await workers.ask(() => order, 1)) as Done; // the first of them answers for all
            for (const stage of stages) see?.(...stage);
            return hidden;
          }),
        dispose: () => inTurn(() => workers.stop()),
      };
    },
  };
}

/** With room for 4 GB, or half or a quarter of that: phones keep free from the beginning what may be needed in the end. */
function sharedMemory(maximum = PAGE): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: 1, maximum, shared: true });
  } catch (error) {
    if (maximum < PAGE / 2) throw error;
    return sharedMemory(maximum / 2);
  }
}

/** Starts all of them; where one cannot be started none stays. */
function startAll(spawn: () => Thread, count: number): Thread[] {
  const started: Thread[] = [];
  try {
    while (started.length < count) started.push(spawn());
    return started;
  } catch (error) {
    for (const thread of started) void thread.stop();
    throw error;
  }
}

type Done = Answer & { kind: "done" };

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

/** How long a worker may take to say that it is there, ms: one that never does must not keep `load` waiting. */
const PATIENCE = 20_000;

/** The workers of a team as one: of no use from the moment that one of them is not. */
interface Workers {
  tell(order: Order, transfer?: ArrayBuffer[]): void;
  /** Gives every worker its order; resolves, with the last answer, when so many have answered. */
  ask(order: (index: number) => Order, answers: number): Promise<Answer>;
  /** Ends all of them, because of what has happened to one. */
  fail(cause: unknown): void;
  stop(): Promise<void>;
}

function together(threads: readonly Thread[], memory: WebAssembly.Memory | undefined): Workers {
  let asked: { missing: number; resolve: (answer: Answer) => void; reject: (error: unknown) => void } | undefined;
  /** Why this team computes no more. */
  let broken: ModelError | undefined;
  let begun = false;
  let stopped = false;

  /** Nothing but a call in flight keeps the process open. */
  const hold = (open: boolean): void => {
    for (const thread of threads) thread.hold(open);
  };
  const stop = async (): Promise<void> => {
    stopped = true;
    if (memory !== undefined) disband(memory, CREW);
    await Promise.all(threads.map((thread) => thread.stop()));
  };
  const fail = (cause: unknown): void => {
    if (stopped) return;
    const problem = begun ? `a worker has stopped (${cause}); load the model again` : `no worker came (${cause})`;
    broken = new ModelError(problem, { field: "threads", value: threads.length, cause });
    asked?.reject(broken);
    void stop();
  };
  for (const thread of threads) {
    thread.listen((message) => {
      const answer = message as Answer;
      if (answer.kind === "failed") fail(answer.message);
      else if (asked !== undefined && --asked.missing === 0) asked.resolve(answer);
    }, fail);
  }
  hold(false);

  return {
    tell(order, transfer) {
      for (const thread of threads) thread.post(order, transfer);
    },
    async ask(order, answers) {
      hold(true);
      try {
        const answer = await new Promise<Answer>((resolve, reject) => {
          if (broken !== undefined) return reject(broken);
          asked = { missing: answers, resolve, reject };
          for (const [index, thread] of threads.entries()) thread.post(order(index));
        });
        begun = true;
        return answer;
      } finally {
        asked = undefined;
        hold(false);
      }
    },
    fail,
    stop,
  };
}
