import { tensor } from "../../src/base/tensor.ts";
import { openDevice } from "../../src/kernels/webgpu/device.ts";
import { gpuKernels } from "../../src/kernels/webgpu/index.ts";
import { transpose } from "./03-transposed.ts";
import type { Rung } from "./rung.ts";

/** The tiles again, 64 x 64 of them a workgroup, on as many units as there are (`src/kernels/webgpu/linear.ts`); b stays there, a and c travel. */
export const gpu: Rung = {
  name: "GPU",
  idea: "thousands of small units instead of a few large ones",
  after: "relaxed, 6 x 8",
  async make(b, { M, K, N }) {
    if (globalThis.navigator?.gpu === undefined) throw new Error("needs WebGPU, which this runtime has not got");
    const { device, software } = await openDevice(globalThis.navigator?.gpu);
    const binding = device.limits.maxStorageBufferBindingSize;
    const kernels = gpuKernels(device, { half: false, binding, few: software ? 0 : 32 });
    const weight = transpose(b, K, N);
    const linear = kernels.prepare(tensor(weight, [N, K]), tensor(new Float32Array(N), [N]));
    const [x, out] = [kernels.alloc(M * K), kernels.alloc(M * N)];
    return {
      async run(a, c) {
        kernels.write(x, a);
        kernels.linear(out, x, linear, M);
        c.set(await kernels.read(out, M * N));
      },
      async dispose() {
        await kernels.dispose();
        device.destroy();
      },
    };
  },
};
