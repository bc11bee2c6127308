import type { Batch } from "../../base/batch.ts";
import { layerNorm } from "../../base/layer-norm.ts";
import type { Embeddings, Kernels } from "../kernels.ts";
import { attention } from "./attention.ts";
import { linear, prepare } from "./linear.ts";

/**
 * The plain JavaScript backend, for places that forbid WebAssembly: float32 between the operations, float64 inside them, and nothing
 * whose bits differ between engines (`base/math.ts` has the exp and erf), so that it too gives one answer everywhere.
 */
export function js(): Kernels<Float32Array> {
  return { name: "js", alloc, write, prepare, read, dispose, embed, linear, attention, layerNorm };
}

function alloc(length: number): Float32Array {
  return new Float32Array(length);
}

function write(to: Float32Array, values: Float32Array): void {
  to.set(values);
}

async function read(from: Float32Array, length: number): Promise<Float32Array> {
  return from.slice(0, length);
}

async function dispose(): Promise<void> {}

/** (word + position) + type.   [T,H] */
function embed(
  out: Float32Array,
  words: Float32Array,
  tables: Embeddings<Float32Array>,
  batch: Batch,
  H: number,
): void {
  for (let t = 0; t < batch.ids.length; t++) {
    const to = t * H;
    const position = batch.positions[t] * H;
    const type = batch.typeIds[t] * H;
    for (let h = 0; h < H; h++) {
      out[to + h] = words[to + h] + tables.position[position + h] + tables.type[type + h];
    }
  }
}
