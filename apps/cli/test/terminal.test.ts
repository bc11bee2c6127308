import { expect, test } from "vitest";
import { clip, printable, table, widthOf } from "../src/terminal.ts";

test("widths in terminal columns", () => {
  expect(widthOf("abc")).toBe(3);
  expect(widthOf("한글")).toBe(4);
  expect(widthOf("한글".normalize("NFD"))).toBe(4);
  expect(widthOf("é".normalize("NFD"))).toBe(1);
  expect(widthOf("ＡＢ，漢カ🙂")).toBe(12);
  expect(widthOf("…")).toBe(1);
  expect(widthOf("")).toBe(0);
});

test("columns line up whatever the characters", () => {
  expect(
    table(
      [
        ["한글", "1.5"],
        ["a", "10.25"],
      ],
      [1],
    ),
  ).toBe("한글    1.5\na     10.25\n");
  const lines = table([
    ["잠이 옵니다", "x"],
    ["sleepy", "y"],
  ])
    .trimEnd()
    .split("\n");
  expect(new Set(lines.map(widthOf)).size).toBe(1);
});

test("clipping counts columns and never splits a character", () => {
  expect(clip("한글과 영어", 7)).toBe("한글과…");
  expect(clip("한글과 영어", 6)).toBe("한글…");
  expect(clip("abc", 3)).toBe("abc");
  expect(clip("🙂🙂🙂", 4)).toBe("🙂…");
});

test("what could move the cursor is shown, not sent", () => {
  expect(printable("a\u001b[2Jb\tc\u202e")).toBe("a\\u001b[2Jb\\u0009c\\u202e");
  expect(printable("한글")).toBe("한글");
});
