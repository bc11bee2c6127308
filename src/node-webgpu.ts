import { refuse } from "./base/door.ts";
import { setGpu } from "./kernels/webgpu/find.ts";

/** `munjang/webgpu` where the runtime may have no WebGPU of its own: Node takes that of the package `webgpu`, once it is wanted. */
export * from "./webgpu.ts";

/** Kept: devices do not outlive what gave them. */
let dawn: GPU | undefined;

setGpu(async () => {
  const own = globalThis.navigator?.gpu;
  if (own !== undefined) return own;
  try {
    // Bundlers leave it alone: it has native code, and may not be there.
    const name = "webgpu";
    const { create } = (await import(/* webpackIgnore: true */ /* @vite-ignore */ name)) as Dawn;
    dawn ??= create([]);
  } catch (cause) {
    return refuse("backend", `webgpu needs the package webgpu here: npm install webgpu (${(cause as Error).message})`);
  }
  return dawn;
});

interface Dawn {
  create(flags: string[]): GPU;
}
