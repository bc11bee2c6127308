/** The service worker of an extension: loads the model with the built package, without workers, which there are none of. */
import { run } from "./runtimes/page.js";

const files = (folder, names) => ({
  files: Object.fromEntries(names.map((name) => [name, new URL(`./${folder}/${name}`, location.href)])),
});
self.runHere = (options) => run({ ...options, model: files("model", ["config.json", "model.safetensors"]) });
