import { numbers } from "./measure.js";

/* [T,K] x [K,N] on munjang's kernels, and whether anybody's product is right. */

const tensor = (data, shape) => ({ data, shape, stride: [shape[1] ?? 1, 1], offset: 0, dtype: "float32" });

/** Operands: `weight` is [N,K], as torch has it, `turned` [K,N]. */
export function operands(T, K, N) {
  const random = numbers(T + K + N);
  const [x, weight] = [random(T * K), random(N * K)];
  const turned = new Float32Array(K * N);
  for (let n = 0; n < N; n++) for (let k = 0; k < K; k++) turned[k * N + n] = weight[n * K + k];
  return { T, K, N, x, weight, turned, flop: 2 * T * K * N };
}

/** Whole rows against float64: up to eight, the first and the last among them. Says what is wrong, and how far the worst number is off. */
export function check(out, { T, K, N, x, weight }, half = false) {
  if (out.length !== T * N) return { worst: null, wrong: `${out.length} numbers, not ${T * N}` };
  let [worst, wrong] = [0, undefined];
  const rows = new Set(Array.from({ length: 8 }, (_, i) => Math.round((i * (T - 1)) / 7)));
  for (const t of rows) {
    for (let n = 0; n < N; n++) {
      let [sum, size, squares] = [0, 0, 0];
      for (let k = 0; k < K; k++) {
        const product = x[t * K + k] * weight[n * K + k];
        sum += product;
        size += Math.abs(product);
        squares += product * product;
      }
      // Roundings of a chain of K, that go one way no more than by chance; and those of weights of 11 bits.
      const allowed = Math.sqrt(K) * 2 ** -24 * size + (half ? (6 * 2 ** -11 * Math.sqrt(squares)) / Math.sqrt(3) : 0);
      const off = Math.abs(out[t * N + n] - sum);
      worst = Math.max(worst, off);
      if (!(off <= allowed)) wrong ??= `row ${t}, column ${n}: ${out[t * N + n]}, not ${sum}`;
    }
  }
  return { worst: Number(worst.toPrecision(2)), ...(wrong && { wrong }) };
}

/** Any kernels of munjang's. */
export function productOn(kernels, name, { T, K, N, x, weight, flop }) {
  const w = kernels.prepare(tensor(weight, [N, K]), tensor(new Float32Array(N), [N]));
  const [from, out] = [kernels.alloc(T * K), kernels.alloc(T * N)];
  kernels.write(from, x);
  return {
    name,
    flop,
    half: name.includes("float16"),
    async run(n) {
      for (let i = 0; i < n; i++) kernels.linear(out, from, w, T);
      await kernels.read(out, 1);
    },
    async result() {
      kernels.linear(out, from, w, T);
      return (await kernels.read(out, T * N)).slice();
    },
    dispose: () => kernels.dispose(),
  };
}

/** Its WGSL kernels on a device. `few`: up to how many tokens the one for few is used; left out, what the backend takes. */
export async function munjangWebGpu(dist, device, name, given, { few, software, half = false }) {
  const { gpuKernels } = await import(`${dist}kernels/webgpu/index.js`);
  const { maxStorageBufferBindingSize, maxBufferSize } = device.limits;
  const binding = Math.min(maxStorageBufferBindingSize, maxBufferSize);
  return productOn(gpuKernels(device, { half, binding, few: few ?? (software ? 0 : 32) }), name, given);
}

export async function munjangWasm(dist, given) {
  const { wasm } = await import(`${dist}kernels/index.js`);
  return productOn(await wasm(), "munjang wasm, 1 thread", given);
}
