import { fileURLToPath } from "node:url";
import { findFolder, openFile, openFolder } from "./node-files.ts";
import "./node-threads.ts";
import "./pytorch.ts";
import "./shards.ts";
import { addBackend } from "./backend.ts";
import { reference } from "./kernels/reference.ts";
import { openHub } from "./node-hub.ts";
import { setPlatform } from "./source.ts";

/** The package's entry where there is a file system: everything of `index.ts`, and models by folder, by package name and from the hub. */
export * from "./index.ts";
export { type Downloaded, download } from "./node-model.ts";

addBackend("reference", reference);

setPlatform({
  openName: async (name, options) => {
    const folder = await findFolder(name);
    return folder === undefined ? openHub(name, options) : openFolder(folder, name);
  },
  openFile: (url) => openFile(fileURLToPath(url)),
});
