import { refuse } from "../../base/door.ts";
import { ModelError } from "../../base/errors.ts";

/*
 * gpu.js as far as it is used here, and how it is found: it is an optional peer, which is fetched when a model is loaded.
 */

/** Where gpu.js can compute. */
export type GpuJsMode = "webgpu" | "webgl2" | "webgl" | "headlessgl" | "webasm" | "cpu";

export const MODES: readonly GpuJsMode[] = ["webgpu", "webgl2", "webgl", "headlessgl", "webasm", "cpu"];

/** A class of gpu.js whose name does not matter. */
export type Class = abstract new (...args: never) => object;

/** A function that computes every cell of its output: rows of it, at once or with a promise. */
export interface GpuJsKernel {
  (x: unknown): readonly Float32Array[] | Promise<readonly Float32Array[]>;
  setOutput(size: readonly number[]): unknown;
  /** What really runs, which may be another class than the one asked for. */
  readonly kernel: {
    readonly precision: unknown;
    readonly fallbackReason?: unknown;
    readonly context?: { isContextLost?(): boolean } | null;
  };
}

export interface Gpu {
  createKernel(source: string, settings: object): GpuJsKernel;
  destroy(): Promise<void>;
}

export interface GpuJsLibrary {
  readonly GPU: new (settings: { readonly mode?: GpuJsMode }) => Gpu;
  /** A flat array with a size, the fastest axis first. */
  readonly input: (values: Float32Array, size: readonly number[]) => unknown;
  /** Its kinds of kernels, the more special first. */
  readonly kinds: readonly (readonly [GpuJsMode, Class])[];
}

/** gpu.js as a module, its class `GPU`, or what gives or fetches one of these, such as `() => import("gpu.js")`. */
export type GpuJsModule = object | (() => unknown);

/** What the classes of kernels are called where gpu.js exports them: those of WebGL inherit from one another. */
const KINDS: readonly (readonly [GpuJsMode, string])[] = [
  ["webgpu", "WebGPUKernel"],
  ["webasm", "WebAssemblyKernel"],
  ["headlessgl", "HeadlessGLKernel"],
  ["webgl2", "WebGL2Kernel"],
  ["webgl", "WebGLKernel"],
  ["cpu", "CPUKernel"],
];

const REMEDY =
  'install it with `npm install gpu.js@2`; in a page hand it in: import * as module from "gpu.js", and gpujs({ module })';

/**
 * Imports the package: Node's entry sets it. Bundlers for pages would look for a package that need not be there, or warn of an import whose name
 * they cannot read.
 */
let installed = (): unknown => {
  throw new Error("nobody has handed it in");
};

export function setInstalled(fetch: () => Promise<unknown>): void {
  installed = fetch;
}

export async function gpuJs(module: GpuJsModule = installed): Promise<GpuJsLibrary> {
  let found: unknown;
  try {
    found = await (typeof module === "function" && !isGpu(module) ? module() : module);
  } catch (cause) {
    const at = { field: "backend", value: "gpujs", cause };
    throw new ModelError(`gpu.js cannot be loaded (${cause}); ${REMEDY}`, at);
  }
  return libraryOf(found) ?? refuse("module", `is not gpu.js: it has no class GPU and no input(); ${REMEDY}`);
}

type Fields = Readonly<Record<string, unknown>>;

/** In Node gpu.js is an object with everything; in pages it is the class, which has everything too, and a module has either as its default. */
function libraryOf(found: unknown): GpuJsLibrary | undefined {
  const holders = [found, (found as Fields | undefined)?.default].filter(
    (holder): holder is Fields => (typeof holder === "object" && holder !== null) || typeof holder === "function",
  );
  const all = [...holders.map(({ GPU }) => GPU), ...holders].filter((holder) => isGpu(holder));
  const GPU = all[0] as GpuJsLibrary["GPU"] | undefined;
  const places = [...holders, ...(all as Fields[])];
  const find = (name: string): unknown => places.find((place) => typeof place[name] === "function")?.[name];
  const input = find("input") as GpuJsLibrary["input"] | undefined;
  if (GPU === undefined || input === undefined) return undefined;
  const kinds = KINDS.flatMap(([mode, name]) => {
    const kind = find(name) as Class | undefined;
    return kind === undefined ? [] : [[mode, kind] as const];
  });
  return { GPU, input, kinds };
}

/** The class itself, which must not be called. */
function isGpu(value: unknown): boolean {
  const { prototype } = (value ?? {}) as { prototype?: { createKernel?: unknown } };
  return typeof value === "function" && typeof prototype?.createKernel === "function";
}

/**
 * Where a kernel that has run did so. What it was asked for is no answer: where gpu.js cannot do a thing, it goes on elsewhere and says so on the
 * console. Nor is the `mode` of its class, which is "gpu" for the three of WebGL.
 */
export function modeOf(library: GpuJsLibrary, { kernel }: GpuJsKernel): GpuJsMode | undefined {
  return library.kinds.find(([, kind]) => kernel instanceof kind)?.[0];
}
