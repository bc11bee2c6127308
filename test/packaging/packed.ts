import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/* The packages as a user gets them: packed, and installed by path into a project that has nothing else. No registry is asked. */

export const root = join(import.meta.dirname, "../..");
export const NAMES = ["munjang", "munjang-mini-ko"] as const;

export interface Project {
  readonly folder: string;
  /** The packed files, by name of the package. */
  readonly tarballs: Readonly<Record<(typeof NAMES)[number], string>>;
  /** Writes a file of the project; its path. */
  write(name: string, text: string): string;
  remove(): void;
}

export function project(): Project {
  const folder = mkdtempSync(join(tmpdir(), "munjang-packaging-"));
  const pack = (name: string): string => {
    const args = ["pack", "--silent", "--pack-destination", folder, ...(name === "munjang" ? [] : ["-w", name])];
    return join(folder, execFileSync("npm", args, { cwd: root, encoding: "utf8" }).trim());
  };
  const tarballs = { munjang: pack("munjang"), "munjang-mini-ko": pack("munjang-mini-ko") };
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "program", private: true, type: "module" }));
  const install = ["install", "--offline", "--silent", "--no-audit", "--no-fund", ...Object.values(tarballs)];
  execFileSync("npm", install, { cwd: folder });
  return {
    folder,
    tarballs,
    write(name, text) {
      const file = join(folder, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
      return file;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A package of this folder, which `npm run check` does not know. */
export async function tool<T>(name: string): Promise<T> {
  return (await import(/* @vite-ignore */ name)) as T;
}

/** The files of munjang-mini-ko, where a bundler does not copy them. */
export function copyModel(to: string): void {
  cpSync(join(root, "weights/model"), join(to, "model"), { recursive: true });
}
