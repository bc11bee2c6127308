import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { mini } from "munjang-mini-ko";
import type { SourceFlags } from "./model.ts";

/** Files of a model that has been loaded once, by their path inside it. */
export interface Files {
  /** Undefined for a URL. */
  readonly folder: string | undefined;
  readText(path: string): Promise<string | undefined>;
}

/** Whether it is the name of a model on the hub, and nothing nearer has that name. */
export function isHubName(name: string): boolean {
  return /^[^/\\.@][^/\\]*\/[^/\\]+$/.test(name) && !existsSync(name);
}

/** The files behind a model's name, so that they can be shown; that they are good was the engine's business. */
export function filesOf({ model, revision, cacheDir }: SourceFlags): Files {
  if (/^https?:/i.test(model)) {
    const readText = async (path: string): Promise<string | undefined> => {
      const answer = await fetch(new URL(path, `${model.replace(/[?#].*$/, "").replace(/\/*$/, "")}/`));
      return answer.ok ? answer.text() : undefined;
    };
    return { folder: undefined, readText };
  }
  const folder = isHubName(model) ? snapshotOf(model, revision, cacheDir) : localFolder(model);
  return {
    folder,
    readText: async (path) => {
      if (folder === undefined) return undefined;
      return readFile(join(folder, path), "utf8").catch(() => undefined);
    },
  };
}

function localFolder(name: string): string | undefined {
  if (name === mini.name) return dirname(fileURLToPath(mini.files["config.json"]));
  const folder = resolve(name.startsWith("file:") ? fileURLToPath(name) : name);
  if (existsSync(folder)) return folder;
  const require = createRequire(pathToFileURL(resolve("package.json")));
  try {
    const manifest = require.resolve(`${name}/package.json`);
    return join(dirname(manifest), require(manifest).munjang.model);
  } catch {
    return undefined; // the engine found it where it is itself installed
  }
}

/** Where the cache of the hub has a model, looked for in the standard places; undefined where it is set up in another way. */
export function snapshotOf(id: string, revision: string = "main", cacheDir?: string): string | undefined {
  const { HF_HOME, HF_HUB_CACHE, XDG_CACHE_HOME } = process.env;
  const home = HF_HOME || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "huggingface");
  const model = resolve(cacheDir ?? (HF_HUB_CACHE || join(home, "hub")), `models--${id.replace("/", "--")}`);
  const ref = join(model, "refs", revision);
  const commit = existsSync(ref) ? readFileSync(ref, "utf8").trim() : revision;
  const folder = join(model, "snapshots", commit);
  return existsSync(folder) ? folder : undefined;
}
