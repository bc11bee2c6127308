import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  type Contender,
  type GpuResult,
  inShort,
  type OneGpuResult,
  onHardware,
  page,
  summary,
} from "../bench/gpu/table.ts";
import { goldenFolder } from "./golden/read.ts";

/* The bench of GPU backends is plain JavaScript, since it runs in pages and in runtimes as it is. */

interface Given {
  readonly T: number;
  readonly K: number;
  readonly N: number;
  readonly x: Float32Array;
  readonly weight: Float32Array;
  readonly turned: Float32Array;
}
interface Found {
  readonly worst: number | null;
  readonly wrong?: string;
}
interface Runner {
  readonly name: string;
  readonly flop?: number;
  run(n: number): Promise<void>;
}

const load = async <M>(file: string): Promise<M> =>
  (await import(new URL(`../bench/gpu/${file}`, import.meta.url).href)) as M;
const products = await load<{
  operands(T: number, K: number, N: number): Given;
  check(out: Float32Array, given: Given, half?: boolean): Found;
}>("products.js");
const vectors = await load<{ check(rows: Float32Array[], expected: number[][], half?: boolean): Found }>("encodes.js");
const { interleaved, PEAK } = await load<{
  interleaved(of: Runner[], how: object): Promise<Required<Contender>[]>;
  PEAK: string;
}>("measure.js");
const { matMulModel } = await load<{ matMulModel(given: Given): Uint8Array }>("onnx.js");

describe("the check of a product", () => {
  const given = products.operands(9, 200, 5);
  const { T, K, N, x, turned } = given;
  const product = (term: (t: number, k: number, n: number) => number): Float32Array =>
    Float32Array.from({ length: T * N }, (_, i) => {
      let sum = 0;
      for (let k = 0; k < K; k++) sum += term(Math.floor(i / N), k, i % N);
      return sum;
    });
  const right = product((t, k, n) => x[t * K + k] * turned[k * N + n]);

  it("lets the right one pass, and weights of float16 where they are told of", () => {
    expect(products.check(right, given)).toEqual({ worst: expect.any(Number) });
    const half = product((t, k, n) => x[t * K + k] * Number((turned[k * N + n] * 2048).toFixed(0)) * 2 ** -11);
    expect(products.check(half, given).wrong).toMatch(/row 0, column 0/);
    expect(products.check(half, given, true).wrong).toBeUndefined();
  });
  it.each([
    ["zeros", right.map(() => 0)],
    ["a NaN at its end", right.with(T * N - 1, Number.NaN)],
    [
      "two rows swapped",
      Float32Array.of(...right.subarray(N, 2 * N), ...right.subarray(0, N), ...right.subarray(2 * N)),
    ],
    ["a row missing", right.subarray(N)],
    ["sums one term short", product((t, k, n) => (k === K - 1 ? 0 : x[t * K + k] * turned[k * N + n]))],
  ])("refuses %s", (_, out) => {
    expect(products.check(out, given).wrong).toBeDefined();
    expect(products.check(out, given, true).wrong).toBeDefined();
  });
});

describe("the check of vectors", () => {
  const expected = [
    [0.5, -0.25],
    [1, 2],
  ];
  const rows = expected.map((row) => Float32Array.from(row));
  it("bounds every element", () => {
    expect(vectors.check(rows, expected)).toEqual({ worst: 0 });
    const off = (by: number): Float32Array[] => [rows[0], Float32Array.of(1, 2 + by)];
    expect(vectors.check(off(1e-3), expected).wrong).toMatch(/off by/);
    expect(vectors.check(off(1e-3), expected, true).wrong).toBeUndefined();
    expect(vectors.check(off(1e-1), expected, true).wrong).toMatch(/off by/);
    expect(vectors.check(off(Number.NaN), expected, true).wrong).toMatch(/NaN/);
    expect(vectors.check([rows[0]], expected).wrong).toMatch(/undefined numbers/);
  });
});

describe("taking turns", () => {
  afterEach(() => vi.restoreAllMocks());

  /** A clock that only work moves: of each contender the milliseconds of a call, by how often it has been called. */
  function clocked(
    took: Record<string, (call: number) => number>,
    flop?: number,
  ): { runners: Runner[]; order: string[] } {
    let now = 0;
    vi.spyOn(performance, "now").mockImplementation(() => now);
    const order: string[] = [];
    const runners = Object.entries(took).map(([name, ms]) => {
      let calls = 0;
      return {
        name,
        flop,
        async run(n: number) {
          order.push(name);
          for (let i = 0; i < n; i++) now += ms(calls++);
        },
      };
    });
    return { runners, order };
  }

  it("compares within a round, with the base and with the peak", async () => {
    // The machine slows down from round to round, for all of them alike.
    const slower = (ms: number) => (call: number) => ms * Math.max(1, call);
    const { runners, order } = clocked({ a: slower(200), b: slower(400), [PEAK]: slower(100) }, 1e6);
    const [a, b, peak] = await interleaved(runners, { base: "a", rounds: 3, milliseconds: 200 });
    expect(a.milliseconds).toEqual({ min: 200, median: 400, max: 600 });
    expect(a.gflops.max).toBe(0.005);
    expect(b.ratio).toEqual({ min: 0.5, median: 0.5, max: 0.5 });
    expect(a.ofPeak.median).toBeGreaterThan(0.3);
    expect(peak.ratio).toBeUndefined();
    expect(order.slice(3, 5)).toEqual(["a", "b"]);
  });

  it("asks the slow less often, and has no ratio without its base", async () => {
    const { runners, order } = clocked({ fast: () => 50, slow: () => 4000 });
    const [fast, slow] = await interleaved(runners, { base: "absent", rounds: 9, milliseconds: 200, patience: 10_000 });
    expect([fast.rounds, slow.rounds]).toEqual([9, 3]);
    expect([fast.inARow, slow.inARow]).toEqual([4, 1]);
    expect(order.filter((name) => name === "slow").length).toBe(4);
    expect([fast.ratio, slow.ratio]).toEqual([undefined, undefined]);
  });
});

it("the model of one product is what the package onnx writes", () => {
  const given = { ...products.operands(2, 3, 1), turned: Float32Array.of(1, 2, 3) };
  expect(Buffer.from(matMulModel(given)).toString("hex")).toBe(
    "08083a5f0a110a01780a017712017922064d61744d756c120770726f647563742a170803080110014201774a0c0000803f00000040000040405a130a0178120e0a0c080112080a0208020a02080362130a0179120e0a0c080112080a0208020a02080142040a001011",
  );
});

describe("the page of results", () => {
  const spread = { min: 1, median: 2, max: 300 };
  const result: GpuResult = {
    title: "",
    note: "No GPU was here.",
    software: true,
    cpu: "A processor",
    cores: 2,
    load: 0,
    date: "",
    versions: { Chromium: "156" },
    adapters: { Chromium: { about: "some adapter" }, Deno: { wrong: "no driver" } },
    model: "4 layers of 256",
    peak: { gflops: 19.04, kernel: "8 chains" },
    products: [
      [768, 3072],
      [768, 768],
    ].map(([K, N]) => ({
      T: 12,
      K,
      N,
      results: [
        { name: "ours", gflops: spread, ratio: spread, ofPeak: { min: 0.01, median: 0.305, max: 1.5 } },
        { name: "theirs", wrong: "row 0 | column 0" },
      ],
    })),
    encode: { Node: [{ name: "one sentence", results: [{ name: "ours", milliseconds: spread, ratio: spread }] }] },
  };
  it("says who was wrong, and what computed", () => {
    expect(page(result).split("\n")).toEqual(
      expect.arrayContaining([
        "Chromium 156: some adapter; Deno : none (no driver). A processor, 2 cores.",
        "No GPU was here.",
        "| ours | 2.0 (1.0 … 300) | 2.0 (1.0 … 300) | 31 % (1.0 % … 150 %) |",
        "| theirs | not timed: row 0 / column 0 | | |",
        "| [12,768] x [768,768] | GFLOP/s | times munjang webgpu | of the measured peak |",
        "| Node: one sentence | milliseconds | times as fast as munjang webgpu |",
      ]),
    );
    expect(summary(result)).not.toContain("[768,768]");
    expect(summary(result)).toContain("[768,3072]");
  });

  const measured = (name: string): Contender => ({ name, milliseconds: spread, ratio: spread });
  const hardware: OneGpuResult = {
    ...result,
    gpu: "some-gpu",
    encode: { Node: [{ name: "one sentence", results: [measured("munjang webgpu")] }] },
    short: [measured("webgpu, tile"), measured("wasm, 1 thread")],
    batches: [
      { length: 10, tokens: 250, name: "webgpu, tile", tokensPerSecond: 1234 },
      { length: 64, tokens: 256, name: "webgpu, tile", tokensPerSecond: 56 },
      { length: 64, tokens: 512, name: "webgpu, tile", tokensPerSecond: 78 },
    ],
  };
  it("has a row for every size of batch", () => {
    expect(onHardware(hardware).split("\n")).toEqual(
      expect.arrayContaining([
        "| webgpu, tile | 2.0 (1.0 … 300) | 2.0 (1.0 … 300) |",
        "| tokens a second, batches of | webgpu, texts of 10 | webgpu, texts of 64 |",
        "| 256 tokens | 1,234 | 56 |",
        "| 512 tokens |  | 78 |",
      ]),
    );
  });
  it("has a sentence, of what was timed only", () => {
    expect(inShort(hardware)).toMatch(/^a model of 4 layers of 256 encodes one sentence in 2\.0 ms \(.*: 2\.0 ms\)$/);
    expect(() => inShort({ ...hardware, short: [] })).toThrow("nobody timed wasm");
  });
});

it("in Node the program gives munjang the GPU of the package webgpu", async () => {
  const url = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;
  // An adapter for the program to look at, and none for the model, which says so.
  const webgpu = url(`
    const limits = new Proxy({}, { get: () => 2 ** 31 });
    const adapters = [{ info: { vendor: "a stand-in" }, limits, requestDevice: async () => ({ destroy() {} }) }];
    export const create = () => ({ requestAdapter: async () => adapters.pop() ?? null });`);
  const hooks = url(`
    export const resolve = (name, context, next) =>
      name === "webgpu" ? { url: ${JSON.stringify(webgpu)}, shortCircuit: true } : next(name, context);`);
  const register = url(`import { register } from "node:module"; register(${JSON.stringify(hooks)});`);
  const folder = mkdtempSync(join(tmpdir(), "munjang-"));
  try {
    const order = join(folder, "order.json");
    const backends = [{ name: "munjang webgpu", gpu: { kind: "webgpu" } }];
    const works = [{ name: "a text", texts: [], expected: [] }];
    writeFileSync(order, JSON.stringify({ model: goldenFolder("plain"), backends, works, rounds: 1 }));
    const [program, dist] = ["../bench/gpu/program.js", "../dist/"].map((path) => new URL(path, import.meta.url));
    const args = ["--import", register, program.pathname, dist.href, order];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 });
    expect(JSON.parse(stdout)).toEqual({
      about: "a stand-in",
      software: false,
      tables: [
        {
          name: "a text",
          results: [
            { name: "munjang webgpu", wrong: expect.stringContaining("the runtime found no GPU it would use") },
          ],
        },
      ],
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 90_000);
