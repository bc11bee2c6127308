import { f32x4, forRange, type V128, v128 } from "../../src/kernels/wasm/asm.ts";
import { moduleBuilder } from "../../src/kernels/wasm/module-builder.ts";

/**
 * GFLOP/s of a loop that touches nothing but registers: as many chains as a tile has, each multiplied and added to, 128 bits at a time. No
 * product of matrices can be faster with these instructions on one core.
 */
export async function peak(fused: boolean): Promise<number> {
  const [CHAINS, UNROLL, TURNS] = [13, 4, 1_000_000]; // with x, y and a product that makes all 16 registers
  const next = (sum: V128, x: V128, y: V128): V128 =>
    fused ? f32x4.relaxed_madd(sum, x, y) : f32x4.add(f32x4.mul(sum, x), y);
  const m = moduleBuilder({ shared: false, maximum: 1 });
  m.func("run", { turns: "i32" }, (p, locals) => {
    const [turn] = locals("i32");
    const chains = locals("v128", CHAINS);
    const [x, y] = locals("v128", 2);
    return [
      x.set(f32x4.const(0.5)),
      y.set(f32x4.const(0.25)),
      ...chains.map((chain, i) => chain.set(f32x4.const(i))),
      forRange(turn, 0, p.turns, 1, () =>
        Array.from({ length: UNROLL }, () => chains.map((chain) => chain.set(next(chain, x, y)))).flat(),
      ),
      ...chains.map((chain, i) => v128.store(16 * i, chain)),
    ];
  });
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const { instance } = await WebAssembly.instantiate(m.bytes(), { env: { memory } });
  const run = instance.exports.run as (turns: number) => void;
  let best = 0;
  for (let i = 0; i < 8; i++) {
    const start = performance.now();
    run(TURNS);
    best = Math.max(best, (2 * 4 * CHAINS * UNROLL * TURNS) / 1e6 / (performance.now() - start));
  }
  return best;
}
