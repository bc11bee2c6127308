import type { ByteSource } from "../../src/base/bytes.ts";
import type { TensorSource } from "../../src/base/tensor.ts";
import { openPytorch } from "../../src/formats/pytorch.ts";
import { tensorSource } from "../../src/formats/rows.ts";
import { openSafetensors } from "../../src/formats/safetensors.ts";
import { openShards } from "../../src/formats/shards.ts";

/** A file made to do harm, or one rule of its format broken. */
export interface Hostile {
  readonly name: string;
  /** Under which name it is opened: the name says as what. */
  readonly file: string;
  readonly bytes: () => ArrayBuffer | Uint8Array;
  /** What the error must say. */
  readonly says: RegExp;
}

/** Opens a file of weights as its name says. Beside an index there is one shard, `model-1.safetensors`, which holds the tensor `a`. */
export async function openHostile(bytes: ByteSource, file: string): Promise<TensorSource> {
  if (file.endsWith(".index.json")) {
    const shard = '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}';
    const data = new Uint8Array(9 + shard.length);
    data[0] = shard.length;
    data.set(new TextEncoder().encode(shard), 8);
    return openShards(bytes, file, async (name) =>
      name === "model-1.safetensors" ? tensorSource(await openSafetensors(data, name)) : undefined,
    );
  }
  return tensorSource(await (file.endsWith(".bin") ? openPytorch : openSafetensors)(bytes, file));
}

/** Opens a file and reads every tensor of it in every way, one after the other. */
export async function readAll(bytes: ByteSource, file: string): Promise<number> {
  const weights = await openHostile(bytes, file);
  let tensors = 0;
  for (const [name, { dtype, shape }] of weights.tensors) {
    await weights.ends(name);
    if (/^b?float/.test(dtype)) {
      await weights.readFloat32(name);
      if (shape.length === 2)
        await (await weights.rows(name, "source")).read(
          new Int32Array(Math.min(1, shape[0])),
          new Float32Array(shape[1]),
        );
    }
    tensors++;
  }
  return tensors;
}
