// What a hit looks like.
import { expect, test } from "vitest";
import { snippet } from "../../src/search/show.ts";
import { widthOf } from "../../src/terminal.ts";

test("a long text is shown where the words are", () => {
  const text = `${"앞에 있는 글 ".repeat(40)}밤 기차를 타고${" 뒤에 있는 글".repeat(40)}`;
  const at = text.indexOf("기차");
  const shown = snippet({ text, marks: [[at, at + 2]] }, 60, false);
  expect(shown).toMatch(/^….*기차를 타고.*…$/);
  expect(widthOf(shown)).toBeLessThanOrEqual(60);
  expect(snippet({ text, marks: [] }, 60, false)).toMatch(/^앞에 있는 글 .*…$/);
  expect(snippet({ text: "한\n\n줄\u001b[2J", marks: [] }, 60, true)).toBe("한 줄\\u001b[2J");
});
