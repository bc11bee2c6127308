import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect } from "vitest";
import type { BackendInfo } from "../../src/node.ts";
import { corpus, corpusFiles } from "../golden/corpus.ts";

/* Runs hash.js, with the built package, on some runtime. */

const here = import.meta.dirname;
const entry = new URL("../../dist/node/node.js", import.meta.url).href;
const bundled = join(here, "../../weights/model");
const folder = mkdtempSync(join(tmpdir(), "munjang-runtimes-"));
const texts = join(folder, "corpus.json");

beforeAll(() => {
  for (const [name, content] of Object.entries(corpusFiles())) writeFileSync(join(folder, name), content);
  writeFileSync(texts, JSON.stringify(corpus.map(({ ids }) => Array.from(ids))));
});
afterAll(() => rmSync(folder, { recursive: true }));

export interface Printed {
  readonly version: string;
  readonly backend: BackendInfo;
  readonly hash: string;
  /** Sentences of the bundled model a second, where it was asked for. */
  readonly speed: number | null;
}

/** `command` is the binary and what stands before the program's name. */
export async function runOn(
  [binary, ...before]: readonly string[],
  options: object,
  { speed = false } = {},
): Promise<Printed> {
  const args = [...before, join(here, "hash.js"), entry, folder, texts, JSON.stringify(options)];
  if (speed) args.push(bundled);
  const { stdout, stderr } = await promisify(execFile)(binary, args, { timeout: 120_000 });
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}
