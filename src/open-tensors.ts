import type { ByteSource } from "./base/bytes.ts";
import { ModelError } from "./base/errors.ts";
import type { TensorSource } from "./base/tensor.ts";
import { openPytorch } from "./formats/pytorch.ts";
import { openSafetensors } from "./formats/safetensors.ts";
import { openShards } from "./formats/shards.ts";
import type { ModelSource } from "./source.ts";

type Open = (bytes: ByteSource, file: string) => Promise<TensorSource>;

/** Files of weights in the order in which transformers looks for them; each may also be an index of shards, `.index.json`. */
const FILES: readonly (readonly [string, Open])[] = [
  ["model.safetensors", openSafetensors],
  ["pytorch_model.bin", openPytorch],
];

/** What the names of weight files end with: their tensors count for a model's identity, not their bytes. */
export const WEIGHTS: RegExp = /\.(safetensors|bin)(\.index\.json)?$/;

/**
 * The weights in a folder of a model ("" for its own): one file or shards, safetensors or PyTorch.
 * @throws ModelError where there are none, or they break a rule of their format.
 */
export async function openTensors(source: ModelSource, folder: string): Promise<TensorSource> {
  const within = folder === "" ? "" : `${folder}/`;
  for (const [name, open] of FILES) {
    const bytes = await source.open(within + name);
    if (bytes !== undefined) return open(bytes, within + name);
    const index = await source.open(`${within}${name}.index.json`);
    if (index === undefined) continue;
    return openShards(index, `${within}${name}.index.json`, async (shard) => {
      const bytes = await source.open(within + shard);
      return bytes === undefined ? undefined : open(bytes, within + shard);
    });
  }
  throw new ModelError("is missing, and there is no pytorch_model.bin, nor an index of shards", {
    file: `${within}model.safetensors`,
  });
}
