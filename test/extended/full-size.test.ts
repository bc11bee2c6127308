import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import "../../src/node.ts";
import { chooseBackend } from "../../src/backend.ts";
import { BACKENDS, type Line, publish } from "../golden/bars.ts";
import { checkSeeded } from "../seeded/check.ts";
import { seededConfig, seededShapes, seededTensor } from "../seeded/seeded.ts";

/* KR-SBERT's shape, 12 x 768 and 40,000 words, with weights out of a hash, so that nobody has to store 467 MB. */
const lines: Line[] = [];
afterAll(() => publish("Worst error against float64, full-size seeded models", lines));

describe.each(["full-size", "full-size-outliers"])("%s", (name) => {
  it.each(BACKENDS)("backend %s", async (backend) => {
    lines.push(...(await checkSeeded(name, await chooseBackend({ backend, threads: 0 }))));
  });
});

it("full-size weights have the bits of the Python generator, all 116,761,344 of them", () => {
  const { whole } = JSON.parse(readFileSync(new URL("../golden/seeded.json", import.meta.url), "utf8"));
  const hash = createHash("sha256");
  for (const [name, shape] of seededShapes(seededConfig)) {
    hash.update(new Uint8Array(seededTensor(name, shape).data.buffer));
  }
  expect(hash.digest("hex")).toBe(whole);
});
