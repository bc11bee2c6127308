/** A process of its own that fetches files of a model: `sources-child.ts <model> <path>…`. Prints a line with the hash of each. */

import { createHash } from "node:crypto";
import "../../src/node.ts";
import { openModel } from "../../src/source.ts";

const [name, ...paths] = process.argv.slice(2);
const source = await openModel(name);
for (const path of paths) {
  const bytes = await source.open(path);
  const sum =
    bytes &&
    createHash("sha256")
      .update(new Uint8Array(await bytes.slice(0, bytes.byteLength)))
      .digest("hex");
  console.log(`${path} ${sum ?? "absent"}`);
}
await source.close();
