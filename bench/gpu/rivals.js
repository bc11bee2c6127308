import { matMulModel } from "./onnx.js";

/* The products of others, each as its documentation has it: operands on the GPU before, results left there, one wait for n of them. */

/** A page is served them; programs have them beside this file. */
const FROM = import.meta.url.startsWith("file:") ? new URL("node_modules/", import.meta.url).href : "/rivals/";

let ort;
/** onnxruntime-web with its WebGPU provider; one thread for what that leaves to WebAssembly, so that none spins beside the others. */
export async function onnxruntime() {
  if (ort === undefined) {
    ort = await import(`${FROM}onnxruntime-web/dist/ort.webgpu.min.mjs`);
    ort.env.wasm.wasmPaths = `${FROM}onnxruntime-web/dist/`;
    ort.env.wasm.numThreads = 1;
    ort.env.logLevel = "error";
  }
  return ort;
}

export async function onnxProduct(given) {
  const { T, K, N, x, flop } = given;
  const { InferenceSession, Tensor, env } = await onnxruntime();
  const options = { executionProviders: ["webgpu"], graphOptimizationLevel: "all" };
  const session = await InferenceSession.create(matMulModel(given), options);
  const device = await env.webgpu.device;
  const [from, to] = [T * K, T * N].map((length) => device.createBuffer({ size: 4 * length, usage: 0x8c })); // STORAGE, COPY_SRC, COPY_DST
  device.queue.writeBuffer(from, 0, x);
  const onGpu = (buffer, dims) => Tensor.fromGpuBuffer(buffer, { dataType: "float32", dims });
  const [feeds, fetches] = [{ x: onGpu(from, [T, K]) }, { y: onGpu(to, [T, N]) }];
  return {
    name: "onnxruntime-web, WebGPU",
    flop,
    async run(n) {
      for (let i = 0; i < n; i++) await session.run(feeds, fetches);
      await device.queue.onSubmittedWorkDone();
    },
    async result() {
      await session.run(feeds, fetches);
      return read(device, to, T * N);
    },
    async dispose() {
      await session.release();
      from.destroy();
      to.destroy();
    },
  };
}

async function read(device, buffer, length) {
  const staging = device.createBuffer({ size: 4 * length, usage: 0x9 }); // MAP_READ, COPY_DST
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, 4 * length);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(1);
  const values = new Float32Array(staging.getMappedRange()).slice();
  staging.destroy();
  return values;
}

export async function jaxProduct({ T, K, N, x, turned, flop }) {
  const { init, defaultDevice, numpy, blockUntilReady } = await import(`${FROM}@jax-js/jax/dist/index.js`);
  const devices = await init("webgpu");
  if (!devices.includes("webgpu")) throw new Error("jax-js has no webgpu device here");
  defaultDevice("webgpu");
  const [a, b] = [numpy.array(x).reshape([T, K]), numpy.array(turned).reshape([K, N])];
  await blockUntilReady([a.ref, b.ref]);
  return {
    name: "jax-js, WebGPU",
    flop,
    async run(n) {
      // It computes what is waited for: results that nobody asks for would not be made.
      const results = Array.from({ length: n }, () => numpy.matmul(a.ref, b.ref));
      await blockUntilReady(results);
      for (const result of results) result.dispose();
    },
    result: () => numpy.matmul(a.ref, b.ref).data(),
    async dispose() {
      a.dispose();
      b.dispose();
    },
  };
}

/** The kernel of gpu.js's own documentation; the weights are a constant, which is uploaded once, and the inputs stay on the GPU. */
export async function gpuJsProduct({ T, K, N, x, turned, flop }) {
  const GPU = globalThis.GPU?.GPU ?? globalThis.GPU; // gpu.js; a classic script
  const gpu = new GPU({ mode: "webgpu" });
  const common = { pipeline: true, precision: "single" };
  const upload = gpu.createKernel("function (a) { return a[this.thread.y][this.thread.x]; }", {
    ...common,
    output: [K, T],
  });
  const product = gpu.createKernel(
    `function (a) {
      let sum = 0;
      for (let k = 0; k < ${K}; k++) sum += a[this.thread.y][k] * this.constants.w[k][this.thread.x];
      return sum;
    }`,
    { ...common, output: [N, T], constants: { w: GPU.input(turned, [N, K]) } },
  );
  const from = await upload(GPU.input(x, [K, T]));
  const first = await product(from);
  const ran = product.kernel?.constructor?.mode;
  if (ran !== "webgpu") throw new Error(`gpu.js ran in mode ${ran}`);
  const { device } = first.context;
  return {
    name: "gpu.js, webgpu",
    flop,
    async run(n) {
      for (let i = 0; i < n; i++) {
        const result = await product(from);
        result.delete();
      }
      await device.queue.onSubmittedWorkDone();
    },
    async result() {
      const rows = await (await product(from)).toArray();
      const all = new Float32Array(T * N);
      rows.forEach((row, t) => void all.set(row, t * N));
      return all;
    },
    async dispose() {
      from.delete();
      await gpu.destroy();
    },
  };
}
