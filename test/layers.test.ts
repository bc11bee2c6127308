import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { describe, expect, it } from "vitest";

/*
 * The house rules, read off the source. Imports go down only: top files -> run -> bert, pooling -> tokenizer, formats, kernels -> base.
 */
const LEVELS: Record<string, number> = {
  base: 0,
  tokenizer: 1,
  formats: 1,
  kernels: 1,
  bert: 2,
  pooling: 2,
  quantised: 3,
  run: 3,
};
const TOP = 4;

const root = join(import.meta.dirname, "..");
const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => file.endsWith(".ts"));
const source = new Map(files.map((file) => [file, readFileSync(join(root, "src", file), "utf8")]));

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typesOnly: boolean;
}

/** Code without comments, so that a rule named in one does not break it. Strings stay. */
function code(file: string): string {
  return (source.get(file) ?? "").replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, "");
}

/** Static imports and re-exports; relative ones by their path inside src. */
function importsOf(file: string): Import[] {
  const statement =
    /^(?:import|export)\s+(type\s+)?(\{[^}]*\}|\*(?:\s+as\s+\w+)?|\w+)\s+from\s+["']([^"']+)["']|^import\s+["']([^"']+)["']/gm;
  return [...code(file).matchAll(statement)].map(([, type, names = "", from, bare]) => {
    const to = from ?? bare;
    const each = names.startsWith("{")
      ? names
          .slice(1, -1)
          .split(",")
          .map((name) => name.trim())
      : [];
    const named = each.filter((name) => name !== "");
    return {
      from: file,
      to: to.startsWith(".") ? posix.join(dirname(file), to) : to,
      typesOnly: type !== undefined || (named.length > 0 && named.every((name) => name.startsWith("type "))),
    };
  });
}

const folderOf = (file: string): string => (file.includes("/") ? file.slice(0, file.indexOf("/")) : "");
const levelOf = (file: string): number => (folderOf(file) === "" ? TOP : LEVELS[folderOf(file)]);
const imports = files.flatMap(importsOf);
const inside = imports.filter(({ to }) => source.has(to));

describe("layers", () => {
  it("the reader of imports finds them (or the rules below would hold of nothing)", () => {
    expect(files.length).toBeGreaterThan(30);
    expect(inside.length).toBeGreaterThan(80);
    expect(importsOf("node-files.ts").map(({ to }) => to)).toContain("node:fs/promises");
    expect(imports.find(({ from, to }) => from === "bert/forward.ts" && to === "kernels/kernels.ts")?.typesOnly).toBe(
      true,
    );
    expect(imports.find(({ from, to }) => from === "backend.ts" && to === "kernels/js/index.ts")?.typesOnly).toBe(
      false,
    );
  });

  it("every folder has a level", () => {
    expect([...new Set(files.map(folderOf))].filter((folder) => folder !== "" && !(folder in LEVELS))).toEqual([]);
  });

  it("every relative import names a file of src with its suffix", () => {
    expect(imports.filter(({ to }) => !to.startsWith("node:") && !source.has(to))).toEqual([]);
  });

  it("imports only go down, and folders of one level never import each other", () => {
    const wrong = inside.filter(({ from, to }) => folderOf(from) !== folderOf(to) && levelOf(from) <= levelOf(to));
    expect(wrong).toEqual([]);
  });

  it("bert and pooling import kernels as types only: the forward pass holds no arithmetic", () => {
    const wrong = inside.filter(
      ({ from, to, typesOnly }) =>
        ["bert", "pooling"].includes(folderOf(from)) && folderOf(to) === "kernels" && !typesOnly,
    );
    expect(wrong).toEqual([]);
  });

  it("there is no cycle of imports", () => {
    const edges = new Map<string, string[]>();
    for (const { from, to, typesOnly } of inside) if (!typesOnly) edges.set(from, [...(edges.get(from) ?? []), to]);
    const done = new Set<string>();
    const visit = (file: string, path: string[]): void => {
      if (path.includes(file)) throw new Error(`cycle: ${[...path.slice(path.indexOf(file)), file].join(" -> ")}`);
      if (done.has(file)) return;
      for (const to of edges.get(file) ?? []) visit(to, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(done.size).toBe(files.length);
  });

  it("node: stands in node.ts and its parts, node-….ts, alone; nothing else comes from outside, and only node.ts uses the parts", () => {
    const outside = imports.filter(({ to }) => !source.has(to));
    const isPart = (file: string): boolean => /^node(-[\w-]+)?\.ts$/.test(file);
    expect(outside.filter(({ from, to }) => !(isPart(from) && to.startsWith("node:")))).toEqual([]);
    expect(inside.filter(({ from, to }) => isPart(to) && !isPart(from))).toEqual([]);
  });

  /** Files whose code holds the pattern. */
  const having = (pattern: RegExp): string[] => files.filter((file) => pattern.test(code(file)));

  it("functions whose bits differ between engines stand in the naive backend alone", () => {
    const functions = /\bMath\.(exp|expm1|log\w*|tanh|sinh|cosh|pow|hypot|sin|cos|tan|cbrt)\b/;
    expect(having(functions)).toEqual(["kernels/reference.ts"]);
    const arithmetic = having(/\*\*/).filter((file) =>
      /^(kernels|pooling|bert)\/|^base\/(math|activations)/.test(file),
    );
    expect(arithmetic).toEqual(["kernels/reference.ts"]);
  });

  it("the naive backend shares no arithmetic with the others", () => {
    expect(importsOf("kernels/reference.ts").filter(({ typesOnly }) => !typesOnly)).toEqual([]);
  });

  it("nothing builds code or waits while a module loads, and nothing imports at run time but what fetches models and optional peers, in Node", () => {
    expect(having(/\beval\s*\(|\bnew Function\b/)).toEqual([]);
    expect(having(/\bimport\s*\(/).sort()).toEqual(["node-gpujs.ts", "node-model.ts", "node-webgpu.ts", "node.ts"]);
    expect(having(/^(?:const .*=\s*)?await /m)).toEqual([]);
  });

  it("the tokenizer asks the engine about Unicode in one place, which checks the answers", () => {
    const unicode =
      /\\p\{|\\s|\\w|\\b|\.normalize\(|\.to(Locale)?(Lower|Upper)Case\(|\.trim(Start|End)?\(|localeCompare|Intl\./;
    expect(having(unicode).filter((file) => folderOf(file) === "tokenizer")).toEqual(["tokenizer/unicode-source.ts"]);
  });

  it("no file is longer than 300 lines or named for nothing", () => {
    const long = files.filter((file) => (source.get(file) ?? "").split("\n").length > 301);
    expect(long).toEqual([]);
    expect(files.filter((file) => /(^|\/)(utils?|helpers?|common|misc)[./]/.test(file))).toEqual([]);
  });
});
