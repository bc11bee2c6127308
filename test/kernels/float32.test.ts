import { describe, expect, it } from "vitest";
import type { Batch } from "../../src/base/batch.ts";
import { tensor } from "../../src/base/tensor.ts";
import type { Activation } from "../../src/kernels/kernels.ts";
import { arena, growing, put } from "../../src/kernels/wasm/arena.ts";
import type { Crew } from "../../src/kernels/wasm/crew.ts";
import { storing, wasm, wasmOf, writeConstants } from "../../src/kernels/wasm/index.ts";
import { GROUP, ROWS } from "../../src/kernels/wasm/layout.ts";
import { FIRST_FREE, type Functions, kernelModule } from "../../src/kernels/wasm/module.ts";
import { OWN_ROWS, operations, packedRoom } from "../../src/kernels/wasm/operations.ts";
import type { Tile } from "../../src/kernels/wasm/row-tiles.ts";
import { panelOf, variant } from "../../src/kernels/wasm/variants.ts";
import * as model from "./float32.ts";
import { type Bench, benchOf, mixed, sameBits } from "./same-bits.ts";
import { STRICT_TILES } from "./tiles.ts";

/*
 * The very bits of the wasm backend, against the same arithmetic written down one rounding at a time. Sizes cross every edge there is:
 * K-blocks of 256, groups of 64 columns, panels of 8, tiles of 5 and 10 rows, vectors of 4, chunks of 512 rows.
 */

describe("sameBits", () => {
  const values = Float32Array.of(1, 0, Math.PI);
  it("passes what is the same", () => expect(() => sameBits(values, values.slice(), "")).not.toThrow());
  it("fails a last place, the sign of a zero, a number too few", () => {
    for (const wrong of [values.with(2, Math.PI + 2 ** -22), values.with(1, -0), values.slice(1)])
      expect(() => sameBits(wrong, values, "")).toThrow();
  });
});

function batchOf(lengths: readonly number[]): Batch {
  const starts = new Int32Array(lengths.length + 1);
  for (const [n, L] of lengths.entries()) starts[n + 1] = starts[n] + L;
  const T = starts[lengths.length];
  const positions = Int32Array.from(lengths.flatMap((L) => Array.from({ length: L }, (_, t) => t)));
  return { ids: new Int32Array(T), positions, typeIds: Int32Array.from({ length: T }, (_, t) => t % 2), starts };
}

async function benchOfTile(tile: Tile): Promise<Bench> {
  const kind = { ...variant("wasm", 128), tile };
  return benchOf(await wasmOf(new WebAssembly.Module(kernelModule(tile, false)), kind));
}

const ACTS: (Activation | undefined)[] = [undefined, "gelu", "gelu_tanh", "relu"];

async function checkLinear({ kernels: k, put, out }: Bench, T: number, K: number, N: number): Promise<void> {
  const random = mixed(T * 100003 + K * 101 + N);
  const [x, weight, bias] = [random(T * K), random(N * K), random(N)];
  const w = k.prepare(tensor(weight, [N, K]), tensor(bias, [N]));
  const act = ACTS[(T + K + N) % 4];
  const y = out(T * N);
  k.linear(y.at, put(x), w, T, act);
  sameBits(await y.read(), model.linear(x, weight, bias, T, act), `linear ${T} x ${K} x ${N} ${act}`);
}

async function checkAttention(
  { kernels: k, put, out }: Bench,
  lengths: readonly number[],
  heads: number,
  D: number,
): Promise<void> {
  const batch = batchOf(lengths);
  const [T, H] = [batch.ids.length, heads * D];
  const qkv = mixed(T * 31 + H)(T * 3 * H);
  const y = out(T * H);
  k.attention(y.at, put(qkv), batch, heads, H);
  sameBits(await y.read(), model.attention(qkv, batch, heads, H), `attention ${lengths}, ${heads} heads of ${D}`);
}

async function checkLayerNorm({ kernels: k, put, out }: Bench, T: number, H: number): Promise<void> {
  const random = mixed(T * 31 + H);
  const [x, residual, gain, shift] = [random(T * H), random(T * H), random(H), random(H)];
  for (const epsilon of [1e-12, 1e-5, 0.3]) {
    for (const added of [null, residual]) {
      const y = out(T * H);
      const norm = { gain: put(gain), shift: put(shift), epsilon };
      k.layerNorm(y.at, put(x), added && put(added), norm, T, H);
      const wanted = model.layerNorm(x, added, { gain, shift, epsilon }, T);
      sameBits(await y.read(), wanted, `layerNorm ${T} x ${H}, ${added === null ? "no " : ""}residual, ${epsilon}`);
    }
  }
}

async function checkEmbed({ kernels: k, put, out }: Bench, lengths: readonly number[], H: number): Promise<void> {
  const batch = batchOf(lengths);
  const T = batch.ids.length;
  const random = mixed(T * 31 + H);
  const [words, position, type] = [random(T * H), random(Math.max(...lengths) * H), random(2 * H)];
  const y = out(T * H);
  k.embed(y.at, put(words), { position: put(position), type: put(type) }, batch, H);
  sameBits(await y.read(), model.embed(words, { position, type }, batch, H), `embed ${lengths} x ${H}`);
}

// Around every multiple of the steps of eight and of the blocks of 256, past the third.
const KS = [1, 2, 3, 7, 8, 9, 15, 17, 31, 64, 65, 127, 248, 255, 256, 257, 264, 300, 511, 512, 513, 520];
const NS = [1, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 63, 64, 65, 71, 72, 73, 130];
const TS = [...Array.from({ length: 23 }, (_, i) => i + 1), 61];
const FEW: [number, number][] = [
  [20, 9],
  [3, 70],
  [260, 3],
];
const LENGTHS = Array.from({ length: 70 }, (_, i) => i + 1);

describe("wasm() has the bits of float32 arithmetic", () => {
  it.each(TS)("linear, %i tokens, inputs and outputs of every kind", async (T) => {
    const bench = benchOf(await wasm());
    for (const [i, K] of KS.entries()) await checkLinear(bench, T, K, NS[(i * 5 + T * 7) % NS.length]);
  });

  it.each(KS)("linear, %i inputs with every number of outputs", async (K) => {
    const bench = benchOf(await wasm());
    for (const [i, N] of NS.entries()) await checkLinear(bench, TS[(i * 5 + K) % 11], K, N);
  });

  it.each([511, 512, 513, 1030])("linear, %i tokens, more than are taken at a time", async (T) => {
    const bench = benchOf(await wasm());
    for (const [K, N] of FEW) await checkLinear(bench, T, K, N);
  });

  it("linear after a larger one: nothing of it is left", async () => {
    const bench = benchOf(await wasm());
    await checkLinear(bench, 61, 520, 130);
    for (const T of [1, 4, 5, 12]) await checkLinear(bench, T, KS[T], NS[T]);
  });

  it.each([
    [1, 1],
    [2, 3],
    [3, 5],
    [1, 16],
    [4, 7],
  ])("attention, %i heads of %i numbers, one sentence of 1 to 70 tokens", async (heads, D) => {
    const bench = benchOf(await wasm());
    for (const L of LENGTHS) await checkAttention(bench, [L], heads, D);
  });

  it.each([
    [1, 9],
    [3, 4],
    [5, 2],
    [2, 33],
  ])("attention, %i heads of %i numbers, sentences of mixed lengths", async (heads, D) => {
    const bench = benchOf(await wasm());
    await checkAttention(bench, [3, 1, 12, 70, 1, 1, 8, 9, 23], heads, D);
    await checkAttention(bench, [2, 1], heads, D); // shorter ones after them: nothing is left
  });

  it("attention, more keys than a K-block, a head wider than one, more tokens than are taken at a time", async () => {
    const bench = benchOf(await wasm());
    await checkAttention(bench, [255, 256, 257, 2], 1, 3);
    await checkAttention(bench, [5, 17], 1, 300);
    await checkAttention(bench, [530], 1, 2);
  });

  it.each([0x7fc00000, 0xffc00000, 0x7fc00001, 0x7fffffff])(
    "attention, a NaN of bits %i spoils what it should",
    async (nan) => {
      const bench = benchOf(await wasm());
      const [heads, D, L] = [2, 3, 11];
      const H = heads * D;
      const batch = batchOf([4, L]);
      const T = 4 + L;
      for (const part of [0, 1, 2]) {
        for (const token of [4, 7, 12, 14]) {
          const qkv = mixed(token)(T * 3 * H);
          new Uint32Array(qkv.buffer)[token * 3 * H + part * H + D + 1] = nan; // second head, second number
          const y = bench.out(T * H);
          bench.kernels.attention(y.at, bench.put(qkv), batch, heads, H);
          const spoilt = Array.from(await bench.kernels.read(y.at, T * H), Number.isNaN);
          const wanted = spoilt.map((_, i) => {
            const [t, column] = [Math.floor(i / H), i % H];
            if (t < 4 || column < D) return false; // another sentence, another head
            return part === 0 ? t === token : part === 1 || column === D + 1;
          });
          expect(spoilt).toEqual(wanted);
        }
      }
    },
  );

  it("layerNorm, rows of every kind", async () => {
    const bench = benchOf(await wasm());
    for (const H of [...LENGTHS, 255, 256, 257, 300]) await checkLayerNorm(bench, 1 + (H % 5), H);
  });

  it("embed", async () => {
    const bench = benchOf(await wasm());
    for (const H of [1, 2, 3, 4, 5, 31, 64, 65]) await checkEmbed(bench, [3, 1, 12, 2], H);
  });
});

/* Tiles of other shapes pack everything otherwise, and come to the same. Wide ones are narrow ones that the engine runs in pairs. */
describe.each<Tile>([
  ...STRICT_TILES,
  { rows: 1, vectors: 1, unroll: 1 },
  { rows: 3, vectors: 1, unroll: 3 },
  { rows: 4, vectors: 4, unroll: 8 },
  { rows: 3, rowsOfPairs: 2, vectors: 1, unroll: 2 },
])("a tile of $rows rows ($rowsOfPairs), $vectors vectors, $unroll steps has the same bits", (tile) => {
  it("linear", async () => {
    const bench = await benchOfTile(tile);
    for (const [i, T] of TS.entries()) {
      await checkLinear(bench, T, KS[(i * 5) % KS.length], NS[(i * 7) % NS.length]);
      await checkLinear(bench, T, KS[(i * 3 + 11) % KS.length], NS[(i * 11 + 5) % NS.length]);
    }
  });

  it("attention", async () => {
    const bench = await benchOfTile(tile);
    for (const L of [1, 2, 3, 5, 8, 10, 11, 16, 17, 23, 61]) await checkAttention(bench, [L, 7], 2, 1 + (L % 9));
    await checkAttention(bench, [257], 1, 3);
  });
});

/**
 * Members of a crew one after the other on one memory, in place of side by side: all do their own share, and the last claims all there is to
 * claim. Works where an operation needs no more than that of the others, which is to have packed their rows.
 */
async function benchOfCrew(count: number, own: boolean): Promise<Bench> {
  const kind = variant("wasm", 128);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
  const { exports } = await WebAssembly.instantiate(new WebAssembly.Module(kernelModule(kind.tile, false)), {
    env: { memory },
  });
  const room = arena(memory, FIRST_FREE);
  writeConstants(room);
  const packed = growing(room.take);
  const zeros = room.take(GROUP);
  const members = Array.from({ length: count }, (_, index) => {
    let next = 0;
    const crew: Crew = {
      index,
      count,
      claim: () => (index === count - 1 ? next++ : Infinity),
      meet: () => {
        next = 0;
      },
    };
    const rooms = {
      packed,
      zeros,
      scratch: growing(room.take),
      sums: room.take(ROWS * GROUP),
      own: own ? room.take(packedRoom(OWN_ROWS, Math.max(...KS))) : 0,
    };
    return operations(exports as unknown as Functions, room.floats, panelOf(kind), crew, rooms);
  });
  const each =
    <A extends unknown[]>(operation: (member: ReturnType<typeof operations>) => (...args: A) => void) =>
    (...args: A): void => {
      for (const member of members) operation(member)(...args);
    };
  return benchOf({
    name: "crew",
    ...storing(room, panelOf(kind)),
    write: (to, values) => put(room, to, values),
    read: async (from, length) => room.floats().slice(from / 4, from / 4 + length),
    dispose: async () => {},
    embed: each((member) => member.embed),
    linear: each((member) => member.linear),
    attention: each((member) => member.attention),
    layerNorm: each((member) => member.layerNorm),
  });
}

describe("product reads its operands and nothing past them, however far ahead", () => {
  const pages = 8;
  it.each(STRICT_TILES)("$rows rows of $vectors vectors, $unroll steps", (tile) => {
    const P = 4 * tile.vectors;
    const memory = new WebAssembly.Memory({ initial: pages, maximum: 65536 });
    const module = new WebAssembly.Module(kernelModule(tile, false));
    const { product } = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Functions;
    const end = 65536 * pages;
    for (const T of [1, 5, 10, 11, 12, 20, 23, 60, 61, 101, 250]) {
      for (const K of [1, 7, 8, 9, 64, 256, 257]) {
        for (const panels of [1, 2, 3, 64 / P].filter((count) => 4 * count * P * K < end / 4)) {
          const [sums, free] = [0, 4 * panels * T * P];
          const sizes = { x: 4 * T * K, group: 4 * panels * P * K, bias: 4 * panels * P };
          // Each of them once where memory ends: one byte more would trap. Behind weights there is always room for the rest of a vector
          // that begins at the last number (arena.ts), and reading ahead in steps of less than a number may touch it.
          for (const last of ["x", "group", "bias"] as const) {
            const spare = last === "group" ? 12 : 0;
            const at = (name: keyof typeof sizes): number => (name === last ? end - spare - sizes[name] : free);
            expect(() => product(sums, at("x"), at("group"), at("bias"), T, K, panels)).not.toThrow();
          }
        }
      }
    }
  });
});

describe.each([1, 2, 3, 7])("the shares of %i threads are the whole", (count) => {
  it.each([false, true])("linear, few rows packed by each for itself: %s", async (own) => {
    const bench = await benchOfCrew(count, own);
    for (const [i, T] of TS.entries()) await checkLinear(bench, T, KS[(i * 5) % KS.length], NS[(i * 7) % NS.length]);
  });
  it("layerNorm, embed, attention", async () => {
    const bench = await benchOfCrew(count, false);
    for (const T of TS) {
      await checkLayerNorm(bench, T, 5 + (T % 4));
      await checkEmbed(bench, [T, 2], 3);
      await checkAttention(bench, [T, 2], 2, 3);
    }
  });
});
