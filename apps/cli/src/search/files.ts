import { existsSync, type Stats } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import ignore, { type Ignore } from "ignore";
import picomatch from "picomatch";

/** How a file is read. */
export type Kind = "text" | "markdown" | "csv" | "tsv" | "jsonl" | "pdf";

const KINDS: Readonly<Record<string, Kind>> = {
  ...{ txt: "text", text: "text", rst: "text", org: "text", adoc: "text", tex: "text", srt: "text", vtt: "text" },
  ...{ md: "markdown", markdown: "markdown", mdx: "markdown" },
  ...{ csv: "csv", tsv: "tsv", tab: "tsv", jsonl: "jsonl", ndjson: "jsonl", pdf: "pdf" },
};

export interface Found {
  /** Absolute. */
  readonly path: string;
  readonly kind: Kind;
}

/** What a walk did not take, by why. */
export interface PassedOver {
  /** Endings, and how many files have each. */
  readonly otherKinds: Map<string, number>;
  unreadable: { path: string; why: string }[];
}

export interface WalkOptions {
  /** Globs of files that are read as text whatever their ending. */
  readonly include?: readonly string[];
  /** Globs of files and folders that are left out. */
  readonly exclude?: readonly string[];
  /** Folders never walked into, absolute: the index itself. */
  readonly never?: readonly string[];
}

const ALWAYS_LEFT_OUT = new Set(["node_modules", "__pycache__"]);

/** What one `.gitignore` says, about paths under its folder. */
interface Rules {
  readonly folder: string;
  readonly rules: Ignore;
}

/**
 * Files under the given paths, in order of their names. Of folders: hidden ones, `node_modules` and what `.gitignore` names are left out, links
 * are not followed, and files of kinds nobody reads are counted. A file named itself is taken, as text where its ending says nothing.
 *
 * @throws Error for a path that is not there
 */
export async function walk(
  paths: readonly string[],
  options: WalkOptions = {},
): Promise<{ files: Found[]; passedOver: PassedOver }> {
  const found = new Map<string, Found>();
  const passedOver: PassedOver = { otherKinds: new Map(), unreadable: [] };
  const included = globs(options.include ?? []);
  const excluded = globs(options.exclude ?? []);

  const take = async (folder: string, rules: readonly Rules[], root: string): Promise<void> => {
    let entries: Awaited<ReturnType<typeof entriesOf>>;
    try {
      entries = await entriesOf(folder);
    } catch (error) {
      passedOver.unreadable.push({ path: folder, why: reason(error) });
      return;
    }
    const all = entries.some(({ name }) => name === ".gitignore") ? [...rules, await rulesIn(folder)] : rules;
    for (const entry of entries) {
      const path = join(folder, entry.name);
      const shown = relative(root, path).split(sep).join("/");
      if (entry.name.startsWith(".") || options.never?.includes(path) || excluded(shown)) continue;
      if (entry.isDirectory()) {
        if (!ALWAYS_LEFT_OUT.has(entry.name) && !isIgnored(path, true, all)) await take(path, all, root);
      } else if (entry.isFile() && !isIgnored(path, false, all)) {
        const kind = kindOf(path) ?? (included(shown) ? "text" : undefined);
        if (kind !== undefined) found.set(path, { path, kind });
        else count(passedOver.otherKinds, endingOf(path));
      }
    }
  };

  for (const given of paths) {
    const path = resolve(given);
    const about = await aboutPath(path, given);
    if (about.isDirectory()) await take(path, await rulesAbove(path), path);
    else found.set(path, { path, kind: kindOf(path) ?? "text" });
  }
  return { files: [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1)), passedOver };
}

async function aboutPath(path: string, given: string): Promise<Stats> {
  try {
    return await stat(path);
  } catch (error) {
    throw new Error(`cannot read ${given}: ${reason(error)}`);
  }
}

/** A matcher of paths, however their letters are composed. A glob without a slash is for names in any folder, as everywhere. */
export function globs(patterns: readonly string[]): (path: string) => boolean {
  const matchers = patterns.map((pattern) => {
    const clean = pattern.normalize("NFC").replace(/^\.\//, "").replace(/\/$/, "");
    return picomatch(clean.includes("/") ? [clean, `${clean}/**`] : [`**/${clean}`, `**/${clean}/**`], { dot: true });
  });
  return (path) => {
    const composed = path.normalize("NFC"); // macOS takes letters apart in names
    return matchers.some((matches) => matches(composed));
  };
}

function kindOf(path: string): Kind | undefined {
  return KINDS[endingOf(path).slice(1).toLowerCase()];
}

function endingOf(path: string): string {
  return /\.[^.]+$/.exec(basename(path))?.[0] ?? "no ending";
}

async function entriesOf(folder: string) {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function rulesIn(folder: string): Promise<Rules> {
  const text = await readFile(join(folder, ".gitignore"), "utf8").catch(() => "");
  return { folder, rules: ignore({ allowRelativePaths: true }).add(text.normalize("NFC")) };
}

/** The rules of the folders above, as far up as the repository reaches. */
async function rulesAbove(folder: string): Promise<Rules[]> {
  const above: string[] = [];
  for (let at = folder; !existsSync(join(at, ".git")); at = above[above.length - 1]) {
    const parent = dirname(at);
    if (parent === at) return []; // no repository
    above.push(parent);
  }
  return Promise.all(above.reverse().map(rulesIn));
}

/** The deepest rule that says anything about a path decides. */
function isIgnored(path: string, isFolder: boolean, all: readonly Rules[]): boolean {
  let ignored = false;
  for (const { folder, rules } of all) {
    const inside = relative(folder, path).split(sep).join("/") + (isFolder ? "/" : "");
    const told = rules.test(inside.normalize("NFC"));
    ignored = told.ignored || (ignored && !told.unignored);
  }
  return ignored;
}

function count(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}

export function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const known: Record<string, string> = {
    ENOENT: "there is no such file or folder",
    EACCES: "permission denied",
    EPERM: "permission denied",
    ELOOP: "links that go in a circle",
    ERR_FS_FILE_TOO_LARGE: "it is larger than 2 GB: split it",
  };
  return known[code ?? ""] ?? message;
}
