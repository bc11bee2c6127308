// biome-ignore-all assist/source/organizeImports: the order is what this file is for

/*
 * The order in which bundlers write the engine's modules, and nothing else: all of these are imported elsewhere anyway. gzip looks back 32 KB,
 * a third of the engine, so what looks alike stands close together.
 */
export {} from "./tokenizer/tables/classes.ts";
export {} from "./tokenizer/tables/lower.ts";
export {} from "./tokenizer/tables/marks.ts";
export {} from "./formats/arrays.ts";
export {} from "./kernels/wasm/rows.ts";
export {} from "./kernels/wasm/product.ts";
export {} from "./kernels/wasm/pack.ts";
export {} from "./kernels/wasm/operations.ts";
export {} from "./kernels/wasm/arena.ts";
export {} from "./base/half.ts";
export {} from "./base/tensor.ts";
export {} from "./tokenizer/unpack.ts";
export {} from "./base/sha256.ts";
export {} from "./pooling/precision.ts";
export {} from "./base/bytes.ts";
export {} from "./base/activations.ts";
export {} from "./tokenizer/normalise.ts";
export {} from "./tokenizer/pipeline.ts";
export {} from "./kernels/js/index.ts";
export {} from "./kernels/wasm/index.ts";
export {} from "./run/turns.ts";
export {} from "./formats/safetensors-header.ts";
export {} from "./backend.ts";
export {} from "./formats/safetensors.ts";
export {} from "./tokenizer/vocabulary.ts";
export {} from "./kernels/js/linear.ts";
export {} from "./base/json.ts";
export {} from "./formats/rows.ts";
export {} from "./tokenizer/scanner.ts";
export {} from "./pooling/similarity.ts";
export {} from "./pooling/pool.ts";
export {} from "./options.ts";
export {} from "./prompts.ts";
export {} from "./bert-model.ts";
export {} from "./load.ts";
