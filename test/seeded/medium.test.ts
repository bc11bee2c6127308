import { afterAll, describe, it } from "vitest";
import "../../src/node.ts";
import { chooseBackend } from "../../src/backend.ts";
import { BACKENDS, type Line, publish } from "../golden/bars.ts";
import { checkSeeded } from "./check.ts";

// Hidden 300, wide 1100: sums long enough to be cut into blocks, and of no round length. The full size is in test/extended.
const lines: Line[] = [];
afterAll(() => publish("Worst error against float64, medium seeded models", lines));

describe.each(["medium", "medium-outliers"])("%s", (name) => {
  it.each(BACKENDS)("backend %s", async (backend) => {
    lines.push(...(await checkSeeded(name, await chooseBackend({ backend, threads: 0 }))));
  });
});
