import { fileURLToPath } from "node:url";
import { findFolder, openFile, openFolder } from "./node-files.ts";
import { openHub } from "./node-hub.ts";
import { setPlatform } from "./source.ts";

/** The package's entry where there is a file system: everything of `index.ts`, and models by folder, by package name and from the hub. */
export * from "./index.ts";

setPlatform({
  openName: async (name, options) => {
    const folder = await findFolder(name);
    return folder === undefined ? openHub(name, options) : openFolder(folder, name);
  },
  openFile: (url) => openFile(fileURLToPath(url)),
});
