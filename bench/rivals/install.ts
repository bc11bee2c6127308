/** Bytes on disk of a package with everything it requires. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { here } from "./engines.ts";

function sizeOf(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const file = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === "node_modules" ? sum : sum + sizeOf(file);
    return sum + (entry.isFile() ? statSync(file).size : 0);
  }, 0);
}

/** Where `name` is found from a package's folder, as Node looks for it; undefined for what is not installed on this platform. */
function find(name: string, from: string): string | undefined {
  for (let at = from; at.startsWith(here); at = dirname(at)) {
    const folder = join(at, "node_modules", name);
    if (existsSync(join(folder, "package.json"))) return folder;
  }
  return undefined;
}

export function installSize(name: string): number {
  if (name === "munjang") {
    const packed = spawnSync("npm", ["pack", "--dry-run", "--json"], { cwd: join(here, "../.."), encoding: "utf8" });
    const answer: unknown = JSON.parse(packed.stdout);
    // A list of packages, or since npm 12 an object of them.
    const [first] = Object.values(answer as Record<string, { unpackedSize: number }>);
    return first.unpackedSize;
  }
  const seen = new Set<string>();
  const queue = [find(name, join(here, "engines"))];
  let bytes = 0;
  for (let folder = queue.pop(); folder !== undefined || queue.length > 0; folder = queue.pop()) {
    if (folder === undefined || seen.has(folder)) continue;
    seen.add(folder);
    bytes += sizeOf(folder);
    const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    for (const key of Object.keys({ ...about.dependencies, ...about.optionalDependencies }))
      queue.push(find(key, folder));
  }
  return bytes;
}
