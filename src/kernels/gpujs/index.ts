import { refuse } from "../../base/door.ts";
import { fail, ModelError } from "../../base/errors.ts";
import type { Tensor } from "../../base/tensor.ts";
import { ACTIVATIONS } from "../js/activation.ts";
import { js } from "../js/index.ts";
import { contiguous } from "../js/linear.ts";
import type { Activation, Kernels, Linear } from "../kernels.ts";
import { type Gpu, type GpuJsKernel, type GpuJsLibrary, type GpuJsMode, modeOf } from "./library.ts";
import { queue } from "./queue.ts";

/*
 * A partial backend: plain JavaScript, with the matrix product on gpu.js. Every product goes to the GPU and comes back, because what stands
 * between two of them (attention, LayerNorm) is not there.
 */

/** A layer: its numbers, and the kernel that holds them on the GPU once it has run. */
interface Layer {
  readonly weight: Float32Array;
  kernel?: GpuJsKernel;
  /** Where the kernel runs has been looked at. */
  checked: boolean;
  /** Rows of its output as it was last set. */
  rows: number;
}

/**
 * Rows of a product at a time. On a processor one: gpu.js compiles a module of its own for every size of the output there, and each takes a copy
 * of the weights; row by row costs nothing (2.4 GFLOP/s with 1, 4, 16 and 64 rows). On a GPU as many as there are, whose number changes nothing
 * but two uniforms; but no more than 512, so that no texture is too large and no call so long that a driver ends it.
 */
const ROWS: Readonly<Partial<Record<GpuJsMode, number>>> = { webasm: 1, cpu: 1 };
const MOST_ROWS = 512;

/** What a mode cannot do without. */
const NEEDS: Readonly<Record<GpuJsMode, string>> = {
  webgpu: ": it needs navigator.gpu, which in Node the package webgpu gives",
  webgl2: ": it needs a page with WebGL 2",
  webgl: ": it needs a page with WebGL",
  headlessgl: ": it needs Node, and the package gl, built for this machine",
  webasm: ": it needs WebAssembly",
  cpu: "",
};

export interface GpuJsKernels {
  readonly kernels: Kernels<Float32Array>;
  /** Where it really computes. */
  readonly mode: GpuJsMode;
}

/** Kernels on gpu.js, tried once. `mode` may be left to gpu.js. */
export async function gpuJsKernels(library: GpuJsLibrary, asked?: GpuJsMode): Promise<GpuJsKernels> {
  let gpu: Gpu;
  try {
    gpu = new library.GPU({ mode: asked });
  } catch (cause) {
    const needs = asked === undefined ? "" : NEEDS[asked];
    const problem = `gpu.js does not run here with this mode (${cause})${needs}; leave the mode out, or use another backend`;
    throw new ModelError(problem, { field: "mode", value: asked, cause });
  }
  try {
    const mode = await firstRun(library, gpu, asked);
    return { kernels: kernelsOn(library, gpu, mode), mode };
  } catch (error) {
    await gpu.destroy().catch(() => {}); // the first error is the one to tell
    throw error;
  }
}

/** A product of one number, to see where it runs. */
async function firstRun(library: GpuJsLibrary, gpu: Gpu, asked: GpuJsMode | undefined): Promise<GpuJsMode> {
  const weight = Float32Array.of(3);
  const kernel = product(library, gpu, asked, weight, 1, 1);
  const rows = await attempt(asked, () => kernel(library.input(Float32Array.of(2), [1, 1])));
  const mode = check(library, kernel, asked);
  if (rows[0]?.[0] !== 6) fail(undefined, "mode", `gpu.js computes wrongly here: 2 · 3 is ${rows[0]?.[0]}`, mode);
  return mode;
}

/** Refuses what gpu.js took instead of what was asked for. */
function check(library: GpuJsLibrary, made: GpuJsKernel, asked: GpuJsMode | undefined): GpuJsMode {
  const { precision, fallbackReason } = made.kernel;
  const why = fallbackReason ? `: ${fallbackReason}` : "";
  const mode = modeOf(library, made) ?? fail(undefined, "mode", "gpu.js does not say where it runs; update it", asked);
  if (asked !== undefined && mode !== asked) refuse("mode", `gpu.js runs in mode ${mode} here instead${why}`, asked);
  if (precision !== "single") {
    refuse("mode", `gpu.js has no float32 here, only precision ${precision}; use another mode or backend`, mode);
  }
  return mode;
}

/**
 * [rows,K] -> [rows,N], without bias.
 *
 * The source is a string, because gpu.js reads the text of functions, which minifiers, and what measures coverage, rewrite. The number of turns
 * is written out: where it is an argument, or has a sum in it, gpu.js ends loops after 1000 turns and says nothing; the setting is a second lock
 * on that door. Weights are a constant, which it uploads once in all its modes: arguments are uploaded every time. `tactic`: without it WebGL may
 * choose less than float32 for what it computes with.
 */
function product(
  { input }: GpuJsLibrary,
  gpu: Gpu,
  mode: GpuJsMode | undefined,
  weight: Float32Array,
  K: number,
  N: number,
): GpuJsKernel {
  const source = `function (x) {
    let sum = 0;
    for (let k = 0; k < ${K}; k++) {
      sum += x[this.thread.y][k] * this.constants.weight[this.thread.x][k];
    }
    return sum;
  }`;
  const grows = mode === undefined || ROWS[mode] === undefined;
  return gpu.createKernel(source, {
    constants: { weight: input(weight, [K, N]) },
    output: [N, 1],
    precision: "single",
    tactic: "precision",
    loopMaxIterations: Math.max(K, 1000),
    dynamicOutput: grows,
    dynamicArguments: grows,
    // The page goes on while the GPU computes. WebAssembly would start workers of its own, which keep Node running.
    asyncMode: mode === "webgl2",
  });
}

function kernelsOn(library: GpuJsLibrary, gpu: Gpu, mode: GpuJsMode): Kernels<Float32Array> {
  const own = js();
  const { put, begin, read, idle } = queue();
  const layers = new WeakMap<Float32Array, Layer>();
  const most = ROWS[mode] ?? MOST_ROWS;
  let disposed: Promise<void> | undefined;

  /** out[t] = act(bias + x[t] · weight), rows `first …`. */
  const some = async (
    out: Float32Array,
    x: Float32Array,
    w: Linear<Float32Array>,
    first: number,
    rows: number,
    act: Activation | undefined,
  ): Promise<void> => {
    const { in: K, out: N } = w;
    const layer = layers.get(w.weight) ?? fail(undefined, "weight", "was prepared by another backend");
    const sums = await attempt(mode, () => {
      layer.kernel ??= product(library, gpu, mode, layer.weight, K, N);
      if (layer.rows !== rows) layer.kernel.setOutput([N, rows]);
      layer.rows = rows;
      return layer.kernel(library.input(x.subarray(first * K, (first + rows) * K), [K, rows]));
    });
    const kernel = layer.kernel as GpuJsKernel;
    if (!layer.checked) check(library, kernel, mode);
    layer.checked = true;
    // Reading from a lost one gives zeros.
    if (kernel.kernel.context?.isContextLost?.()) {
      fail(undefined, "backend", "the GPU was lost (WebGL's context); load the model again", `gpu.js, ${mode}`);
    }
    if (sums.length !== rows || sums[0].length !== N) {
      const got = `[${sums.length},${sums[0]?.length}]`;
      fail(undefined, "backend", `gpu.js gave ${got} numbers instead of [${rows},${N}]`, `gpu.js, ${mode}`);
    }
    store(out.subarray(first * N), sums, w.bias, act);
  };

  return {
    ...own,
    name: "gpujs",
    copies: true,
    prepare(weight: Tensor<Float32Array>, bias: Tensor<Float32Array>): Linear<Float32Array> {
      const [N, K] = weight.shape;
      // Of its own: whoever gave it may write other numbers there, and gpu.js reads it when it first computes.
      const layer = { weight: contiguous(weight).slice(), rows: 1, checked: false };
      layers.set(layer.weight, layer);
      return { weight: layer.weight, bias: contiguous(bias).slice(), in: K, out: N };
    },
    write(to, values) {
      const copy = values.slice();
      begin(() => own.write(to, copy));
    },
    read: (from, length) => read(() => from.slice(0, length)),
    embed: (...all) => put(() => own.embed(...all)),
    attention: (...all) => put(() => own.attention(...all)),
    layerNorm: (...all) => put(() => own.layerNorm(...all)),
    linear(out, x, w, T, act) {
      for (let first = 0; first < T; first += most) {
        put(() => some(out, x, w, first, Math.min(most, T - first), act));
      }
    },
    dispose() {
      disposed ??= idle().then(() => gpu.destroy());
      return disposed;
    },
  };
}

/**
 * Bias and activation are added here: the numbers come back to JavaScript anyway, gpu.js knows no erf, and its exp and tanh are those of a
 * driver, where ours are right to the last bits.
 */
function store(
  out: Float32Array,
  sums: readonly Float32Array[],
  bias: Float32Array,
  act: Activation | undefined,
): void {
  const f = act && ACTIVATIONS[act];
  const N = bias.length;
  for (const [t, row] of sums.entries()) {
    for (let n = 0; n < N; n++) {
      const sum = row[n] + bias[n];
      out[t * N + n] = f === undefined ? sum : f(sum);
    }
  }
}

/** gpu.js's own errors with its name. */
async function attempt<R>(mode: GpuJsMode | undefined, run: () => R): Promise<Awaited<R>> {
  try {
    return await run();
  } catch (cause) {
    const problem = `gpu.js failed (${cause}); load the model again, or use another backend`;
    throw new ModelError(problem, { field: "backend", value: `gpu.js, mode ${mode ?? "left to it"}`, cause });
  }
}
