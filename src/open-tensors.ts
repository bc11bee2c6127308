import type { ByteSource } from "./base/bytes.ts";
import { fail } from "./base/errors.ts";
import type { TensorSource } from "./base/tensor.ts";
import { tensorSource } from "./formats/rows.ts";
import { openSafetensors } from "./formats/safetensors.ts";
import type { openShards } from "./formats/shards.ts";
import type { StoredTensors } from "./formats/stored.ts";
import { inFolder, type ModelSource } from "./source.ts";

type Open = (bytes: ByteSource, file: string) => Promise<StoredTensors>;

/** Files of weights in the order in which transformers looks for them; each may also be an index of shards, `.index.json`. */
const FILES = ["model.safetensors", "pytorch_model.bin"] as const;

/**
 * Who reads them. PyTorch's reader is 5 KB that a page with safetensors has no use for, so `pytorch.ts` brings it: Node's entry always
 * does, others with `import "munjang/pytorch"`.
 */
const READERS = new Map<string, Open>([["model.safetensors", openSafetensors]]);

/** Who reads shards: BERT in several files is so rare that `shards.ts` brings it, in the same way. */
let readShards: typeof openShards | undefined;

export function addShards(open: typeof openShards): void {
  readShards = open;
}

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
  for (const name of FILES) {
    const file = inFolder(folder, name);
    const bytes = await source.open(file);
    const index = bytes ?? (await source.open(`${file}.index.json`));
    if (index === undefined) continue;
    const open = READERS.get(name);
    if (open === undefined) fail(file, undefined, 'needs `import "munjang/pytorch"` here');
    if (bytes !== undefined) return tensorSource(await open(bytes, file));
    const indexFile = `${file}.index.json`;
    if (readShards === undefined) fail(indexFile, undefined, 'needs `import "munjang/shards"` here');
    return readShards(index, indexFile, async (name) => {
      const shard = inFolder(folder, name);
      const part = await source.open(shard);
      return part && tensorSource(await open(part, shard));
    });
  }
  const problem = "is missing, and there is no pytorch_model.bin, nor an index of shards";
  return fail(inFolder(folder, FILES[0]), undefined, problem);
}
