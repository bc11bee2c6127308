import type { Hostile } from "./hostile.ts";
import { LARGE } from "./large-files.ts";
import { PICKLES } from "./pickle-files.ts";
import { SAFETENSORS } from "./safetensors-files.ts";
import { SHARDS } from "./shard-files.ts";
import { ZIPS } from "./zip-files.ts";

/** Every file made by hand. */
export const CORPUS: readonly Hostile[] = [...SAFETENSORS, ...ZIPS, ...PICKLES, ...SHARDS, ...LARGE];
