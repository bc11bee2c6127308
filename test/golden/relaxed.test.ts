import { describe, expect, it } from "vitest";
import { BertModel } from "../../src/bert-model.ts";
import "../../src/node.ts";
import { switchRelaxedOn } from "../kernels/relaxed.ts";
import { barsOf, measure } from "./bars.ts";
import { compare } from "./compare.ts";
import { goldenFolder, goldenModels, readGolden } from "./read.ts";

/*
 * `wasm-relaxed`, whose bits are the machine's: its states are as near to float64 as those of the other backends have to be. Node 20 has the
 * instructions behind a flag, which is set here.
 */
const missing = !switchRelaxedOn(); // an engine that has not got the instructions at all

describe.skipIf(missing)("states of the golden models, backend wasm-relaxed", () => {
  it.each(goldenModels())("%s", async (name) => {
    const golden = readGolden(name);
    const bars = barsOf(golden);
    const model = await BertModel.load(goldenFolder(name), { backend: "wasm-relaxed", threads: 0 });
    expect(model.backend.name).toBe("wasm-relaxed");
    let worst = 0;
    for (const { text, ids, hidden } of golden.texts) {
      const [count, T, H] = hidden.shape;
      const what = `${name}, ${JSON.stringify(text)}`;
      const { tokenEmbeddings } = await model.forward([{ ids }]);
      const want = hidden.exact.subarray((count - 1) * T * H);
      worst = Math.max(worst, compare(tokenEmbeddings.data, want, bars.element, measure(golden, [T, H], what)).error);
    }
    await model.dispose();
    expect(worst).toBeLessThanOrEqual(bars.times * bars.states);
  });
});
