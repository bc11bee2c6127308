import { statSync } from "node:fs";
import { dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { isAddress } from "./server.ts";

/** Names of files in an index: from the folder the index lies in, so that both may move together; on a server, absolute. */
export function names(place: string): { nameOf(path: string): string; pathOf(name: string): string } {
  if (isAddress(place)) return { nameOf: slashed, pathOf: (name) => name };
  const base = dirname(resolve(place));
  return { nameOf: (path) => slashed(relative(base, path)), pathOf: (name) => resolve(base, name) };
}

export function slashed(path: string): string {
  return sep === "/" ? path : path.split(sep).join("/");
}

/** Whether a path is the folder itself, or in it. */
export function isUnder(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === "" || (!isAbsolute(way) && way !== ".." && !way.startsWith(`..${sep}`));
}

/** Whether nothing is there; a path that cannot be looked at may be there. */
export function isAbsent(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) === undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOTDIR";
  }
}
