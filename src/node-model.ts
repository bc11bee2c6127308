import { basename } from "node:path";
import { ModelError } from "./base/errors.ts";
import { loadTokenizer } from "./bert-tokenizer.ts";
import { loadConfig } from "./encoder.ts";
import { readModules } from "./modules.ts";
import { findFolder } from "./node-files.ts";
import { openTensors } from "./open-tensors.ts";
import { type ModelSource, readText, type SourceOptions } from "./source.ts";
import { readTransformerSettings } from "./transformer-settings.ts";

/** What `download` has brought into the cache, or found there. */
export interface Downloaded {
  /** The snapshot's folder; `load` takes it too. */
  readonly folder: string;
  /** The commit it is of, 40 hexadecimal digits. */
  readonly commit: string;
  /** The files that `load` needs, by their path inside the model. */
  readonly files: readonly { readonly file: string; readonly bytes: number }[];
  /** True where the hub was not asked (`localFilesOnly`, `HF_HUB_OFFLINE`): the branch may stand elsewhere by now. */
  readonly offline: boolean;
}

/**
 * Brings every file of a hub's model that `load` needs into the cache, without loading the weights. The hub is asked where the branch
 * stands, unless `refresh` is false; files that are in the cache are not fetched again.
 *
 * Configuration, modules and vocabulary are read as `load` reads them, and of the weights what lies where; so a model that cannot run is mostly
 * refused here already.
 *
 * @throws ModelError as `load` does; where `model` names a folder or an installed package, because there is nothing to fetch.
 * @example
 * const { folder } = await download("snunlp/KR-SBERT-V40K-klueNLI-augSTS", { onProgress: console.log });
 */
export async function download(model: string, options: SourceOptions = {}): Promise<Downloaded> {
  if (typeof model !== "string")
    throw new ModelError("must be the name of a model of the hub", { field: "model", value: model });
  const here = /^https?:/i.test(model) ? model : await findFolder(model);
  if (here !== undefined) {
    const problem = `is not a model of the hub (owner/name), so there is nothing to put into the cache: load it as it is, from ${here}`;
    throw new ModelError(problem, { field: "model", value: model });
  }
  const { isOffline, openHub } = await import("./node-hub.ts");
  const hub = await openHub(model, { ...options, refresh: options.refresh ?? true });
  const sizes = new Map<string, number>();
  const source: ModelSource = {
    name: hub.name,
    close: () => hub.close(),
    open: async (path) => {
      options.signal?.throwIfAborted();
      const bytes = await hub.open(path);
      if (bytes !== undefined) sizes.set(path, bytes.byteLength);
      return bytes;
    },
  };
  try {
    // As `loadParts` goes through them.
    const list = await readModules(source, async (folder) => (await loadConfig(source, folder)).hiddenSize);
    const settings = list.listed ? await readTransformerSettings(source, list.transformer) : undefined;
    if (list.listed) await readText(source, "config_sentence_transformers.json");
    await loadTokenizer(source, list.transformer, { lowerCase: settings?.lowerCase });
    await openTensors(source, list.transformer);
  } finally {
    await source.close();
  }
  const folder = hub.folder as string; // a model of the hub has one
  const files = [...sizes].map(([file, bytes]) => ({ file, bytes }));
  return { folder, commit: basename(folder), files, offline: isOffline(options) };
}
