/** The engines of npm, each behind the same two functions. What they must do right here: fixed threads, no download, real work. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import type { LoadOptions } from "munjang";
import { kernelLimits } from "./limits.ts";
import { chunks, type Engine, type Setting } from "./protocol.ts";

const engines = join(import.meta.dirname, "engines");
const require = createRequire(join(engines, "package.json"));

export function version(name: string): string {
  return JSON.parse(readFileSync(join(engines, "node_modules", name, "package.json"), "utf8")).version;
}

/** The part of onnxruntime-common that is used here; both runtimes have it. */
interface OnnxTensor {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}
interface Onnx {
  readonly env: { readonly wasm: { numThreads: number; wasmPaths?: string } };
  readonly Tensor: new (type: "int64", data: BigInt64Array, dims: readonly number[]) => OnnxTensor;
  readonly InferenceSession: {
    create(model: string | Uint8Array, options: object): Promise<Session>;
  };
}
interface Session {
  run(feeds: Record<string, OnnxTensor>): Promise<Record<string, OnnxTensor>>;
}

/** Three inputs [B, L], padded with zeros to the longest text. */
function padded(texts: readonly (readonly number[])[], Tensor: Onnx["Tensor"]): Record<string, OnnxTensor> {
  const L = Math.max(...texts.map((ids) => ids.length));
  const dims = [texts.length, L];
  const ids = new BigInt64Array(texts.length * L);
  const mask = new BigInt64Array(texts.length * L);
  for (const [n, text] of texts.entries()) {
    text.forEach((id, t) => {
      ids[n * L + t] = BigInt(id);
    });
    mask.fill(1n, n * L, n * L + text.length);
  }
  return {
    input_ids: new Tensor("int64", ids, dims),
    attention_mask: new Tensor("int64", mask, dims),
    token_type_ids: new Tensor("int64", new BigInt64Array(texts.length * L), dims),
  };
}

/** Means over each text's own tokens of states [B, L, H]. */
function means({ data, dims }: OnnxTensor, texts: readonly (readonly number[])[]): Float32Array[] {
  const [, L, H] = dims;
  return texts.map(({ length }, n) => {
    const out = new Float32Array(H);
    for (let t = 0; t < length; t++) {
      const from = (n * L + t) * H;
      for (let h = 0; h < H; h++) out[h] += data[from + h];
    }
    for (let h = 0; h < H; h++) out[h] /= length;
    return out;
  });
}

type Kind = "float32" | "int8";
const graph = (model: string, kind: Kind): string =>
  join(model, "onnx", kind === "int8" ? "model_quantized.onnx" : "model.onnx");

const sessionOptions = (threads: number): object => ({
  graphOptimizationLevel: "all",
  executionMode: "sequential",
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
});

function onnxruntime(name: "onnxruntime-web" | "onnxruntime-node", kind: Kind) {
  return async ({ model, threads }: Setting): Promise<Engine> => {
    const ort = require(name) as Onnx;
    const web = name === "onnxruntime-web";
    if (web) ort.env.wasm.numThreads = threads;
    const file = graph(model, kind);
    const session = await ort.InferenceSession.create(web ? readFileSync(file) : file, sessionOptions(threads));
    return {
      about: { version: version(name) },
      async ids(texts, batch) {
        const out: Float32Array[] = [];
        for (const part of chunks(texts, batch)) {
          const { last_hidden_state } = await session.run(padded(part, ort.Tensor));
          out.push(...means(last_hidden_state, part));
        }
        return out;
      },
    };
  };
}

interface Extractor {
  (texts: readonly string[], options: { pooling: "mean" }): Promise<OnnxTensor>;
  model(feeds: Record<string, OnnxTensor>): Promise<{ last_hidden_state: OnnxTensor }>;
}
interface Transformers {
  readonly env: { allowRemoteModels: boolean; localModelPath: string };
  readonly Tensor: Onnx["Tensor"];
  pipeline(task: "feature-extraction", model: string, options: object): Promise<Extractor>;
}

function transformersJs(runtime: "onnxruntime-web" | "onnxruntime-node", kind: Kind) {
  return async ({ model, threads }: Setting): Promise<Engine> => {
    if (runtime === "onnxruntime-web") {
      // In Node it takes onnxruntime-node unless the surroundings offer a runtime: this is its door for that.
      const web = require("onnxruntime-web") as Onnx;
      web.env.wasm.numThreads = threads;
      web.env.wasm.wasmPaths = `${join(engines, "node_modules/onnxruntime-web/dist")}/`; // else it asks a network for them
      Object.assign(globalThis, { [Symbol.for("onnxruntime")]: web });
    }
    const { env, pipeline, Tensor } = require("@huggingface/transformers") as Transformers;
    env.allowRemoteModels = false;
    env.localModelPath = dirname(model);
    const extract = await pipeline("feature-extraction", basename(model), {
      dtype: kind === "int8" ? "q8" : "fp32",
      // "auto": the default, "cpu", is refused where the runtime is given. It imports onnxruntime-node all the same, and both runtimes
      // share one registry: without the provider's name the native one would answer, and a WebAssembly rival be timed as if it were.
      ...(runtime === "onnxruntime-web" ? { device: "auto" } : {}),
      session_options: {
        ...sessionOptions(threads),
        ...(runtime === "onnxruntime-web" ? { executionProviders: ["wasm"] } : {}),
      },
    });
    return {
      about: { version: version("@huggingface/transformers"), runtime },
      async ids(texts, batch) {
        const out: Float32Array[] = [];
        for (const part of chunks(texts, batch)) {
          const { last_hidden_state } = await extract.model(padded(part, Tensor));
          out.push(...means(last_hidden_state, part));
        }
        return out;
      },
      async texts(texts, batch) {
        const out: Float32Array[] = [];
        for (const part of chunks(texts, batch)) {
          const { data, dims } = await extract(part, { pooling: "mean" });
          for (let n = 0; n < dims[0]; n++) out.push(data.slice(n * dims[1], (n + 1) * dims[1]));
        }
        return out;
      },
    };
  };
}

function munjang(options: LoadOptions) {
  return async ({ model, threads }: Setting): Promise<Engine> => {
    const { SentenceTransformer } = await import("munjang");
    // One thread is the caller's own; room for the largest budget that is tried.
    const asked = { ...options, threads: threads === 1 ? 0 : threads, tokensPerBatch: 512 };
    const engine = await SentenceTransformer.load(model, asked);
    const { name, threads: effective, width, reason } = engine.backend;
    if ("wide" in options && width !== 256) throw new Error(`asked for 256 bits, got ${width}`);
    if (effective !== asked.threads) throw new Error(`asked for ${asked.threads} threads, got ${effective}`);
    return {
      about: { backend: name, threads: String(effective), width: String(width), reason },
      // Its batches are counted in tokens.
      ids: (texts, tokensPerBatch) =>
        engine.encode(
          texts.map((ids) => ({ ids })),
          { tokensPerBatch },
        ),
      texts: (texts, tokensPerBatch) => engine.encode(texts, { tokensPerBatch }),
    };
  };
}

/** The matrix product that half of a BERT layer is made of.   [T,K] x [K,N] */
const PRODUCT = { T: 256, K: 768, N: 3072 };
const numbers = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => Math.sin(i) / 4);

async function productRate(milliseconds: number, product: () => unknown): Promise<number> {
  await product();
  const start = performance.now();
  let [calls, passed] = [0, 0];
  do {
    await product();
    calls++;
    passed = performance.now() - start;
  } while (passed < milliseconds);
  return (calls * 2 * PRODUCT.T * PRODUCT.K * PRODUCT.N) / passed / 1e6;
}

/** One element against float64, so that nobody is timed for a wrong product. */
function checkProduct(out: ArrayLike<number>, x: Float32Array, w: Float32Array): void {
  const { K, N } = PRODUCT;
  const [t, n] = [200, 2000];
  let sum = 0;
  for (let k = 0; k < K; k++) sum += x[t * K + k] * w[k * N + n];
  if (!(Math.abs(out[t * N + n] - sum) < 1e-4)) throw new Error(`the product is off: ${out[t * N + n]} for ${sum}`);
}

interface JaxArray {
  readonly ref: JaxArray;
  reshape(shape: readonly number[]): JaxArray;
  data(): Promise<Float32Array>;
  blockUntilReady(): Promise<JaxArray>;
  dispose(): void;
}
interface Jax {
  init(device: "wasm"): Promise<readonly string[]>;
  defaultDevice(device: "wasm"): void;
  readonly numpy: { array(data: Float32Array): JaxArray; matmul(a: JaxArray, b: JaxArray): JaxArray };
}

async function jaxJs(): Promise<Engine> {
  const { init, defaultDevice, numpy } = require("@jax-js/jax") as Jax;
  const devices = await init("wasm");
  if (!devices.includes("wasm")) throw new Error("jax-js has no wasm device here");
  defaultDevice("wasm");
  const { T, K, N } = PRODUCT;
  const [x, w] = [numbers(T * K), numbers(K * N)];
  const [a, b] = [numpy.array(x).reshape([T, K]), numpy.array(w).reshape([K, N])];
  checkProduct(await numpy.matmul(a.ref, b.ref).data(), x, w);
  const product = async (): Promise<void> => (await numpy.matmul(a.ref, b.ref).blockUntilReady()).dispose();
  return {
    about: { version: version("@jax-js/jax") },
    rates: async (milliseconds) => ({ product: await productRate(milliseconds, product) }),
  };
}

async function munjangProduct(): Promise<Engine> {
  const { wasm } = await import("munjang/kernels");
  const { T, K, N } = PRODUCT;
  const [x, w] = [numbers(T * K), numbers(K * N)];
  const turned = Float32Array.from({ length: K * N }, (_, i) => w[(i % K) * N + Math.floor(i / K)]);
  const tensor = (data: Float32Array, shape: number[]) =>
    ({ data, shape, stride: [shape[1] ?? 1, 1], offset: 0, dtype: "float32" }) as const;
  const kernels = await wasm();
  const weight = kernels.prepare(tensor(turned, [N, K]), tensor(new Float32Array(N), [N]));
  const [from, to] = [kernels.alloc(T * K), kernels.alloc(T * N)];
  kernels.write(from, x);
  kernels.linear(to, from, weight, T);
  checkProduct(await kernels.read(to, T * N), x, w);
  return {
    about: { backend: kernels.name },
    rates: async (milliseconds) => ({
      product: await productRate(milliseconds, () => kernels.linear(to, from, weight, T)),
    }),
  };
}

async function limits({ threads }: Setting): Promise<Engine> {
  const width = process.execArgv.includes("--experimental-wasm-revectorize") ? 256 : 128;
  return {
    about: { width: String(width) },
    rates: (milliseconds) => kernelLimits(width, threads, milliseconds),
  };
}

/** By the names of engines.ts. */
export const adapters: Readonly<Record<string, (setting: Setting) => Promise<Engine>>> = {
  "munjang-wasm": munjang({ backend: "wasm" }),
  "munjang-wide": munjang({ backend: "wasm", wide: true }),
  "munjang-int8": munjang({ backend: "wasm" }),
  "munjang-int8-wide": munjang({ backend: "wasm", wide: true }),
  "munjang-int8-12": munjang({ backend: "wasm", dtype: "int8-12" }),
  "web-float32": onnxruntime("onnxruntime-web", "float32"),
  "web-int8": onnxruntime("onnxruntime-web", "int8"),
  "node-float32": onnxruntime("onnxruntime-node", "float32"),
  "node-int8": onnxruntime("onnxruntime-node", "int8"),
  "transformers-web-float32": transformersJs("onnxruntime-web", "float32"),
  "transformers-web-int8": transformersJs("onnxruntime-web", "int8"),
  "transformers-node-float32": transformersJs("onnxruntime-node", "float32"),
  "transformers-node-int8": transformersJs("onnxruntime-node", "int8"),
  "product-jax-js": jaxJs,
  "product-munjang": munjangProduct,
  "limits-128": limits,
  "limits-256": limits,
};
