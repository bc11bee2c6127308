import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

/* The tours, in both languages: the files they name have as many lines as they say. MUNJANG_WRITE_DOCS puts the right numbers there. */

const root = join(import.meta.dirname, "../..");
const LINK = /\]\(\.\.\/(src\/[^)]+\.ts)\) \((\d+)( lines|줄)\)/g;
const linesOf = (file: string): number => readFileSync(join(root, file), "utf8").split("\n").length - 1;
/** Lines of all files that the first eight stops name. */
function firstEight(text: string): { stops: number; lines: number } {
  const first = text
    .split(/\n## /)[1]
    .split("\n")
    .filter((line) => /^\d\. /.test(line));
  const files = first.flatMap((line) => [...line.matchAll(LINK)].map(([, file]) => file));
  return { stops: first.length, lines: files.reduce((sum, file) => sum + linesOf(file), 0) };
}

describe.each(["docs/tour.md", "docs/tour.ko.md"])("%s", (page) => {
  const path = join(root, page);
  if (process.env.MUNJANG_WRITE_DOCS) {
    const old = readFileSync(path, "utf8");
    const text = old
      .replace(LINK, (_, file, __, word) => `](../${file}) (${linesOf(file)}${word})`)
      .replace(/<!-- lines -->\d+/, `<!-- lines -->${10 * Math.round(firstEight(old).lines / 10)}`);
    writeFileSync(path, text);
  }
  const text = readFileSync(path, "utf8");
  const named = [...text.matchAll(LINK)];

  it("counts the lines of every file it names", () => {
    expect(named.length).toBeGreaterThan(15);
    for (const [, file, lines] of named) expect(`${file}: ${lines}`).toBe(`${file}: ${linesOf(file)}`);
  });

  it("adds up the first eight stops", () => {
    const { stops, lines } = firstEight(text);
    expect(stops).toBe(8);
    const said = Number(/<!-- lines -->(\d+)/.exec(text)?.[1]);
    expect(Math.abs(said - lines)).toBeLessThanOrEqual(5);
  });
});

it("both tours stop at the same files", () => {
  const stops = (page: string): string[] =>
    [...readFileSync(join(root, page), "utf8").matchAll(LINK)].map(([, file]) => file);
  expect(stops("docs/tour.ko.md")).toEqual(stops("docs/tour.md"));
});
