import { forRange, type I32, i32, type Local, type Statement, when } from "./asm.ts";
import { K_BLOCK } from "./layout.ts";

/* What the kernels say again and again. */

/** The bytes of so many floats. */
export function bytesOf(floats: I32): I32 {
  return i32.mul(floats, 4);
}

/** The bytes of the whole parts of `n` things, `part` of them in `bytes` bytes. */
export function whole(n: I32, part: number, bytes: number): I32 {
  return i32.mul(i32.div_u(n, part), bytes);
}

/** Goes over K inputs in K-blocks: `k` is where one begins, `block` how long it is. */
export function forBlocks(k: Local<"i32">, block: Local<"i32">, K: I32, each: () => readonly Statement[]): Statement {
  return forRange(k, 0, K, K_BLOCK, () => [
    block.set(i32.sub(K, k)),
    when(i32.lt_u(K_BLOCK, block), () => [block.set(K_BLOCK)]),
    ...each(),
  ]);
}

/** One of several pieces of code, by a number from 1 up. */
export function choose(n: I32, choices: readonly Statement[]): readonly Statement[] {
  return choices.map((choice, i) => when(i32.eq(n, i + 1), () => [choice]));
}
