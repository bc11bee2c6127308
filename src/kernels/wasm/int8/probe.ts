import { moduleBuilder } from "../module-builder.ts";
import { i32x4, v128 } from "./asm.ts";
import type { Dot } from "./dots.ts";
import type { Bits } from "./layout.ts";

/**
 * The fastest instructions for whole numbers here, found out in microseconds: by what the relaxed dot product makes of a number it is not
 * meant for. 255 as one byte of the second operand: the x64 instructions of old, which engines use in its place where the CPU has no better,
 * add two products in 16 bits and stop at 32767; the new ones (VNNI), and those of ARM, do not. Numbers it is meant for it must get right:
 * V8 11, behind a flag, does not.
 */
export function fastestDot(bits: Bits): Dot {
  if (bits !== 7) return "pairs2"; // relaxed dot products are exact for bytes of 7 bits alone
  const [meant, beyond] = [dotOf(-127, 127), dotOf(127, 255)];
  if (meant !== -127 * 127 * 4) return "pairs2";
  return beyond === 2 * 32767 ? "pairs4" : "add4";
}

/** One lane of the relaxed dot product of bytes that are all the same; undefined where the engine does not have it. */
function dotOf(a: number, b: number): number | undefined {
  const m = moduleBuilder({ shared: false, maximum: 1 });
  m.func("dot", {}, () => [
    v128.store(32, i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(0), v128.load(16), v128.load(32))),
  ]);
  const bytes = m.bytes();
  if (!WebAssembly.validate(bytes)) return undefined;
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  new Int8Array(memory.buffer).fill(a, 0, 16).fill(b, 16, 32);
  (new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } }).exports.dot as () => void)();
  return new Int32Array(memory.buffer, 32)[0];
}
