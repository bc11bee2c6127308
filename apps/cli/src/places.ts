import { realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { Usage } from "./input.ts";
import { type Output, openOutput } from "./output.ts";

/** Paths by what the command line calls them, such as `--output`; undefined where they are not given. */
export type Places = Readonly<Record<string, string | undefined>>;

/** @throws Usage where two outputs are one file, or one is read too */
export function checkPlaces(outputs: Places, inputs: Places): void {
  const taken = new Map<string, string>();
  for (const [name, path] of Object.entries(inputs)) {
    const file = path === "-" ? undefined : fileOf(path);
    if (file !== undefined) taken.set(file, name);
  }
  for (const [name, path] of Object.entries(outputs)) {
    const file = fileOf(path);
    if (file === undefined) continue;
    const other = taken.get(file);
    if (other !== undefined) throw new Usage(`${other} and ${name} are one file, ${path}: name another for ${name}`);
    taken.set(file, name);
  }
}

/** Where a path leads, links followed; undefined for devices, pipes and folders, which nothing replaces. */
function fileOf(path: string | undefined): string | undefined {
  if (path === undefined || path === "") return undefined;
  try {
    return statSync(path).isFile() ? realpathSync.native(path) : undefined;
  } catch {
    // There is no such file yet.
  }
  const whole = resolve(path);
  try {
    return join(realpathSync.native(dirname(whole)), basename(whole));
  } catch {
    return whole; // no such folder: told where it is opened
  }
}

/**
 * Writes the contents that `work` returns, by the names of `outputs`, all files or none, and gives its result. What cannot be written to is told
 * before the work.
 *
 * @throws Usage as `checkPlaces`
 */
export async function writeAll<T>(
  outputs: Places,
  inputs: Places,
  work: () => Promise<{ readonly contents: Readonly<Record<string, string>>; readonly result: T }>,
): Promise<T> {
  checkPlaces(outputs, inputs);
  const opened: { readonly name: string; readonly output: Output }[] = [];
  try {
    for (const [name, path] of Object.entries(outputs)) {
      if (path !== undefined) opened.push({ name, output: await openOutput(path) });
    }
    const { contents, result } = await work();
    for (const { name, output } of opened) await output.write(contents[name]);
    for (const { output } of opened) await output.finish();
    return result;
  } catch (error) {
    for (const { output } of opened) output.discard();
    throw error;
  }
}
