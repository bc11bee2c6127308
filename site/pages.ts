import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/* Which files become pages, under which name and group. The Markdown itself stays as GitHub shows it: no front matter. */

export const root: string = join(import.meta.dirname, "..");

export interface Page {
  /** From the root of the repository. */
  readonly path: string;
  readonly title: string;
  readonly group: string;
}

/** In the order of the navigation. */
export const GROUPS = [
  "Read it",
  "한국어",
  "Guides",
  "Programs",
  "Examples",
  "How it was made",
  "API",
  "Source",
] as const;
type Group = (typeof GROUPS)[number];

function groupOf(path: string): Group {
  if (path.endsWith(".ko.md")) return "한국어";
  if (/^docs\/(learn\/|tour|ladder|kernels)/.test(path)) return "Read it";
  if (path.startsWith("docs/")) return "Guides";
  if (path.startsWith("apps/")) return "Programs";
  if (path.startsWith("examples/")) return "Examples";
  return "How it was made";
}

/** First what is read first; all others by their names. */
const FIRST = ["docs/tour.md", "docs/tour.ko.md", "docs/sources.md"];

/** The files that git knows or would take: what is built or installed is none of them. */
function filesOf(...patterns: readonly string[]): string[] {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ...patterns];
  const listed = execFileSync("git", args, { cwd: root, encoding: "utf8" }).split("\0");
  return [...new Set(listed)].filter((path) => path !== "" && existsSync(join(root, path))).sort();
}

const titleOf = (path: string): string => {
  const [, title] = /^# (.+)$/m.exec(readFileSync(join(root, path), "utf8")) ?? [];
  if (title === undefined) throw new Error(`${path} has no title: begin it with a line "# …"`);
  return title.replaceAll("`", "");
};

/** Every Markdown file but README.md, which is the front page. */
export function pages(): Page[] {
  const order = (path: string): number => (FIRST.includes(path) ? FIRST.indexOf(path) : FIRST.length);
  return filesOf("*.md")
    .filter((path) => path !== "README.md")
    .sort((a, b) => order(a) - order(b))
    .map((path) => ({ path, title: titleOf(path), group: groupOf(path) }));
}

export const sources = (): string[] => filesOf("src/*.ts");

/** What a folder holds, where a page links to one. */
export function listing(folder: string): string[] {
  const hidden = /^(node_modules|dist|\..*)$/;
  return readdirSync(join(root, folder))
    .filter((name) => !hidden.test(name))
    .map((name) => (statSync(join(root, folder, name)).isDirectory() ? `${name}/` : name));
}

/** What a module of package.json's `exports` is for: the head of its page. */
const ABOUT: Record<string, string> = {
  munjang:
    "The whole engine. On Node, Deno and Bun models are opened by folder and by name too, and `download` is there.",
  "munjang/tokenizer": "The WordPiece tokenizer alone.",
  "munjang/safetensors": "Reads and writes safetensors files.",
  "munjang/pytorch":
    "Reads PyTorch's files as data. Imported, it lets `load` take models with a `pytorch_model.bin`; Node has it.",
  "munjang/shards": "Exports nothing. Imported, it lets `load` take weights in several files; Node has it.",
  "munjang/int8":
    "Exports nothing of use alone. Imported, it lets `load` take models of whole numbers, and make them; Node has it.",
  "munjang/quantize": "Converts models to int8 or float16.",
  "munjang/cache": "Keeps models in the browser.",
  "munjang/unicode":
    "Exports nothing. Tables for runtimes without `String.prototype.normalize`: import it before a tokenizer is made.",
  "munjang/utf8":
    "Exports nothing. `TextEncoder` and `TextDecoder` for runtimes without: import it before a model is loaded.",
  "munjang/kernels": "The four operations BERT is made of, and what computes them.",
  "munjang/ndarray": "Tensors and rows as views of the `ndarray` package.",
  "munjang/webgpu": "BERT on a GPU, by WebGPU.",
  "munjang/fastest":
    'Exports nothing. Imported, it lets `load` take `backend: "fastest"`, which measures; Node has it.',
  "munjang/verify":
    "Tries kernels on a small model. Imported, it lets `load` take `verify: true` with any backend; Node has it.",
  "munjang/edge": "Models in a store beside a runtime of little memory.",
  "munjang/ai-sdk": "Embedding models of the Vercel AI SDK.",
  "munjang/langchain": "Embeddings of LangChain.js.",
  "munjang/llamaindex": "Embeddings of LlamaIndex.TS.",
  "munjang/pipeline": "`pipeline`, as Transformers.js has it.",
  "munjang/gpujs": "The matrix product on gpu.js.",
  "munjang/web-worker": "Exports nothing. The file that a Web Worker runs, for `workerUrl`.",
  "munjang/node-worker": "Exports nothing. The file that a worker of Node, Deno or Bun runs, for `workerUrl`.",
  "munjang/inline-worker":
    "Exports nothing. The worker's code as a string, for bundles without a file for it: import it before a model is loaded.",
};

export interface EntryPoint {
  /** What is imported. */
  readonly name: string;
  readonly about: string;
}

/** The modules of package.json's `exports` by their source, the main one first. */
export function entryPoints(): Map<string, EntryPoint> {
  type Types = string | { readonly node: string };
  type Entry = string | { readonly types?: Types };
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const found = new Map<string, EntryPoint>();
  for (const [path, entry] of Object.entries<Entry>(manifest.exports)) {
    const types = typeof entry === "string" ? entry : entry.types;
    const built = typeof types === "object" ? types.node : types;
    if (built === undefined || !/^\.\/dist\/[^*]*\.(d\.ts|js)$/.test(built)) continue; // files, not modules
    const name = path.replace(/^\./, manifest.name);
    if (ABOUT[name] === undefined) throw new Error(`site/pages.ts does not say what ${name} is for`);
    found.set(built.replace("./dist/", "src/").replace(/(\.d)?\.[jt]s$/, ".ts"), { name, about: ABOUT[name] });
  }
  return found;
}
