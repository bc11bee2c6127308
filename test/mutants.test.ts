import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { MUTANTS } from "./mutants/mutants.ts";

it.each(MUTANTS)("the mutant '$name' finds its one place in the source", ({ file, find, put }) => {
  const parts = readFileSync(join(import.meta.dirname, "..", file), "utf8").split(find);
  expect(parts).toHaveLength(2);
  expect(put).not.toBe(find);
});
