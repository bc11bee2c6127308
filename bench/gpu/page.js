import { openDevice } from "/dist/kernels/webgpu/device.js";
import { gpuJsProduct, jaxProduct, onnxProduct, onnxruntime } from "./rivals.js";
import * as work from "./work.js";

/* The page: all contenders in one, so that they share its adapter. */

const rivals = { "onnxruntime-web, WebGPU": onnxProduct, "jax-js, WebGPU": jaxProduct, "gpu.js, webgpu": gpuJsProduct };

globalThis.tasks = {
  async adapter() {
    const opened = await openDevice(navigator.gpu, "high-performance").catch((error) => ({ wrong: error.message }));
    opened.device?.destroy();
    const { about, software, wrong } = opened;
    return { about, software, wrong };
  },
  async products(how) {
    const opened = await openDevice(navigator.gpu, "high-performance");
    const found = await work.products({ dist: "/dist/", opened, rivals, ...how });
    opened.device.destroy();
    return found;
  },
  encodes: async (how) =>
    work.encodes({ index: "/dist/index.js", webgpu: "/dist/webgpu.js", ort: await onnxruntime(), ...how }),
};
