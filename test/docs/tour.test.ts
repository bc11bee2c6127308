import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

/* The tours, in both languages: the files they name have as many lines as they say. MUNJANG_WRITE_DOCS puts the right numbers there. */

const root = join(import.meta.dirname, "../..");
const LINK = /\]\(\.\.\/(src\/[^)]+\.ts)\) \((\d+)( lines|줄)\)/g;
const linesOf = (file: string): number => readFileSync(join(root, file), "utf8").split("\n").length - 1;

describe.each(["docs/tour.md", "docs/tour.ko.md"])("%s", (page) => {
  const path = join(root, page);
  if (process.env.MUNJANG_WRITE_DOCS) {
    const first = readFileSync(path, "utf8")
      .split(/\n## /)[1]
      .split("\n")
      .filter((line) => /^\d\. /.test(line));
    const sum = first.reduce((all, line) => all + linesOf([...line.matchAll(LINK)][0][1]), 0);
    const text = readFileSync(path, "utf8")
      .replace(LINK, (_, file, __, word) => `](../${file}) (${linesOf(file)}${word})`)
      .replace(/<!-- lines -->\d+/, `<!-- lines -->${10 * Math.round(sum / 10)}`);
    writeFileSync(path, text);
  }
  const text = readFileSync(path, "utf8");
  const named = [...text.matchAll(LINK)];

  it("counts the lines of every file it names", () => {
    expect(named.length).toBeGreaterThan(15);
    for (const [, file, lines] of named) expect(`${file}: ${lines}`).toBe(`${file}: ${linesOf(file)}`);
  });

  it("adds up the first eight stops", () => {
    const first = text
      .split(/\n## /)[1]
      .split("\n")
      .filter((line) => /^\d\. /.test(line));
    expect(first.length).toBe(8);
    const sum = first.reduce((all, line) => all + linesOf([...line.matchAll(LINK)][0][1]), 0);
    const said = Number(/<!-- lines -->(\d+)/.exec(text)?.[1]);
    expect(Math.abs(said - sum)).toBeLessThanOrEqual(5);
  });
});

it("both tours stop at the same files", () => {
  const stops = (page: string): string[] =>
    [...readFileSync(join(root, page), "utf8").matchAll(LINK)].map(([, file]) => file);
  expect(stops("docs/tour.ko.md")).toEqual(stops("docs/tour.md"));
});
