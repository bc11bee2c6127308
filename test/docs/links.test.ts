import { existsSync, readFileSync, statSync } from "node:fs";
import { join, posix } from "node:path";
import { describe, expect, it } from "vitest";
import { anchorsOf, linksOf, markdownFiles, root } from "./markdown.ts";

/* Every relative link of every committed Markdown file leads to a file, and every anchor to a heading. */

const files = markdownFiles();
const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** What is wrong with a link, or nothing. */
function dead(page: string, link: string): string | undefined {
  if (/^[a-z][a-z\d+.-]*:/i.test(link)) return undefined; // elsewhere: nothing is asked over the network
  if (link.startsWith("/")) return "begins at the root of a site";
  const [path, anchor] = link.split("#");
  const to = path === "" ? page : posix.join(posix.dirname(page), decodeURIComponent(path));
  if (to.startsWith("../") || to.split("/").includes("node_modules")) return "leads out of the repository";
  if (!existsSync(join(root, to))) return "no such file";
  if (anchor === undefined) return undefined;
  if (statSync(join(root, to)).isDirectory()) return "an anchor in a folder";
  if (to.endsWith(".md")) return anchorsOf(read(to)).has(decodeURIComponent(anchor)) ? undefined : "no such heading";
  const line = Number(/^L(\d+)$/.exec(anchor)?.[1] ?? Number.NaN);
  return line <= read(to).split("\n").length ? undefined : "no such line";
}

describe("links", () => {
  it("are read from every page", () => {
    for (const page of [
      "README.md",
      "docs/tour.ko.md",
      "apps/cli/README.md",
      "weights/README.md",
      "reference/README.md",
    ])
      expect(files).toContain(page);
    expect(files.flatMap((page) => linksOf(read(page))).length).toBeGreaterThan(250);
  });

  it.each(files)("%s", (page) => {
    const wrong = linksOf(read(page)).flatMap((link) => {
      const why = dead(page, link);
      return why === undefined ? [] : [`${link}: ${why}`];
    });
    expect(wrong).toEqual([]);
  });

  it("that are dead are found", () => {
    expect(dead("docs/tour.md", "nowhere.md")).toBe("no such file");
    expect(dead("docs/tour.md", "../README.md#nowhere")).toBe("no such heading");
    expect(dead("docs/tour.md", "../README.md#where-it-runs")).toBeUndefined();
    expect(dead("docs/tour.md", "#nowhere")).toBe("no such heading");
    expect(dead("docs/tour.md", "../../shared/design.md")).toBe("leads out of the repository");
    expect(dead("docs/tour.md", "../src/index.ts#L100000")).toBe("no such line");
    expect(
      linksOf('[a](b.md "title") `[c](d.md)`\n\n```\n[e](f.md)\n```\n![g](h.svg)\n<img src="i.svg">\n[j]: k.md\n'),
    ).toEqual(["b.md", "h.svg", "k.md", "i.svg"]);
  });

  it("meet the anchors GitHub makes", () => {
    const text =
      "# What it is, and *why*\n## `load(model)`: 모델을 읽는 법\n## Twice\n## Twice\n```sh\n# no heading\n```\n";
    expect([...anchorsOf(text)]).toEqual(["what-it-is-and-why", "loadmodel-모델을-읽는-법", "twice", "twice-1"]);
  });
});
