import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { BackendInfo } from "../../src/node.ts";
import { committed } from "../golden/corpus.ts";

/* What ran where, a file for each run in test-results/runtimes, for the table that table.ts prints. */

export const RESULTS = join(import.meta.dirname, "../../test-results/runtimes");

export interface Run {
  /** `Node`, `Firefox`, … */
  readonly runtime: string;
  readonly version: string;
  /** What of it, or under which circumstances: `page`, `worker of a page`, `service worker of an extension`. */
  readonly place?: string;
  /** Cross-origin isolation; null where there is no such thing. */
  readonly isolated: boolean | null;
  readonly backend: Pick<BackendInfo, "name" | "threads" | "width">;
  readonly dtype: "float32" | "int8" | "int8-12";
  /** SHA-256 of the corpus' hidden states; null where only a part of it was compared, bit for bit. */
  readonly hash: string | null;
  /** Texts of the corpus that were compared, where not all. */
  readonly texts?: number;
  /** Of the bundled model (speed.js); null where it was not measured. */
  readonly speed?: number | null;
}

/** As it stands in the file. */
export interface Recorded extends Omit<Run, "backend" | "hash" | "speed"> {
  readonly backend: string;
  readonly threads: number;
  readonly width: number;
  /** Whether every bit was as committed. */
  readonly hash: boolean;
  readonly sentencesPerSecond: number | null;
}

/** Writes down a run, right or wrong, then expects the committed hash of its backend and dtype. */
export function sameHash(run: Run): void {
  const { name } = run.backend;
  const key = run.dtype === "float32" ? name : `${name} ${run.dtype}`;
  record(run, run.hash === committed.corpus[key]);
  expect(run.hash).toBe(committed.corpus[key]);
}

export function record({ backend, speed = null, ...run }: Run, hash: boolean): void {
  const { name, threads, width } = backend;
  const line: Recorded = { ...run, backend: name, threads, width, hash, sentencesPerSecond: speed };
  const text = `${JSON.stringify(line)}\n`;
  mkdirSync(RESULTS, { recursive: true });
  const file = `${run.runtime.toLowerCase()}-${createHash("sha256").update(text).digest("hex").slice(0, 12)}.json`;
  writeFileSync(join(RESULTS, file), text);
}
