import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { BertModel } from "../../src/bert-model.ts";
import "../../src/node.ts";
import { readModules } from "../../src/modules.ts";
import { applyModules, type Module } from "../../src/pooling/index.ts";
import { openModel } from "../../src/source.ts";
import { BACKENDS, barsOf, type Line, measure, publish, Tally } from "./bars.ts";
import { compare } from "./compare.ts";
import { goldenFolder, goldenModels, readGolden } from "./read.ts";

/*
 * Every model, every text, every stage, every element: the states after the embeddings and after every layer, then the output of every
 * module. Token ids come from the golden, so that this file is about arithmetic alone; encode.test.ts goes from text to vector.
 */
const lines: Line[] = [];
afterAll(() => publish("Worst error against float64, stage by stage", lines));

describe.each(BACKENDS)("stages of the golden models, backend %s", (backend) => {
  it.each(goldenModels())("%s", async (name) => {
    const golden = readGolden(name);
    const bars = barsOf(golden);
    const model = await BertModel.load(goldenFolder(name), { backend });
    const modules = await modulesOf(name, model.config.hiddenSize);
    const states = new Tally();
    const outputs = new Tally();

    for (const text of golden.texts) {
      const what = `${name}, ${JSON.stringify(text.text)}`;
      const [count, T, H] = text.hidden.shape;
      const seen: Float32Array[] = [];
      const out = await model.forward([{ ids: text.ids }], {
        see: (stage, values) => {
          if (stage === "embeddings" || stage.endsWith(" output")) seen.push(values);
        },
      });
      expect(seen.length, what).toBe(count);
      expect(seen[count - 1]).toEqual(out.tokenEmbeddings.data);
      for (const [i, state] of seen.entries()) {
        const want = text.hidden.exact.subarray(i * T * H, (i + 1) * T * H);
        states.add(compare(state, want, bars.element, measure(golden, [T, H], `${what}, state ${i}`)), want.length);
      }

      for (const { index, of, values } of text.modules) {
        // What a prompt leaves out of pooling is the tokenizer's to count.
        if (modules.some((m) => m?.kind === "pooling" && !m.includePrompt)) continue;
        const chain = modules.slice(0, index).filter((m) => m !== undefined);
        const done = applyModules(chain, { data: seen[count - 1], width: H }, [{ start: 0, length: T, skip: 0 }]);
        const rows = of === "tokens" ? done.tokens : done.sentences;
        const worst = compare(
          rows!.data,
          values.exact,
          bars.element,
          measure(golden, values.shape, `${what}, module ${index}`),
        );
        outputs.add(worst, values.exact.length);
      }
    }
    await model.dispose();

    lines.push({
      model: name,
      backend,
      what: "states",
      numbers: states.numbers,
      ours: states.worst.error,
      library: bars.states,
      times: bars.times,
    });
    expect(states.worst.error, `${name}, states`).toBeLessThanOrEqual(bars.times * bars.states);
    if (outputs.numbers === 0) return;
    lines.push({
      model: name,
      backend,
      what: "modules",
      numbers: outputs.numbers,
      ours: outputs.worst.error,
      library: bars.vectors,
      times: bars.times,
    });
    expect(outputs.worst.error, `${name}, modules`).toBeLessThanOrEqual(bars.times * bars.vectors);
  });
});

/** The modules after the Transformer as modules.json counts them; undefined for Dropout, which the engine leaves out. */
async function modulesOf(name: string, H: number): Promise<(Module | undefined)[]> {
  const source = await openModel(goldenFolder(name));
  const { modules, listed } = await readModules(source, async () => H);
  await source.close();
  if (!listed) return [...modules];
  const entries: { type: string }[] = JSON.parse(readFileSync(`${goldenFolder(name)}/modules.json`, "utf8"));
  const left = [...modules];
  return entries.slice(1).map(({ type }) => (type.endsWith(".Dropout") ? undefined : left.shift()));
}
