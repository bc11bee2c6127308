import type { EncodingIds } from "./base/batch.ts";
import { refuse } from "./base/door.ts";
import type { BertConfig } from "./bert/config.ts";
import { loadWeights } from "./bert/weights.ts";
import { type EncodingLike, withoutPadding } from "./bert-model.ts";
import { loadTokenizer } from "./bert-tokenizer.ts";
import { addWholeNumbers } from "./encoder.ts";
import { js8 } from "./kernels/js/int8.ts";
import { int8 } from "./kernels/wasm/int8/index.ts";
import type { Bits } from "./kernels/wasm/int8/layout.ts";
import { fastestDot } from "./kernels/wasm/int8/probe.ts";
import { calibrate } from "./quantised/calibrate.ts";
import { isQuantised, storedLinears, storedWords } from "./quantised/stored.ts";
import { CALIBRATION } from "./quantised/text.ts";
import { quantiseTable } from "./quantised/words.ts";
import type { ModelSource } from "./source.ts";

/*
 * Models of whole numbers, `dtype: "int8"` and `"int8-12"`: how they are loaded, and what computes them. Importing this lets `load` take them;
 * Node's entry always does.
 */
addWholeNumbers({
  stored: (tensors) => (isQuantised(tensors) ? "int8" : "float32"),
  backends(dtype) {
    const bits: Bits = dtype === "int8" ? 7 : 12;
    return {
      js: () => js8(bits),
      wasm: (width) => int8({ bits, dot: fastestDot(bits) }, width),
    };
  },
  async load(kernels, tensors, { source, folder, config }, { rows = "memory", signal, calibration }) {
    if (isQuantised(tensors)) {
      const reading = storedWords(tensors, config, rows);
      reading.catch(() => {}); // awaited below
      const weights = await loadWeights(
        kernels,
        tensors,
        config,
        signal,
        storedLinears(tensors, kernels.copies === true, signal),
      );
      return { words: await reading, weights };
    }
    const { next } = await calibrate(
      tensors,
      config,
      await calibrationTexts(source, folder, config, calibration),
      signal,
    );
    const weights = await loadWeights(kernels, tensors, config, signal, next);
    return { words: await quantiseTable(tensors, config, rows), weights };
  },
});

/** What a model is measured with, as it will read it. */
export async function calibrationTexts(
  source: ModelSource,
  folder: string,
  { longestText }: BertConfig,
  texts: readonly (string | EncodingLike)[] = CALIBRATION,
): Promise<EncodingIds[]> {
  if (texts.length === 0) refuse("calibration", "needs a text at least");
  const tokenizer = texts.some((text) => typeof text === "string") ? await loadTokenizer(source, folder) : undefined;
  return texts.map((text) => {
    const ids = typeof text === "string" ? tokenizer?.encode(text, { maxLength: longestText }) : text;
    return withoutPadding(ids as EncodingLike);
  });
}
