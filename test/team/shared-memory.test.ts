import { describe, expect, it } from "vitest";
import { sharesMemory } from "../../src/node-shared-memory.ts";

/* What Bun is asked before a team of workers shares a memory there; here Node answers. */
describe("whether workers share memory", () => {
  it("they do on Node", () => {
    expect(sharesMemory()).toBe(true);
  });

  it("not where the worker gets a copy", () => {
    const write = (memory: WebAssembly.Memory): void => {
      const copy = new Int32Array(memory.buffer.slice(0));
      Atomics.store(copy, 0, 1);
    };
    let stopped = 0;
    const start = (_: string, memory: WebAssembly.Memory): (() => void) => {
      write(memory);
      return () => stopped++;
    };
    expect(sharesMemory(start, 20)).toBe(false);
    expect(stopped).toBe(1);
  });

  it("not where no worker can be started, nor where one never answers", () => {
    const refuse = (): never => {
      throw new Error("no workers here");
    };
    expect(sharesMemory(refuse, 20)).toBe(false);
    expect(sharesMemory(() => () => {}, 20)).toBe(false);
  });
});
