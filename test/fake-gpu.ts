/*
 * A stand-in for gpu.js, for what can be tried without it: it runs a kernel's source as JavaScript, cell by cell, and notes what it is told. What
 * it computes is not gpu.js's arithmetic; test/gpu tries that.
 */

/** An argument or a constant, as gpu.js's `input` makes it: the fastest axis of `size` is the first. */
interface Input {
  readonly value: Float32Array;
  readonly size: readonly [number, number];
}

type Cell = (this: { thread: object; constants: object }, x: readonly Float32Array[]) => number;

export interface FakeOptions {
  /** How the kernels that gpu.js takes are called. Default: `WebAssemblyKernel`, whatever mode is asked for. */
  readonly kind?: "WebAssemblyKernel" | "CPUKernel" | "WebGPUKernel" | "WebGL2Kernel" | "WebGLKernel";
  /** Answers with promises. */
  readonly late?: boolean;
  readonly precision?: string;
  /** Changes what a cell gives, or throws. */
  readonly cell?: (value: number, at: { readonly x: number; readonly y: number; readonly K: number }) => number;
  /** Loops end after so many turns. */
  readonly turns?: number;
  /** Modes that the constructor refuses. */
  readonly refused?: readonly string[];
}

export interface Fake {
  /** What `import("gpu.js")` gives in Node. */
  readonly module: { readonly default: object };
  /** Everything that was asked for, in order: `GPU webgl2`, `kernel 32x96`, `run 5x32`, `setOutput 96,5`, `destroy`. */
  readonly calls: string[];
  /** Settings of every kernel. */
  readonly settings: Readonly<Record<string, unknown>>[];
  lost: boolean;
}

export function fakeGpu(options: FakeOptions = {}): Fake {
  const { kind = "WebAssemblyKernel", late = false, precision = "single", refused = [], turns = Infinity } = options;
  const calls: string[] = [];
  const settings: Record<string, unknown>[] = [];

  class WebGLKernel {
    precision = precision;
    context = { isContextLost: () => fake.lost };
  }
  const kinds = {
    WebGPUKernel: class WebGPUKernel {
      precision = precision;
    },
    WebAssemblyKernel: class WebAssemblyKernel {
      precision = precision;
    },
    CPUKernel: class CPUKernel {
      precision = precision;
    },
    WebGLKernel,
    WebGL2Kernel: class WebGL2Kernel extends WebGLKernel {},
    HeadlessGLKernel: class HeadlessGLKernel extends WebGLKernel {},
  };

  class GPU {
    constructor({ mode }: { mode?: string }) {
      if (refused.includes(`${mode}`)) throw new Error(`A requested mode of "${mode}" and is not supported`);
      calls.push(`GPU ${mode}`);
    }

    createKernel(source: string, given: Record<string, unknown> & { constants: { weight: Input }; output: number[] }) {
      settings.push(given);
      const { weight } = given.constants;
      const [K, N] = weight.size;
      let [columns, rows] = given.output;
      calls.push(`kernel ${K}x${N}`);
      const cell: Cell = new Function(`return ${source.replace(`k < ${K}`, `k < ${Math.min(K, turns)}`)}`)();
      const constants = { weight: rowsOf(weight) };
      const run = (x: Input): Float32Array[] => {
        if (x.size[0] !== K || x.size[1] !== rows || columns !== N)
          throw new Error(`${x.size} into ${columns},${rows}`);
        calls.push(`run ${rows}x${K}`);
        const values = rowsOf(x);
        return Array.from({ length: rows }, (_, y) =>
          Float32Array.from({ length: N }, (_, x) => {
            const value = cell.call({ thread: { x, y }, constants }, values);
            return options.cell?.(value, { x, y, K }) ?? value;
          }),
        );
      };
      const kernel = (x: Input) => (late ? new Promise((done) => setTimeout(() => done(run(x)))) : run(x));
      const setOutput = ([x, y]: [number, number]): void => {
        if (given.dynamicOutput !== true)
          throw new Error("Resizing a kernel with dynamicOutput: false is not possible");
        calls.push(`setOutput ${x},${y}`);
        [columns, rows] = [x, y];
      };
      return Object.assign(kernel, { setOutput, kernel: new kinds[kind]() });
    }

    async destroy(): Promise<void> {
      calls.push("destroy");
    }
  }

  const input = (value: Float32Array, size: [number, number]): Input => {
    if (value.length !== size[0] * size[1])
      throw new Error(`Input size ${size} does not match ${value.length} numbers`);
    return { value, size };
  };
  const fake: Fake = { module: { default: { GPU, input, ...kinds } }, calls, settings, lost: false };
  return fake;
}

function rowsOf({ value, size: [width, height] }: Input): Float32Array[] {
  return Array.from({ length: height }, (_, y) => value.subarray(y * width, (y + 1) * width));
}
