import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { figures } from "../../docs/learn/figures.ts";

/* The pages of docs/learn: every snippet prints what stands below it, every figure is what its script makes, and both languages have the same of both. */

const root = join(import.meta.dirname, "../..");
const folder = join(root, "docs/learn");
const pages = readdirSync(folder).filter((name) => name.endsWith(".md"));
const BLOCK = /```js\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/g;

describe("docs/learn", () => {
  it.each(pages.filter((page) => !page.endsWith(".ko.md")))("%s: the snippet prints what stands there", (page) => {
    const text = readFileSync(join(folder, page), "utf8");
    const blocks = [...text.matchAll(BLOCK)];
    expect(blocks.length).toBe(1);
    expect([...text.matchAll(/```js/g)].length).toBe(1);
    const [, code, printed] = blocks[0];
    const out = execFileSync(process.execPath, ["--input-type=module", "--eval", code], {
      cwd: root,
      encoding: "utf8",
    });
    if (process.env.MUNJANG_WRITE_DOCS) {
      for (const name of [page, page.replace(".md", ".ko.md")]) {
        const file = join(folder, name);
        const old = readFileSync(file, "utf8");
        writeFileSync(
          file,
          old.replace(/```text\n[\s\S]*?```/, () => `\`\`\`text\n${out}\`\`\``),
        );
      }
      return;
    }
    expect(out).toBe(printed);
    expect(out.length).toBeGreaterThan(10);
  });

  it.each(pages.filter((page) => page.endsWith(".ko.md")))(
    "%s: the same snippet, output and figure as in English",
    (page) => {
      const parts = (name: string): unknown => {
        const text = readFileSync(join(folder, name), "utf8");
        return [
          [...text.matchAll(BLOCK)].map(([all]) => all),
          [...text.matchAll(/\]\((.*?\.svg)\)/g)].map(([, to]) => to),
        ];
      };
      expect(parts(page)).toEqual(parts(page.replace(".ko.md", ".md")));
      expect(readFileSync(join(folder, page), "utf8")).toMatch(/[가-힣]{2}/);
    },
  );

  it("has every page in both languages", () => {
    const names = (end: string): string[] =>
      pages.filter((page) => page.endsWith(".ko.md") === (end === ".ko.md")).map((page) => page.replace(end, ""));
    expect(names(".md")).toEqual(names(".ko.md"));
    expect(names(".md").length).toBe(8);
  });

  it.each(Object.keys(figures))("%s.svg is what its script makes", async (name) => {
    expect(await figures[name]()).toBe(readFileSync(join(folder, `${name}.svg`), "utf8"));
  });
});
