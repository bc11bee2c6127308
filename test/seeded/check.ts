/** A seeded model against its goldens: every element of every vector, and one row of a few states of each text. */
import { expect } from "vitest";
import type { ChosenBackend } from "../../src/backend.ts";
import { barsOf, type Line, measure, Tally } from "../golden/bars.ts";
import { compare } from "../golden/compare.ts";
import { readGolden } from "../golden/read.ts";
import { seededModel } from "./run.ts";

/** Compares, and answers the lines of the table. Texts run in one batch, side by side. */
export async function checkSeeded(name: string, backend: ChosenBackend): Promise<Line[]> {
  const golden = readGolden(name);
  const bars = barsOf(golden);
  const texts = golden.texts.map((text) => text.ids);
  const tokens = texts.reduce((n, ids) => n + ids.length, 0);
  const { config, outliers, seed } = golden;
  if (config === undefined) throw new Error(`${name} is not a seeded model`);
  const model = await seededModel(backend.engine, config, { seed, outliers }, tokens);
  const answers = await model.run(texts);
  await model.dispose();

  const vectors = new Tally();
  const states = new Tally();
  for (const [n, { vector, hidden, layers = [], row = 0 }] of golden.texts.entries()) {
    const what = `${name}, text of ${texts[n].length} tokens`;
    const H = vector.exact.length;
    vectors.add(compare(answers[n].vector, vector.exact, bars.element, measure(golden, vector.shape, what)), H);
    for (const [i, layer] of layers.entries()) {
      const got = answers[n].states[layer].subarray(row * H, (row + 1) * H);
      const want = hidden.exact.subarray(i * H, (i + 1) * H);
      states.add(compare(got, want, bars.element, measure(golden, [H], `${what}, state ${layer}, row ${row}`)), H);
    }
  }
  expect(vectors.worst.error, `${name}, vectors`).toBeLessThanOrEqual(bars.times * bars.vectors);
  expect(states.worst.error, `${name}, states`).toBeLessThanOrEqual(bars.times * bars.states);
  const line = { model: name, backend: backend.name, times: bars.times };
  return [
    { ...line, what: "vectors", numbers: vectors.numbers, ours: vectors.worst.error, library: bars.vectors },
    { ...line, what: "states", numbers: states.numbers, ours: states.worst.error, library: bars.states },
  ];
}
