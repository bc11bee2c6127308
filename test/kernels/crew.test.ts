import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { claim, crewMember, disband, meet } from "../../src/kernels/wasm/crew.ts";
import { CREW } from "../../src/kernels/wasm/module.ts";
import { moduleBuilder } from "../../src/kernels/wasm/module-builder.ts";

/* How the threads of a crew share pieces of work and wait for each other, on the code itself: a module of nothing but claim and meet. */

const builder = moduleBuilder({ shared: true, maximum: 1 });
claim(builder);
meet(builder);
const module = new WebAssembly.Module(builder.bytes());

const newMemory = () => new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });

/** Where pieces are ticked off, [rounds, pieces], far from the crew's words. */
const TICKS = 8192;

/**
 * Each member claims pieces until there are none, ticks them off and meets the others; then it looks whether all of the round's pieces have
 * been ticked off once. Member `slow` sits on its pieces for a while, so that whoever does not wait for it sees them missing.
 */
const MEMBER = `
  const { parentPort, workerData: { module, memory, CREW, TICKS, count, rounds, pieces, slow, index } } = require("node:worker_threads");
  const { claim, meet } = new WebAssembly.Instance(module, { env: { memory } }).exports;
  const words = new Int32Array(memory.buffer);
  const faults = [];
  for (let round = 0; round < rounds; round++) {
    const row = TICKS / 4 + round * pieces;
    for (let piece = claim(CREW); piece < pieces; piece = claim(CREW)) {
      if (index === slow && round % 10 === 0) Atomics.wait(words, 0, 0, 3);
      Atomics.add(words, row + piece, 1);
    }
    if (index === slow && round % 10 === 1) Atomics.wait(words, 0, 0, 3); // or comes late
    meet(CREW, count);
    for (let piece = 0; piece < pieces; piece++) {
      const ticks = Atomics.load(words, row + piece);
      if (ticks !== 1 && faults.length < 3) faults.push("round " + round + ", piece " + piece + ": " + ticks);
    }
  }
  parentPort.postMessage(faults);`;

describe.each([2, 3, 5])("a crew of %i", (count) => {
  it.each([
    [0, 7],
    [count - 1, 1],
    [0, 1 + count],
  ])("does every piece once, and goes on together; %i is slow, %i pieces", async (slow, pieces) => {
    const memory = newMemory();
    const rounds = 100;
    const workers = Array.from({ length: count }, (_, index) => {
      const workerData = { module, memory, CREW, TICKS, count, rounds, pieces, slow, index };
      return new Worker(MEMBER, { eval: true, workerData });
    });
    const faults = await Promise.all(
      workers.map((worker) => new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject))),
    );
    expect(faults).toEqual(Array(count).fill([]));
    await Promise.all(workers.map((worker) => worker.terminate()));
    const words = new Int32Array(memory.buffer, TICKS);
    expect(words.subarray(0, rounds * pieces).every((ticks) => ticks === 1)).toBe(true);
    expect(words.subarray(rounds * pieces).every((ticks) => ticks === 0)).toBe(true);
  });
});

describe("one member", () => {
  const alone = (memory: WebAssembly.Memory, count: number) => {
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    const f = exports as unknown as { claim(at: number): number; meet(at: number, count: number): void };
    return crewMember(f, memory, CREW, 0, count);
  };

  it("claims 0, 1, 2, …, anew after each meeting", () => {
    const crew = alone(newMemory(), 1);
    for (let round = 0; round < 3; round++) {
      expect([crew.claim(), crew.claim(), crew.claim()]).toEqual([0, 1, 2]);
      crew.meet();
    }
    crew.meet();
    expect(crew.claim()).toBe(0);
  });

  it("waits no more once the crew is disbanded, and says so", () => {
    const memory = newMemory();
    const crew = alone(memory, 2);
    disband(memory, CREW);
    expect(() => crew.meet()).toThrow("another worker has stopped"); // the second would never come
  });

  it("is woken when the crew is disbanded while it sleeps", { timeout: 10_000 }, async () => {
    const memory = newMemory();
    const script = `
      const { parentPort, workerData: { module, memory, CREW } } = require("node:worker_threads");
      const { meet } = new WebAssembly.Instance(module, { env: { memory } }).exports;
      parentPort.postMessage("here");
      meet(CREW, 2);
      parentPort.postMessage("woken");`;
    const worker = new Worker(script, { eval: true, workerData: { module, memory, CREW } });
    const told = (word: string) =>
      new Promise<void>((resolve) => worker.on("message", (message) => message === word && resolve()));
    const woken = told("woken");
    await told("here");
    await new Promise((resolve) => setTimeout(resolve, 100)); // past its looking around, asleep
    disband(memory, CREW);
    await woken;
    await worker.terminate();
  });
});
