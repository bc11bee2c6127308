import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { markdownFiles, root } from "./markdown.ts";

/* `npm run site`: it builds without a warning of TypeDoc's, and no link inside of it is dead. Nothing is installed here. */

const run = promisify(execFile);
const packages = join(root, "site/node_modules/typedoc");
const skipped = existsSync(packages)
  ? ""
  : " (skipped: site/node_modules is not there; npm run test:runtimes installs it)";

describe.skipIf(skipped !== "")(`the site${skipped}`, () => {
  let folder: string;
  /** Pages by their path. */
  const pages = new Map<string, string>();
  let files: Set<string>;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "munjang-site-"));
    await run(process.execPath, ["--import", "tsx", "site/build.ts", folder], { cwd: root }).catch(
      (error: { stdout: string; stderr: string }) => {
        throw new Error(`site/build.ts failed:\n${error.stdout}\n${error.stderr}`);
      },
    );
    const all = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const paths = all.map((entry) => posix.relative(folder, posix.join(entry.parentPath, entry.name)));
    files = new Set(paths);
    for (const path of paths) if (path.endsWith(".html")) pages.set(path, readFileSync(join(folder, path), "utf8"));
  }, 300_000);
  afterAll(() => folder && rmSync(folder, { recursive: true, force: true }));

  const attributes = (html: string, pattern: RegExp): string[] =>
    Array.from(html.matchAll(pattern), ([, value]) => value.replaceAll("&amp;", "&"));
  const LINK = /\s(?:href|src)="([^"]*)"/g;
  const elsewhere = (link: string): boolean => /^([a-z][a-z\d+.-]*:|\/\/)/i.test(link);

  it("has the README in front, a page for every other Markdown file, and one for every module", () => {
    expect(pages.get("index.html")).toContain("sentence-transformers in TypeScript");
    for (const file of markdownFiles())
      if (file !== "README.md") expect([...pages.keys()]).toContain(file.replace(/\.md$/, ".html"));
    const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const modules = Object.keys(manifest.exports).filter((path) => !/\*|\.json$/.test(path));
    expect(modules.length).toBeGreaterThan(20);
    for (const path of modules) expect([...pages.keys()]).toContain(`api/${path.replace(/^\./, "munjang")}.html`);
    expect(pages.get("docs/tour.ko.html")).toContain('lang="ko"');
  });

  it("documents what people use", () => {
    const text = (pages.get("api/munjang/SentenceTransformer.html") ?? "").replace(/<[^>]*>/g, "");
    for (const name of ["encode", "encodeStream", "similarity", "tokenize", "dispose"]) expect(text).toContain(name);
    expect(pages.get("api/munjang/semanticSearch.html")).toContain(
      "../../source/src/pooling/search/semantic-search.ts.html#L",
    );
  });

  it("has no dead link, and no dead anchor", () => {
    const ids = new Map([...pages].map(([path, html]) => [path, new Set(attributes(html, /\sid="([^"]*)"/g))]));
    const dead: string[] = [];
    let checked = 0;
    for (const [page, html] of pages) {
      for (const link of new Set(attributes(html, LINK))) {
        if (elsewhere(link)) continue;
        checked++;
        const [path, anchor] = link.split("#").map(decodeURIComponent);
        let to = path === "" ? page : posix.normalize(posix.join(posix.dirname(page), path));
        if (to === "." || to.endsWith("/")) to = posix.join(to, "index.html");
        if (!files.has(to)) dead.push(`${page}: ${link}: no such file`);
        // Icons are drawn by a script; "#" alone is the top of the page.
        else if (anchor && to.endsWith(".html") && !ids.get(to)?.has(anchor)) dead.push(`${page}: ${link}: no such id`);
      }
    }
    expect(dead).toEqual([]);
    expect(checked).toBeGreaterThan(5000);
  });

  it("asks nobody else for anything", () => {
    const asked: string[] = [];
    for (const [page, html] of pages) {
      for (const [tag] of html.matchAll(/<(?:script|link|img|iframe|source|video|audio|object|embed|use)\b[^>]*>/g)) {
        for (const link of attributes(tag, /\s(?:href|src|srcset|data)="([^"]*)"/g))
          if (elsewhere(link)) asked.push(`${page}: ${tag}`);
      }
    }
    for (const file of files) {
      if (!file.endsWith(".css")) continue;
      const text = readFileSync(join(folder, file), "utf8");
      for (const [all] of text.matchAll(/@import[^;]*|url\(\s*["']?(?:https?:)?\/\/[^)]*\)/g))
        asked.push(`${file}: ${all}`);
    }
    expect(asked).toEqual([]);
  });

  it("is built by code whose types are right", async () => {
    const tsc = join(root, "site/node_modules/typescript/bin/tsc");
    const { stdout } = await run(process.execPath, [tsc, "-p", "site"], { cwd: root }).catch(
      (failed: { stdout: string }) => failed,
    );
    expect(stdout).toBe("");
  });
});
