/** How near is near enough, and the table that says how near it was. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { BackendName } from "../../src/backend.ts";
import { type CompareOptions, type Worst, worse, worstOf } from "./compare.ts";
import type { Golden, GoldenArray } from "./read.ts";

/** Backends that every golden test runs on. */
export const BACKENDS: readonly BackendName[] = ["wasm", "js", "reference"];

/** Worst errors of the float32 library against the float64 reference, and the bars for ours made of them. */
export interface Bars {
  /** No element may be further off than this; relative to its row's largest where weights have outlier channels. */
  readonly element: number;
  /** Ours may be so many times the library's worst. */
  readonly times: number;
  /** The library's worst over all hidden states. */
  readonly states: number;
  /** The library's worst over all sentence vectors and outputs of modules. */
  readonly vectors: number;
}

/**
 * 1e-5 for every element. Beside that, at most twice the library's own worst error over the same numbers of the model: float32 leaves that
 * much to chance (another order of summation is another sample of the same rounding). Three times where a few channels are ten times as
 * large as the rest, because one rounding of those is then most of the error.
 */
export function barsOf(golden: Golden): Bars {
  let states = 0;
  let vectors = 0;
  for (const text of golden.texts) {
    states = Math.max(states, libraryWorst(golden, text.hidden).error);
    for (const array of [text.vector, ...text.modules.map((m) => m.values)]) {
      vectors = Math.max(vectors, libraryWorst(golden, array).error);
    }
  }
  return { element: 1e-5, times: golden.outliers ? 3 : 2, states, vectors };
}

export function libraryWorst(golden: Golden, array: GoldenArray): Worst {
  return worstOf(array.library, array.exact, { ...measure(golden, array.shape), what: `${golden.model}, the library` });
}

/** How errors of this model are measured. */
export function measure(golden: Golden, shape: readonly number[], what?: string): CompareOptions {
  return { shape, relativeToRow: golden.outliers, what };
}

export interface Line {
  readonly model: string;
  readonly backend: string;
  readonly what: string;
  /** Numbers compared. */
  readonly numbers: number;
  readonly ours: number;
  readonly library: number;
  readonly times: number;
}

/** Gathers the worst of many comparisons. */
export class Tally {
  worst: Worst = { error: 0, at: -1, got: 0, want: 0 };
  numbers = 0;

  add(worst: Worst, numbers: number): void {
    this.worst = worse(this.worst, worst);
    this.numbers += numbers;
  }
}

/** A tally of sentence vectors as a line of the table; it must be within so many times the library's worst. */
export function settle(lines: Line[], model: string, backend: string, tally: Tally, bars: Bars): void {
  const { numbers, worst } = tally;
  lines.push({ model, backend, what: "vectors", numbers, ours: worst.error, library: bars.vectors, times: bars.times });
  expect(worst.error, `${model}, beside the library's`).toBeLessThanOrEqual(bars.times * bars.vectors);
}

/** Prints the table, and where MUNJANG_ACCURACY names a folder (`npm run accuracy`) writes its figures there for the README to quote. */
export function publish(title: string, lines: readonly Line[]): void {
  console.log(table(title, lines));
  const folder = process.env.MUNJANG_ACCURACY;
  if (folder === undefined) return;
  const slug = title.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, `${slug}.json`),
    `${JSON.stringify({ title, node: process.versions.node, lines }, null, 2)}\n`,
  );
}

/** Our worst error beside the float32 library's. */
export function table(title: string, lines: readonly Line[]): string {
  const rows = lines.map((line) => {
    const ratio = line.library === 0 ? "" : `${(line.ours / line.library).toFixed(2)}x of ${line.times}x`;
    return [
      line.model,
      line.what,
      line.backend,
      `${line.numbers}`,
      line.ours.toExponential(2),
      line.library.toExponential(2),
      ratio,
    ];
  });
  const all = [["model", "what", "backend", "numbers", "ours", "float32 library", "ours / library's"], ...rows];
  const widths = all[0].map((_, column) => Math.max(...all.map((row) => row[column].length)));
  return [title, ...all.map((row) => row.map((cell, column) => cell.padEnd(widths[column])).join("  "))].join("\n");
}
