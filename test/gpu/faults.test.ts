import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Site } from "../runtimes/browsers.ts";
import { type Browser, launch, missingChromium, type Page, site } from "./where.ts";

/*
 * What docs/gpu.md says of gpu.js, on the version that is pinned: where one of these fails after an update, a fault has gone, and the page and what
 * src/kernels/gpujs does about it want another look.
 */

async function inNode<R>(script: string): Promise<R> {
  const file = join(import.meta.dirname, "faults", script);
  const { stdout } = await promisify(execFile)(process.execPath, [file], { timeout: 60_000 });
  return JSON.parse(stdout);
}

it("1: loops whose bound is computed or an argument end after 1000 turns", async () => {
  const sums: Record<string, number> = {};
  for (const mode of ["cpu", "webasm"]) {
    sums[`${mode}: a number`] = 3072;
    sums[`${mode}: a constant`] = 3072;
    sums[`${mode}: a product with a constant`] = 1000;
    sums[`${mode}: an argument`] = 1000;
    sums[`${mode}: an argument, and loopMaxIterations`] = 3072;
  }
  expect(await inNode("loop-cap.js")).toEqual(sums);
});

it("2: what a mode cannot do is done elsewhere", async () => {
  expect(await inNode("fallback.js")).toEqual({
    result: [3, 3],
    mode: "webasm",
    onProcessor: true,
    reason: 'constant "pair" of type Array(2) is not supported on the webasm backend',
  });
});

it("3: webasm copies the constants for every size of the output", async () => {
  const { weightBytes, memoriesAfterEachSize, leastBytesOfOne } = await inNode<{
    readonly weightBytes: number;
    readonly memoriesAfterEachSize: readonly number[];
    readonly leastBytesOfOne: number;
  }>("copies.js");
  expect(memoriesAfterEachSize).toEqual([1, 2, 3, 4, 4, 4, 4]);
  expect(leastBytesOfOne).toBeGreaterThan(weightBytes);
});

const title = missingChromium === undefined ? "in a page" : `in a page (skipped: ${missingChromium})`;
describe.skipIf(missingChromium)(title, () => {
  let browser: Browser;
  let at: Site;
  let page: Page;
  beforeAll(async () => {
    browser = await launch();
    const html =
      '<!doctype html><title>faults</title><script src="/gpu.js"></script><script src="/gpu/faults/page.js"></script>';
    at = await site({ routes: { "/": html } });
    page = await browser.newPage();
    await page.goto(`${at.origin}/`);
  });
  afterAll(async () => {
    await browser?.close();
    at?.close();
  });

  it("4: it takes the name of WebGPU's interface GPU", async () => {
    expect(await page.evaluate("seen.interfaceOfWebGPU()")).toBe(false);
    const without = await browser.newPage();
    await without.goto(`${at.origin}/models/plain/config.json`);
    expect(await without.evaluate("navigator.gpu instanceof GPU")).toBe(true);
    await without.close();
  });

  it.each(["webgl2", "webgl"])("5: kernels of %s say that their mode is gpu", async (mode) => {
    expect(await page.evaluate(`seen.modeOf("${mode}")`)).toBe("gpu");
  });

  it.each(["webgl2", "webgl"])(
    "6: %s computes in lowp with precision single, but for tactic precision",
    async (mode) => {
      expect(await page.evaluate(`seen.declared("${mode}")`)).toBe("lowp");
      expect(await page.evaluate(`seen.declared("${mode}", "precision")`)).toBe("highp");
    },
  );

  it.each(["webgl2", "webgl"])("7: a lost context of %s gives zeros", async (mode) => {
    expect(await page.evaluate(`seen.lost("${mode}")`)).toEqual({ before: [2, 3, 4, 5], after: [0, 0, 0, 0] });
  });
});
