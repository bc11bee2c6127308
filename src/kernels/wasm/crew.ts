import { advance, br, brIf, drop, i32, leave, loop, memoryAtomic, when } from "./asm.ts";
import { ARRIVED, CLAIMED, GENERATION, STOPPED } from "./layout.ts";
import type { ModuleBuilder } from "./module-builder.ts";

/*
 * How threads that run the same operations share them. Work of an operation is claimed piece by piece, so that a thread the machine has
 * taken away for a while holds nobody up for long; then all meet, and only then does the next operation begin. Who computed what does not
 * show in the result.
 */

/** Threads that run the same operations on the same memory. */
export interface Crew {
  /** Which of them this is. */
  readonly index: number;
  readonly count: number;
  /** The next piece of the operation at hand: 0, 1, 2, … among all of them. */
  claim(): number;
  /** Waits for the others, and begins to count the pieces anew. */
  meet(): void;
}

/** A crew of one. */
export function alone(): Crew {
  let next = 0;
  return {
    index: 0,
    count: 1,
    claim: () => next++,
    meet: () => {
      next = 0;
    },
  };
}

/** claim(at): the next piece. */
export function claim(m: ModuleBuilder): void {
  m.func("claim", { at: "i32" }, (p) => [i32.atomic.rmw_add(p.at, 1, CLAIMED)], "i32");
}

/** meet(at, count): returns when `count` threads have called it. */
export function meet(m: ModuleBuilder): void {
  m.func("meet", { at: "i32", count: "i32" }, (p, locals) => {
    /** Looks at the others before going to sleep: most of them are late by less than being woken takes. */
    const LOOKS = 40_000;
    const [generation, looks] = locals("i32", 2);
    const gone = i32.ne(i32.atomic.load(p.at, GENERATION), generation);
    return [
      generation.set(i32.atomic.load(p.at, GENERATION)),
      // Read after the generation, which changes after this is written: whoever misses the one sees the other.
      when(i32.atomic.load(p.at, STOPPED), () => [leave()]),
      when(i32.eq(i32.add(i32.atomic.rmw_add(p.at, 1, ARRIVED), 1), p.count), () => [
        // The last one: nobody claims or arrives until the generation changes.
        i32.atomic.store(p.at, 0, ARRIVED),
        i32.atomic.store(p.at, 0, CLAIMED),
        drop(i32.atomic.rmw_add(p.at, 1, GENERATION)),
        drop(memoryAtomic.notify(p.at, -1, GENERATION)),
        leave(),
      ]),
      loop((again) => [when(gone, () => [leave()]), advance(looks, 1), brIf(again, i32.lt_u(looks, LOOKS))]),
      loop((again) => [
        when(gone, () => [leave()]),
        drop(memoryAtomic.wait32(p.at, generation, GENERATION)),
        br(again),
      ]),
    ];
  });
}

interface CrewFunctions {
  claim(at: number): number;
  meet(at: number, count: number): void;
}

/** One of `count` threads that meet at the address `at`. Its `meet` throws once the crew has been disbanded. */
export function crewMember(
  f: CrewFunctions,
  memory: WebAssembly.Memory,
  at: number,
  index: number,
  count: number,
): Crew {
  const stopped = (at + STOPPED) / 4;
  const words = new Int32Array(memory.buffer);
  return {
    index,
    count,
    claim: () => f.claim(at),
    meet() {
      f.meet(at, count);
      if (Atomics.load(words, stopped) !== 0) throw new Error("another worker has stopped");
    },
  };
}

/** Lets everyone who waits go, and everyone who comes: called when one of the crew is gone and will never arrive. */
export function disband(memory: WebAssembly.Memory, at: number): void {
  const words = new Int32Array(memory.buffer);
  Atomics.store(words, (at + STOPPED) / 4, 1);
  Atomics.add(words, (at + GENERATION) / 4, 1);
  Atomics.notify(words, (at + GENERATION) / 4);
}
