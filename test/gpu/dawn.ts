import { existsSync } from "node:fs";

/*
 * WebGPU in Node: Dawn, by npm's `webgpu`, on the GPU there is, or else on SwiftShader, the software adapter that Debian's Chromium brings
 * (Mesa's is too old for Dawn). Where there is neither, `missing` says so, for a skip that can be seen.
 */

const SWIFTSHADER = "/usr/lib/chromium/vk_swiftshader_icd.json";

async function open(): Promise<{ gpu?: GPU; adapter?: GPUAdapter; missing?: string }> {
  // Read by Vulkan's loader in this very process; where it is set already somebody knows better, and a GPU goes first.
  const isThere = ["/dev/nvidia0", "/dev/dri"].some((device) => existsSync(device));
  if (!isThere && existsSync(SWIFTSHADER)) process.env.VK_ICD_FILENAMES ??= SWIFTSHADER;
  let create: (flags: string[]) => GPU;
  try {
    const name = "webgpu"; // which is in this folder's own package, and `npm run check` does not know
    ({ create } = await import(/* @vite-ignore */ name));
  } catch (error) {
    return { missing: `the package webgpu does not load: ${error}` };
  }
  const gpu = create([]);
  const adapter = await gpu.requestAdapter();
  if (adapter !== null) return { gpu, adapter };
  return { missing: `Dawn finds no adapter: libvulkan1, and a driver or ${SWIFTSHADER}, are not here` };
}

const opened = await open();

export const gpu: GPU | undefined = opened.gpu;
export const missing: string | undefined = opened.missing;

/** A device of its own. */
export async function newDevice(): Promise<GPUDevice> {
  const adapter = await gpu?.requestAdapter();
  if (!adapter) throw new Error("no adapter");
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  return adapter.requestDevice({ requiredLimits: { maxBufferSize, maxStorageBufferBindingSize } });
}

/** The same object, some of whose functions do something else first. Calls go to the object itself. */
export function altered<T extends object>(object: T, changes: { [K in keyof T]?: T[K] }): T {
  return new Proxy(object, {
    get(target, name) {
      if (name in changes) return changes[name as keyof T];
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
