import { gpujs } from "/dist/gpujs.js";
import { SentenceTransformer } from "/dist/index.js";
import { gpuJsKernels } from "/dist/kernels/gpujs/index.js";
import { gpuJs } from "/dist/kernels/gpujs/library.js";
import { openDevice } from "/dist/kernels/webgpu/device.js";
import { webgpu } from "/dist/webgpu.js";
import { productOn } from "./products.js";
import { gpuJsProduct, jaxProduct, onnxProduct, onnxruntime } from "./rivals.js";
import * as work from "./work.js";

/* The page: all contenders in one, so that they share its adapter. */

const library = globalThis.GPU; // gpu.js, a classic script
const ourGpuJs = (mode) => async (given) => {
  const { kernels } = await gpuJsKernels(await gpuJs(library), mode);
  return productOn(kernels, `munjang gpujs, ${mode}`, given);
};
const rivals = {
  "munjang gpujs, webgpu": ourGpuJs("webgpu"),
  "munjang gpujs, webgl2": ourGpuJs("webgl2"),
  "onnxruntime-web, WebGPU": onnxProduct,
  "jax-js, WebGPU": jaxProduct,
  "gpu.js, webgpu": gpuJsProduct,
};

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
    work.encodes({
      SentenceTransformer,
      opened: {
        webgpu: ({ float16 }) => webgpu({ float16, powerPreference: "high-performance" }),
        gpujs: ({ mode }) => gpujs({ mode, module: library }),
      },
      ort: await onnxruntime(),
      ...how,
    }),
};
