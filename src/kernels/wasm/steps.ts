import { forRange, type I32, i32, type Local, type Statement, when } from "./asm.ts";
import { K_BLOCK } from "./layout.ts";
import type { NewLocals } from "./module-builder.ts";

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

/**
 * Splits T rows into as few tiles of at most `most` rows as will do, of heights that differ by one at most. Calls `each` for every tile,
 * with `height` set; between them `each` moves its own pointers.
 */
export function forRowTiles(
  T: Local<"i32">,
  most: number,
  locals: NewLocals,
  each: (height: Local<"i32">) => readonly Statement[],
): readonly Statement[] {
  const [tiles, low, higher, t, height] = locals("i32", 5);
  return [
    tiles.set(rowTiles(T, most)),
    low.set(i32.div_u(T, tiles)),
    higher.set(i32.rem_u(T, tiles)),
    forRange(t, 0, tiles, 1, () => [height.set(i32.add(low, i32.lt_u(t, higher))), ...each(height)]),
  ];
}

/** How many tiles of at most `most` rows T rows take. */
export function rowTiles(T: I32, most: number): I32 {
  return i32.div_u(i32.add(T, most - 1), most);
}

/** One of several pieces of code, by a number from 1 up. */
export function choose(n: I32, choices: readonly Statement[]): readonly Statement[] {
  return choices.map((choice, i) => when(i32.eq(n, i + 1), () => [choice]));
}
