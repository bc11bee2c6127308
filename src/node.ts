import { findFolder, openFile, openFolder, pathOf } from "./node-files.ts";
import "./node-threads.ts";
import "./int8.ts";
import "./pytorch.ts";
import "./shards.ts";
import "./fastest.ts";
import "./verify.ts";
import { addBackend } from "./backend.ts";
import { reference } from "./kernels/reference.ts";
import { setPlatform } from "./source.ts";

/** The package's entry where there is a file system: everything of `index.ts`, and models by folder, by package name and from the hub. */
export * from "./index.ts";
export { type Downloaded, download } from "./node-model.ts";

addBackend("reference", reference);

setPlatform({
  openName: async (name, options) => {
    const folder = await findFolder(name);
    if (folder !== undefined) return openFolder(folder, name);
    const { openHub } = await import("./node-hub.ts"); // with node:crypto and more, which a model on disk does not need
    return openHub(name, options);
  },
  openFile: (url) => openFile(pathOf(url)),
});
