import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { goldenFolder } from "./golden/read.ts";

/** A small model's files in memory, by path, so that a test can damage one. */
export function tinyFiles(name = "plain"): Record<string, Uint8Array<ArrayBuffer>> {
  const folder = goldenFolder(name);
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    paths
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const path = join(entry.parentPath, entry.name);
        return [path.slice(folder.length).replaceAll("\\", "/").replace(/^\//, ""), new Uint8Array(readFileSync(path))];
      }),
  );
}

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** The same files with one JSON file changed. */
export function withJson(
  files: Record<string, Uint8Array>,
  path: string,
  change: (json: Record<string, unknown>) => unknown,
): Record<string, Uint8Array | string> {
  const json = JSON.parse(decode(files[path]));
  return { ...files, [path]: JSON.stringify(change(json) ?? json) };
}
