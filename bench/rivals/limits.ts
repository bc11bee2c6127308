/**
 * How fast WebAssembly can multiply and add here, in GFLOP/s: what kernels are judged by. Two limits, each the best of a few shapes:
 * `register`, a loop that touches no memory, and `cached`, a register tile whose rows and weights stand in the first-level cache. Built
 * with the assembler of the backend but not with its tiles, so that a slower tile there does not lower the limit.
 */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { brIf, f32x4, i32, type Local, loop, type Statement, v128 } from "../../src/kernels/wasm/asm.ts";
import { type ModuleBuilder, moduleBuilder } from "../../src/kernels/wasm/module-builder.ts";
import type { Rates } from "./protocol.ts";

/** Bits: 128 as written, 256 where V8 pairs neighbours (its flag is set by whoever starts the process). */
type Width = 128 | 256;

/** Steps of k that the cached tile goes over, and the steps in one turn of its loop. */
const K = 256;
const UNROLL = 8;

/** Chains of additions that are under way at once: enough to hide both latencies, few enough for sixteen registers. */
const CHAINS = [10, 12];
const TILES = [
  { rows: 4, registers: 2 },
  { rows: 5, registers: 2 },
  { rows: 6, registers: 2 },
];

interface Function {
  readonly name: string;
  /** Floating-point operations of one turn. */
  readonly flops: number;
}

/**
 * register(at, turns): a = a · x + w in every chain. It tends to a constant, so nothing grows and nothing is denormal; a product of two
 * loop constants would be taken out of the loop.
 */
function registers(m: ModuleBuilder, chains: number, vectors: number): Function {
  const name = `register${chains}`;
  m.func(name, { at: "i32", turns: "i32" }, (p, locals) => {
    const acc = Array.from({ length: chains }, () => locals("v128", vectors));
    const [x] = locals("v128");
    const w = locals("v128", vectors);
    return [
      x.set(v128.load32_splat(p.at)),
      ...w.map((v, j) => v.set(v128.load(p.at, 16 * j))),
      ...acc.flatMap((row, i) => row.map((a, j) => a.set(v128.load(p.at, 16 * (i * vectors + j))))),
      loop((again) => [
        ...Array.from({ length: UNROLL }, () =>
          acc.flatMap((row) => row.map((a, j) => a.set(f32x4.add(f32x4.mul(a, x), w[j])))),
        ).flat(),
        p.turns.set(i32.sub(p.turns, 1)),
        brIf(again, p.turns),
      ]),
      ...acc.flatMap((row, i) => row.map((a, j) => v128.store(p.at, a, 16 * (i * vectors + j)))),
    ];
  });
  return { name, flops: 2 * 4 * vectors * chains * UNROLL };
}

/** tile(at, turns): rows times vectors of sums over K steps, again and again from the same 20 KB: x [K][rows], w [K][4 · vectors], sums. */
function cached(m: ModuleBuilder, rows: number, vectors: number): Function {
  const name = `cached${rows}x${4 * vectors}`;
  const width = 16 * vectors;
  m.func(name, { at: "i32", turns: "i32" }, (p, locals) => {
    const acc = Array.from({ length: rows }, () => locals("v128", vectors));
    const w = locals("v128", vectors);
    const [x] = locals("v128");
    const [row, weight, end] = locals("i32", 3);
    const each = (act: (a: Local<"v128">, offset: number) => Statement): Statement[] =>
      acc.flatMap((sums, i) => sums.map((a, j) => act(a, i * width + 16 * j)));
    const weightsAt = rows * width;
    const rowsAt = weightsAt + K * width;
    return [
      loop((again) => [
        ...each((a) => a.set(f32x4.const(0))),
        weight.set(i32.add(p.at, weightsAt)),
        end.set(i32.add(weight, K * width)),
        row.set(i32.add(p.at, rowsAt)),
        loop((more) => [
          ...Array.from({ length: UNROLL }, (_, u) => [
            ...w.map((v, j) => v.set(v128.load(weight, u * width + 16 * j))),
            ...acc.flatMap((sums, i) => [
              x.set(v128.load32_splat(row, 4 * (u * rows + i))),
              ...sums.map((a, j) => a.set(f32x4.add(a, f32x4.mul(x, w[j])))),
            ]),
          ]).flat(),
          row.set(i32.add(row, 4 * rows * UNROLL)),
          weight.set(i32.add(weight, width * UNROLL)),
          brIf(more, i32.ne(weight, end)),
        ]),
        ...each((a, offset) => a.set(f32x4.add(v128.load(p.at, offset), a))),
        ...each((a, offset) => v128.store(p.at, a, offset)),
        p.turns.set(i32.sub(p.turns, 1)),
        brIf(again, p.turns),
      ]),
    ];
  });
  return { name, flops: 2 * rows * 4 * vectors * K };
}

/** Best rates of this thread. Every shape gets its part of the time, twice, so that one slow moment does not decide. */
async function measure(width: Width, milliseconds: number): Promise<Rates> {
  const m = moduleBuilder({ shared: false, maximum: 2 });
  const vectors = width / 128;
  const functions = [
    ...CHAINS.map((chains) => registers(m, chains, vectors)),
    ...TILES.map(({ rows, registers: count }) => cached(m, rows, count * vectors)),
  ];
  const memory = new WebAssembly.Memory({ initial: 2, maximum: 2 });
  const { instance } = await WebAssembly.instantiate(m.bytes(), { env: { memory } });
  const run = instance.exports as Record<string, (at: number, turns: number) => void>;
  new Float32Array(memory.buffer).fill(0.001);
  const best: Record<string, number> = { register: 0, cached: 0 };
  for (const round of ["warm", "first", "second"]) {
    for (const { name, flops } of functions) {
      const turns = Math.ceil(2e6 / flops);
      const start = performance.now();
      let [calls, passed] = [0, 0];
      do {
        run[name](0, turns);
        calls++;
        passed = performance.now() - start;
      } while (passed < milliseconds / functions.length / 3);
      const kind = name.startsWith("register") ? "register" : "cached";
      if (round !== "warm") best[kind] = Math.max(best[kind], (calls * turns * flops) / passed / 1e6);
    }
  }
  return best;
}

/** GFLOP/s of all threads together, each with its own memory. */
export async function kernelLimits(width: Width, threads: number, milliseconds: number): Promise<Rates> {
  if (threads === 1) return measure(width, milliseconds);
  const each = Array.from(
    { length: threads },
    () =>
      new Promise<Rates>((resolve, reject) => {
        const worker = new Worker(import.meta.filename, { workerData: { width, milliseconds } });
        worker.once("message", resolve).once("error", reject);
      }),
  );
  const all = await Promise.all(each);
  return Object.fromEntries(Object.keys(all[0]).map((key) => [key, all.reduce((sum, rates) => sum + rates[key], 0)]));
}

if (!isMainThread && workerData?.width !== undefined) {
  const { width, milliseconds } = workerData as { width: Width; milliseconds: number };
  parentPort?.postMessage(await measure(width, milliseconds));
}
