/**
 * Weights in several files, with an index that says which tensor lies where: `model.safetensors.index.json` and
 * `pytorch_model.bin.index.json`, `{"metadata": {…}, "weight_map": {"embeddings.word_embeddings.weight": "model-00001-of-00002.safetensors"}}`.
 */
import type { ByteSource } from "../base/bytes.ts";
import { ModelError } from "../base/errors.ts";
import type { TensorInfo, TensorSource } from "../base/tensor.ts";
import { cursorOf, expectEnd, label, readObject, readString, skipValue } from "./json-text.ts";
import { type FormatLimits, limitsOf } from "./limits.ts";
import { findParts, joinRows, type Table } from "./row-parts.ts";
import { noSuchTensor, readBytes } from "./stored.ts";

/**
 * Opens all shards an index names; `open` opens one by its name, undefined where there is none. Headers are read now, tensors when asked for.
 * @throws ModelError naming the shard that is missing or leads out of the folder, or the tensor that is not in the shard it should be in.
 */
export async function openShards(
  index: ByteSource,
  file: string,
  open: (name: string) => Promise<TensorSource | undefined>,
  limits?: FormatLimits,
): Promise<TensorSource> {
  const shards = new Map<string, TensorSource>();
  const sources = new Map<string, TensorSource>();
  const tensors = new Map<string, TensorInfo>();
  for (const [name, shard] of await readIndex(index, file, limits)) {
    const source = shards.get(shard) ?? (await open(shard));
    if (source === undefined) throw new ModelError("is missing: fetch all the parts", { file, field: label(shard) });
    shards.set(shard, source);
    const info = source.tensors.get(name);
    if (info === undefined)
      throw new ModelError(`should hold ${label(name)}, says ${file}`, { file: source.file, field: label(name) });
    sources.set(name, source);
    tensors.set(name, info);
  }

  const tables = new Map<string, Table>();
  const parts = findParts(
    [...tensors].map(([name, info]) => ({ name, source: sources.get(name) as TensorSource, info })),
  );
  for (const [name, rows] of parts) {
    const table = joinRows(name, rows, file);
    tables.set(name, table);
    for (const part of rows) tensors.delete(part.name);
    tensors.set(name, table.info);
  }

  function find(name: string): TensorSource {
    const source = sources.get(name);
    if (source === undefined) noSuchTensor(name, file, tensors);
    return source;
  }

  return {
    file,
    tensors,
    read: async (name, into) => tables.get(name)?.read() ?? find(name).read(name, into),
    readFloat32: async (name, into) => tables.get(name)?.readFloat32() ?? find(name).readFloat32(name, into),
    rows: async (name, where, whole) => tables.get(name)?.rows(where, whole) ?? find(name).rows(name, where, whole),
    ends: async (name) => tables.get(name)?.ends() ?? find(name).ends(name),
  };
}

/** The shard of every tensor. */
async function readIndex(index: ByteSource, file: string, limits?: FormatLimits): Promise<Map<string, string>> {
  const { maxHeaderBytes, maxTensors } = limitsOf(limits);
  const { byteLength } = index;
  if (byteLength > maxHeaderBytes) {
    throw new ModelError("is over the limit of maxHeaderBytes", { file, field: "byteLength", value: byteLength });
  }
  const at = cursorOf(await readBytes(index, 0, byteLength, file, "index"), file, "index", maxTensors);
  let shards = new Map<string, string>();
  readObject(at, "the index", (key) => {
    if (key !== "weight_map") return skipValue(at);
    shards = readObject(at, key, (name) => {
      const shard = readString(at);
      // One folder, and never another kind of file than the index is of.
      const kind = /^\w[\w.-]{0,200}\.(safetensors|bin)$/.exec(shard)?.[1];
      if (kind !== undefined && file.includes(`.${kind}.`)) return shard;
      const problem = "must be the name of a weight file beside the index";
      throw new ModelError(problem, { file, field: label(name), value: shard });
    });
  });
  expectEnd(at);
  if (shards.size === 0) throw new ModelError("names no tensors: fetch the file again", { file, field: "weight_map" });
  return shards;
}
