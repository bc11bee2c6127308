/** Where a runtime's WebGPU is found: most have it in `navigator`. */
let find: () => Promise<GPU | undefined> = async () => globalThis.navigator?.gpu;

export function findGpu(): Promise<GPU | undefined> {
  return find();
}

/** For runtimes that have it elsewhere. */
export function setGpu(other: typeof find): void {
  find = other;
}
