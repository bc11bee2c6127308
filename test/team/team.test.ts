import { execFile } from "node:child_process";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { promisify } from "node:util";
import type { Worker } from "node:worker_threads";
import { afterEach, describe, expect, it, vi } from "vitest";
import { BertModel, ModelError } from "../../src/node.ts";
import { setThreads, type Thread, type Threads, threadsHere } from "../../src/run/threads.ts";
import { committed, corpus, corpusFiles, hashOf, statesOf } from "../golden/corpus.ts";

/* How a team of workers behaves: whom it keeps waiting, what it costs when idle, and what happens when one of it is gone. */

const files = corpusFiles();
const node = threadsHere() as Threads;
afterEach(() => {
  vi.useRealTimers();
  setThreads(node);
  process.removeAllListeners("worker");
});

/** Node's own list of the workers that are started from now on, so that one can be ended from outside. */
function watched(): Worker[] {
  const started: Worker[] = [];
  process.on("worker", (worker) => started.push(worker));
  return started;
}

/** Runs a script against the built package in a process of its own; what it prints, and how long it took. */
async function script(code: string): Promise<{ out: string; ms: number }> {
  const prelude = `import { BertModel } from ${JSON.stringify(new URL("../../dist/node.js", import.meta.url).href)};
    const config = ${JSON.stringify(files["config.json"])};
    const weights = Buffer.from(${JSON.stringify(Buffer.from(files["model.safetensors"]).toString("base64"))}, "base64");
    const files = { "config.json": config, "model.safetensors": weights };
    const text = { ids: Int32Array.from({ length: 60 }, (_, t) => t) };`;
  const start = performance.now();
  const run = promisify(execFile)(process.execPath, ["--input-type=module"], { timeout: 60_000 });
  run.child.stdin?.end(prelude + code);
  const { stdout } = await run;
  return { out: stdout.trim(), ms: performance.now() - start };
}

describe("a team", () => {
  it("says how many it is, and why", async () => {
    const model = await BertModel.load({ files }, { threads: 3 });
    expect(model.backend).toMatchObject({ name: "wasm", threads: 3, width: 128 });
    await model.dispose();
    const alone = await BertModel.load({ files }, { threads: 0 });
    expect(alone.backend).toMatchObject({ name: "wasm", threads: 0 });
    expect(alone.backend.reason).toMatch(/calling thread/);
    await alone.dispose();
  });

  it("is content with a quarter of the memory where no more is to be had, as on phones", async () => {
    const { Memory } = WebAssembly;
    const asked: unknown[] = [];
    WebAssembly.Memory = new Proxy(Memory, {
      construct(made, [how]: [WebAssembly.MemoryDescriptor]) {
        asked.push(how.maximum);
        if ((how.maximum ?? 0) > 16384) throw new RangeError("Out of memory");
        return new made(how);
      },
    });
    const model = await BertModel.load({ files }, { threads: 2 }).finally(() => (WebAssembly.Memory = Memory));
    expect(model.backend).toMatchObject({ name: "wasm", threads: 2 });
    expect(asked).toEqual([65536, 32768, 16384]);
    const alone = await BertModel.load({ files }, { threads: 0 });
    expect(await statesOf(model, [1, 2])).toEqual(await statesOf(alone, [1, 2]));
    await Promise.all([model.dispose(), alone.dispose()]);
  });

  it("without shared memory is one worker with its own, which says so and gives the same bits", async () => {
    const started = watched();
    setThreads({ ...node, shared: false });
    const model = await BertModel.load({ files }, { threads: 4 });
    expect(started.length).toBe(1);
    expect(model.backend.threads).toBe(1);
    expect(model.backend.reason).toMatch(/memory cannot be shared/);
    const states = await statesOf(
      model,
      corpus.map((_, n) => n),
    );
    expect(hashOf(states)).toBe(committed.corpus.wasm);
    await model.dispose();
  });

  it("shows the stages of a batch as the calling thread does", async () => {
    const shown = async (threads: number): Promise<[string, number[]][]> => {
      const model = await BertModel.load({ files }, { backend: "wasm", threads });
      const stages: [string, number[]][] = [];
      await model.forward(corpus.slice(7, 10), { see: (name, values) => stages.push([name, Array.from(values)]) });
      await model.dispose();
      return stages;
    };
    expect(await shown(2)).toEqual(await shown(0));
  });

  it("where no worker can start, the calling thread computes and says why; a number of threads is an error", async () => {
    const spawn = (): never => {
      throw new Error("no workers today");
    };
    setThreads({ ...node, spawn });
    const model = await BertModel.load({ files });
    expect(model.backend).toMatchObject({ name: "wasm", threads: 0 });
    expect(model.backend.reason).toMatch(/no workers today/);
    await model.dispose();
    await expect(BertModel.load({ files }, { threads: 2 })).rejects.toThrow(/^threads = 2: .*no workers today/);
  });

  it("where the second cannot be started the first is stopped", async () => {
    let stopped = 0;
    let asked = 0;
    const spawn = (): Thread => {
      if (++asked === 2) throw new Error("no more of them");
      return { post() {}, listen() {}, hold() {}, stop: async () => void stopped++ };
    };
    setThreads({ ...node, spawn });
    await expect(BertModel.load({ files }, { threads: 2 })).rejects.toThrow(/no more of them/);
    expect(stopped).toBe(1);
  });

  it("where no worker comes of the first way, one of the other computes, and the reason says so", async () => {
    const started = watched();
    const spawn = (): never => {
      throw new Error("no workers from there");
    };
    setThreads({ ...node, spawn, spare: () => node.spawn() });
    const model = await BertModel.load({ files }, { threads: 2 });
    expect(model.backend).toMatchObject({ name: "wasm", threads: 2 });
    expect(model.backend.reason).toMatch(/munjang\/inline-worker, because .*no workers from there/);
    expect(started.length).toBe(2);
    await model.dispose();
    // Where that fails too, what is told is why the first did: it is the one to mend.
    const spare = (): never => {
      throw new Error("nor from here");
    };
    setThreads({ ...node, spawn, spare });
    await expect(BertModel.load({ files }, { threads: 2 })).rejects.toThrow(/^threads = 2: .*no workers from there/);
    const alone = await BertModel.load({ files });
    expect(alone.backend).toMatchObject({ name: "wasm", threads: 0 });
    await alone.dispose();
  });

  it("a file that is not there is named, with what to do", async () => {
    const workerUrl = new URL("nowhere/node-worker.js", import.meta.url);
    const load = BertModel.load({ files }, { threads: 2, workerUrl });
    await expect(load).rejects.toThrow(
      /no worker came \(.*nowhere\/node-worker\.js is missing: put munjang\/node-worker there/,
    );
  });

  it.each([-1, 1.5, "2", Number.NaN, 257])("%s threads are refused", async (threads) => {
    await expect(BertModel.load({ files }, { threads: threads as number })).rejects.toThrow(/^threads = /);
  });

  it("threads for a backend that has none are refused", async () => {
    await expect(BertModel.load({ files }, { backend: "js", threads: 2 })).rejects.toThrow(/^threads = 2: .*js/);
  });

  it("where a worker cannot begin, the calling thread computes and says why; a number of threads is an error", async () => {
    const workerUrl = "data:text/javascript,throw new Error('not a worker')";
    await expect(BertModel.load({ files }, { threads: 2, workerUrl })).rejects.toThrow(ModelError);
    const model = await BertModel.load({ files }, { workerUrl });
    expect(model.backend).toMatchObject({ name: "wasm", threads: 0 });
    expect(model.backend.reason).toMatch(/not a worker/);
    await model.dispose();
  });

  it("does not wait for ever for a worker that never answers", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    let stopped = 0;
    const silent = { post() {}, listen() {}, hold() {}, stop: async () => void stopped++ };
    setThreads({ ...node, spawn: () => silent });
    const refused = expect(BertModel.load({ files }, { threads: 2 })).rejects.toThrow(/threads = 2: .*does not answer/);
    for (let i = 0; stopped === 0 && i < 1000; i++) {
      await new Promise((resolve) => setImmediate(resolve)); // compiling takes real time
      vi.advanceTimersByTime(1000);
    }
    await refused;
    expect(stopped).toBe(2);
  });

  it("loses a worker in the middle of a call: the call is rejected, so is every later one, and loading again helps", async () => {
    const started = watched();
    const model = await BertModel.load({ files }, { threads: 2, tokensPerBatch: 500 });
    const numbers = corpus.map((_, n) => n);
    const call = statesOf(model, numbers);
    const other = statesOf(model, numbers); // they take turns, batch by batch
    const outcome = Promise.allSettled([call, other]);
    await new Promise((resolve) => setTimeout(resolve, 30));
    await started[1].terminate();
    const [first, second] = await outcome;
    for (const result of [first, second]) {
      expect(result.status).toBe("rejected");
      expect((result as PromiseRejectedResult).reason).toBeInstanceOf(ModelError);
      expect(String((result as PromiseRejectedResult).reason)).toMatch(/worker has stopped .*load the model again/);
    }
    await expect(statesOf(model, [3])).rejects.toThrow(/load the model again/);
    await model.dispose();
    const again = await BertModel.load({ files }, { threads: 2 });
    expect(hashOf(await statesOf(again, numbers))).toBe(committed.corpus.wasm);
    await again.dispose();
  });

  it("loses a worker between two calls: the next one is rejected", async () => {
    const started = watched();
    const model = await BertModel.load({ files }, { threads: 2 });
    await statesOf(model, [1, 2]);
    await started[0].terminate();
    await expect(statesOf(model, [3])).rejects.toThrow(/load the model again/);
    await model.dispose();
  });

  it("dispose waits for the batch in flight, and then no worker is left", async () => {
    const started = watched();
    const model = await BertModel.load({ files }, { threads: 2 });
    expect(started.length).toBe(2);
    const ended = started.map((worker) => new Promise((resolve) => worker.once("exit", resolve)));
    const call = statesOf(model, [1]);
    await new Promise((resolve) => setTimeout(resolve, 0));
    await model.dispose();
    expect((await call).length).toBe(1);
    await Promise.all(ended); // or the test runs out of time
    await model.dispose(); // twice is nothing new
  });

  it("leaves the calling thread free: 99 of 100 turns of its loop come within 50 ms", async () => {
    const model = await BertModel.load({ files }, { threads: 2 });
    const delays = monitorEventLoopDelay({ resolution: 1 });
    const numbers = corpus.map((_, n) => n);
    delays.enable();
    for (let i = 0; i < 3; i++) await statesOf(model, numbers);
    delays.disable();
    await model.dispose();
    expect(delays.count).toBeGreaterThan(50);
    expect(delays.percentile(99) / 1e6).toBeLessThan(50);
  });
});

describe("a process", () => {
  it("that never calls dispose ends", async () => {
    const { out } = await script(`
      const model = await BertModel.load({ files }, { threads: 2 });
      const { tokenEmbeddings } = await model.forward(text);
      console.log(tokenEmbeddings.shape.join());`);
    expect(out).toBe("1,60,100");
  });

  it("that forgets a call in flight ends when it is done", async () => {
    const { out } = await script(`
      const model = await BertModel.load({ files }, { threads: 2 });
      model.forward(text).then(() => console.log("done"));`);
    expect(out).toBe("done");
  });

  it("uses no CPU while its model has nothing to do", async () => {
    const { out } = await script(`
      const model = await BertModel.load({ files }, { threads: 2 });
      for (let i = 0; i < 20; i++) await model.forward(text);
      await new Promise((resolve) => setTimeout(resolve, 200)); // compilers finish
      const before = process.cpuUsage();
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const { user, system } = process.cpuUsage(before);
      console.log((user + system) / 1000);`);
    expect(Number(out)).toBeLessThan(100); // ms of 1000
  });

  it("does not grow: 2,000 texts of mixed lengths, then 20 models loaded and disposed of", async () => {
    const { out } = await script(`
      const load = () => BertModel.load({ files }, { threads: 2 });
      const encode = async (model, times) => {
        for (let i = 0; i < times; i++) await model.forward({ ids: Int32Array.from({ length: 1 + (i * 67) % 128 }, (_, t) => t) });
      };
      const resident = () => { globalThis.gc?.(); return process.memoryUsage().rss / 2 ** 20; };
      const model = await load();
      await encode(model, 1000);
      const start = resident();
      await encode(model, 2000);
      const encoded = resident();
      for (let i = 0; i < 5; i++) { const other = await load(); await encode(other, 1); await other.dispose(); }
      const before = resident();
      for (let i = 0; i < 20; i++) { const other = await load(); await encode(other, 1); await other.dispose(); }
      console.log(JSON.stringify([encoded - start, resident() - before]));`);
    const [encodes, loads] = JSON.parse(out) as [number, number];
    expect(encodes).toBeLessThan(20); // MB; a leak of one batch's words and states, 100 KB a call, would be 200
    expect(loads).toBeLessThan(40); // a leak of a model's memory, 3 MB and two threads' heaps of 5 MB a time, would be 250
  });
});
