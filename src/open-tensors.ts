import type { ByteSource } from "./base/bytes.ts";
import { ModelError } from "./base/errors.ts";
import type { TensorSource } from "./base/tensor.ts";
import { tensorSource } from "./formats/rows.ts";
import { openSafetensors } from "./formats/safetensors.ts";
import { openShards } from "./formats/shards.ts";
import type { StoredTensors } from "./formats/stored.ts";
import type { ModelSource } from "./source.ts";

type Open = (bytes: ByteSource, file: string) => Promise<StoredTensors>;

/** Files of weights in the order in which transformers looks for them; each may also be an index of shards, `.index.json`. */
const FILES = ["model.safetensors", "pytorch_model.bin"] as const;

/**
 * Who reads them. PyTorch's reader is 5 KB that a page with safetensors has no use for, so `pytorch.ts` brings it: Node's entry always
 * does, others with `import "munjang/pytorch"`.
 */
const READERS = new Map<string, Open>([["model.safetensors", openSafetensors]]);

export function addReader(file: (typeof FILES)[number], open: Open): void {
  READERS.set(file, open);
}

/** What the names of weight files end with: their tensors count for a model's identity, not their bytes. */
export const WEIGHTS: RegExp = /\.(safetensors|bin)(\.index\.json)?$/;

/**
 * The weights in a folder of a model ("" for its own): one file or shards, safetensors or PyTorch.
 * @throws ModelError where there are none, or they break a rule of their format.
 */
export async function openTensors(source: ModelSource, folder: string): Promise<TensorSource> {
  const within = folder === "" ? "" : `${folder}/`;
  for (const name of FILES) {
    const file = within + name;
    const bytes = await source.open(file);
    const index = bytes ?? (await source.open(`${file}.index.json`));
    if (index === undefined) continue;
    const open = READERS.get(name);
    if (open === undefined) throw new ModelError('needs `import "munjang/pytorch"` here', { file });
    if (bytes !== undefined) return tensorSource(await open(bytes, file));
    return openShards(index, `${file}.index.json`, async (shard) => {
      const part = await source.open(within + shard);
      return part === undefined ? undefined : tensorSource(await open(part, within + shard));
    });
  }
  throw new ModelError("is missing, and there is no pytorch_model.bin, nor an index of shards", {
    file: `${within}model.safetensors`,
  });
}
