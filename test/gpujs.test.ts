import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ModelError } from "../src/base/errors.ts";
import { tensor } from "../src/base/tensor.ts";
import { type GpuJsMode, gpujs } from "../src/gpujs.ts";
import "../src/node.ts";
import { gpuJsKernels } from "../src/kernels/gpujs/index.ts";
import { gpuJs } from "../src/kernels/gpujs/library.ts";
import { js } from "../src/kernels/js/index.ts";
import type { Activation, Kernels } from "../src/kernels/kernels.ts";
import { SentenceTransformer } from "../src/sentence-transformer.ts";
import { type Fake, type FakeOptions, fakeGpu } from "./fake-gpu.ts";
import { compare } from "./golden/compare.ts";
import { goldenFolder } from "./golden/read.ts";
import { randomNumbers } from "./random.ts";

/* The backend on gpu.js without gpu.js: options, what is refused, order and blocks, on a stand-in. test/gpu has the real one. */

const plain = goldenFolder("plain");
const load = (fake: Fake, mode?: GpuJsMode, verify = true) =>
  SentenceTransformer.load(plain, { backend: gpujs({ mode, module: fake.module }), verify });

describe("what gpu.js may be", () => {
  const library = fakeGpu().module.default as Record<string, unknown>;
  const GPU = Object.assign(library.GPU as object, library); // in pages the class has everything

  it.each([
    ["the package as Node has it", library],
    ["a module", { default: library }],
    ["a promise of a module", Promise.resolve({ default: library })],
    ["the class", GPU],
    ["a module of the class", { default: GPU }],
    ["what fetches it", () => ({ default: library })],
    ["what fetches it some time", async () => ({ default: GPU })],
  ])("%s", async (_, module) => {
    const found = await gpuJs(module);
    expect(found.GPU).toBe(library.GPU);
    expect(found.kinds.map(([mode]) => mode)).toEqual(["webgpu", "webasm", "headlessgl", "webgl2", "webgl", "cpu"]);
  });

  it("without the package the error says what to install", async () => {
    const message =
      /^backend = "gpujs": gpu\.js cannot be loaded \(.*\); install it with `npm install gpu\.js@2`; in a page hand it in: import \* as module from "gpu\.js", and gpujs\(\{ module \}\)$/;
    const inPages = SentenceTransformer.load(plain, { backend: gpujs() });
    await expect(inPages).rejects.toThrow(message);
    await expect(inPages).rejects.toThrow("nobody has handed it in");
    // The package as it is built, in Node.
    const program = `import { SentenceTransformer } from "munjang"; import { gpujs } from "munjang/gpujs";
      await SentenceTransformer.load("test/golden/models/plain", { backend: gpujs() }).catch(({ name, message }) => console.log(name + "\\n" + message));`;
    const options = { cwd: join(import.meta.dirname, ".."), encoding: "utf8" } as const;
    const [name, text] = execFileSync(process.execPath, ["--input-type=module", "-e", program], options).split("\n");
    expect(name).toBe("ModelError");
    expect(text).toMatch(message);
    expect(text).toContain("Cannot find package 'gpu.js'");
  });

  it("what fetches it may fail, and may fetch something else", async () => {
    const broken = gpujs({ module: () => Promise.reject(new Error("404")) });
    await expect(SentenceTransformer.load(plain, { backend: broken })).rejects.toThrow(
      /cannot be loaded \(Error: 404\)/,
    );
    const other = gpujs({ module: () => ({ default: { GPU: class {} } }) });
    await expect(SentenceTransformer.load(plain, { backend: other })).rejects.toThrow(/module: is not gpu\.js/);
  });
});

describe("options", () => {
  const wrong = (options: unknown) => () => gpujs(options as object);
  it("are checked at once", () => {
    expect(wrong(null)).toThrow(ModelError);
    expect(wrong({ mode: "gpu" })).toThrow(
      'mode = "gpu": must be one of webgpu, webgl2, webgl, headlessgl, webasm, cpu',
    );
    expect(wrong({ module: "gpu.js" })).toThrow(/module = "gpu\.js": must be gpu\.js/);
    expect(wrong({ module: null })).toThrow(ModelError);
  });

  it("of load that it cannot have are refused before anything is made", async () => {
    const fake = fakeGpu();
    const backend = gpujs({ module: fake.module });
    await expect(SentenceTransformer.load(plain, { backend, threads: 2 })).rejects.toThrow(/threads = 2/);
    await expect(SentenceTransformer.load(plain, { backend, wide: true })).rejects.toThrow(/wide = true/);
    expect(fake.calls).toEqual([]);
  });
});

describe("what really runs", () => {
  it.each([
    ["webasm", "WebAssemblyKernel"],
    ["cpu", "CPUKernel"],
    ["webgpu", "WebGPUKernel"],
    ["webgl2", "WebGL2Kernel"],
    ["webgl", "WebGLKernel"],
  ] as const)("%s is told, asked for or not", async (mode, kind) => {
    for (const asked of [mode, undefined]) {
      const fake = fakeGpu({ kind, late: mode === "webgpu" });
      const model = await load(fake, asked, false);
      const reason =
        asked === undefined
          ? `given by the caller: gpu.js, which chose ${mode}`
          : `given by the caller: gpu.js, ${mode}`;
      expect(model.backend).toEqual({ name: "gpujs", threads: 0, width: 0, reason });
      await model.dispose();
    }
  });

  it.each<[string, FakeOptions, RegExp]>([
    [
      "another mode than the one asked for",
      { kind: "CPUKernel" },
      /mode = "webgl2": gpu\.js runs in mode cpu here instead/,
    ],
    [
      "a mode that is not there",
      { refused: ["webgl2"] },
      /does not run here with this mode \(.*not supported\): it needs a page with WebGL 2/,
    ],
    [
      "less than float32",
      { kind: "WebGL2Kernel", precision: "unsigned" },
      /gpu\.js has no float32 here, only precision unsigned/,
    ],
    ["a product that is wrong", { kind: "WebGL2Kernel", cell: () => 0 }, /2 · 3 is 0/],
  ])("%s is refused", async (_, options, message) => {
    const fake = fakeGpu(options);
    await expect(load(fake, "webgl2", false)).rejects.toThrow(message);
    const made = fake.calls.filter((call) => call.startsWith("GPU"));
    expect(fake.calls.filter((call) => call === "destroy").length).toBe(made.length);
  });
});

describe("the self-test", () => {
  it("passes, on kernels of its own, which go before the model comes", async () => {
    const fake = fakeGpu();
    const model = await load(fake, "webasm");
    const at = fake.calls.indexOf("destroy");
    expect(at).toBeGreaterThan(0);
    expect(fake.calls.slice(0, at)).toContain("run 1x3200");
    expect(fake.calls.slice(at + 1)).toContain("GPU webasm");
    expect(fake.calls.slice(at + 1).filter((call) => call.includes("3200"))).toEqual([]);
    await model.dispose();
    expect(fake.calls.at(-1)).toBe("destroy");
  });

  it.each<[string, FakeOptions, string]>([
    ["loops that end after 1000 turns", { turns: 1000 }, "layer 0 attention|layer 0 output"],
    ["a last column that is missing", { cell: (value, { x, K }) => (K > 1 && x === 95 ? 0 : value) }, "layer 0"],
    [
      "rows but the first that are empty",
      { kind: "WebGL2Kernel", cell: (value, { y }) => (y > 0 ? 0 : value) },
      "layer 0",
    ],
    ["what is not a number", { cell: (value, { x, K }) => (K > 1 && x === 7 ? Number.NaN : value) }, "layer 0"],
  ])("refuses %s", async (_, options, stage) => {
    const fake = fakeGpu(options);
    await expect(load(fake)).rejects.toThrow(
      new RegExp(
        `backend: gpu\\.js in mode \\w+ computes wrongly here: of a small model (${stage}).* differs from plain JavaScript by (NaN|[\\d.e+-]+)`,
      ),
    );
    expect(fake.calls.filter((call) => call === "destroy").length).toBe(1);
  });
});

describe("kernels", () => {
  const SIZES: [T: number, K: number, N: number, act?: Activation][] = [
    [1, 1, 1],
    [3, 7, 5, "gelu"],
    [2, 3072, 4, "relu"],
    [1030, 3, 2, "gelu_tanh"],
  ];

  /** A product on kernels. */
  async function linear<B>(k: Kernels<B>, [T, K, N, act]: (typeof SIZES)[number]): Promise<Float32Array> {
    const random = randomNumbers(T + K + N);
    const put = (values: Float32Array): B => {
      const buffer = k.alloc(values.length);
      k.write(buffer, values);
      return buffer;
    };
    const [weight, bias] = [random(N * K), random(N)];
    const w = k.prepare(tensor(weight, [N, K]), tensor(bias, [N]));
    weight.fill(Number.NaN); // `copies` allows it
    bias.fill(Number.NaN);
    const values = random(T * K);
    const x = put(values);
    values.fill(Number.NaN);
    const out = put(new Float32Array(T * N + 1).fill(7));
    k.linear(out, x, w, T, act);
    return k.read(out, T * N + 1);
  }

  it.each(["WebAssemblyKernel", "CPUKernel", "WebGL2Kernel", "WebGPUKernel"] as const)("%s", async (kind) => {
    const fake = fakeGpu({ kind, late: kind === "WebGPUKernel" });
    const { kernels } = await gpuJsKernels(await gpuJs(fake.module));
    for (const size of SIZES) {
      const plainOnes = { ...js(), prepare: copying(js()) };
      const expected = await linear(plainOnes, size);
      // The stand-in rounds sums to float32 before the bias is added.
      compare(await linear(kernels, size), expected, 4e-6);
    }
    const runs = fake.calls.filter((call) => call.endsWith("x3") && call.startsWith("run"));
    const onProcessor = kind === "WebAssemblyKernel" || kind === "CPUKernel";
    expect(runs).toEqual(onProcessor ? new Array(1030).fill("run 1x3") : ["run 512x3", "run 512x3", "run 6x3"]);
    // Each layer is a kernel, made once; the first is the one of the trial.
    expect(fake.settings.length).toBe(1 + SIZES.length);
    for (const { precision, tactic, loopMaxIterations } of fake.settings) {
      expect({ precision, tactic }).toEqual({ precision: "single", tactic: "precision" });
      expect(loopMaxIterations).toBeGreaterThanOrEqual(1000);
    }
    await kernels.dispose();
    await kernels.dispose();
    expect(fake.calls.filter((call) => call === "destroy").length).toBe(1);
  });

  /** js keeps the arrays it is given. */
  const copying =
    (k: Kernels<Float32Array>): Kernels<Float32Array>["prepare"] =>
    (weight, bias) =>
      k.prepare(tensor(weight.data.slice(), [...weight.shape]), tensor(bias.data.slice(), [...bias.shape]));

  it("a failure of gpu.js is told by the read, with its name, and the next pass starts clean", async () => {
    let broken = false;
    const fake = fakeGpu({
      cell(value) {
        if (broken) throw new Error("out of memory");
        return value;
      },
    });
    const model = await load(fake, "webasm");
    const before = await model.encode("잠이 옵니다");
    broken = true;
    await expect(model.encode("잠이 옵니다")).rejects.toThrow(
      'backend = "gpu.js, mode webasm": gpu.js failed (Error: out of memory); load the model again, or use another backend',
    );
    broken = false;
    expect(await model.encode("잠이 옵니다")).toEqual(before);
    await model.dispose();
  });

  it("a lost context is told: reading from it gives zeros", async () => {
    const fake = fakeGpu({ kind: "WebGL2Kernel" });
    const model = await load(fake, "webgl2");
    fake.lost = true;
    await expect(model.encode("잠이 옵니다")).rejects.toThrow(/the GPU was lost .* load the model again/);
    await model.dispose();
  });

  it("overlapping calls give what calls one after the other give", async () => {
    const fake = fakeGpu({ kind: "WebGPUKernel", late: true });
    const model = await load(fake, "webgpu");
    const texts = ["잠이 옵니다", "졸음이 옵니다", "기차가 옵니다"];
    const alone: Float32Array[] = [];
    for (const text of texts) alone.push(await model.encode(text));
    expect(await Promise.all(texts.map((text) => model.encode(text)))).toEqual(alone);
    await model.dispose();
  });
});

it("takes models of whole numbers as floats", async () => {
  const fake = fakeGpu();
  const options = { dtype: "int8", calibration: ["잠이 옵니다", "졸음이 옵니다"] } as const;
  const model = await SentenceTransformer.load(plain, { ...options, backend: gpujs({ module: fake.module }) });
  const [vector] = await model.encode(["잠이 옵니다"]);
  const whole = await SentenceTransformer.load(plain, { ...options, backend: "js" });
  expect(model.similarity([vector], [await whole.encode("잠이 옵니다")])[0][0]).toBeGreaterThan(0.99);
  await Promise.all([model.dispose(), whole.dispose()]);
});
