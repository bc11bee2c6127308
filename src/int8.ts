import type { EncodingIds } from "./base/batch.ts";
import { refuse } from "./base/door.ts";
import { sha256 } from "./base/sha256.ts";
import { tensor } from "./base/tensor.ts";
import type { BertConfig } from "./bert/config.ts";
import { loadWeights } from "./bert/weights.ts";
import { type EncodingLike, withoutPadding } from "./bert-model.ts";
import { loadTokenizer } from "./bert-tokenizer.ts";
import { addWholeNumbers } from "./encoder.ts";
import { js8 } from "./kernels/js/int8.ts";
import type { Kernels } from "./kernels/kernels.ts";
import { DOTS, type Dot } from "./kernels/wasm/int8/dots.ts";
import { type Int8, int8 } from "./kernels/wasm/int8/index.ts";
import type { Bits } from "./kernels/wasm/int8/layout.ts";
import { fastestDot } from "./kernels/wasm/int8/probe.ts";
import { among, variant } from "./kernels/wasm/variants.ts";
import { calibrate } from "./quantised/calibrate.ts";
import { isQuantised, storedLinears, storedWords } from "./quantised/stored.ts";
import { CALIBRATION } from "./quantised/text.ts";
import { quantiseTable } from "./quantised/words.ts";
import type { ModelSource } from "./source.ts";
import { readTransformerSettings } from "./transformer-settings.ts";

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
      floats: withWhole,
      wasm(width, compiled) {
        const by = (dot: Dot): Int8 => int8({ bits, dot }, width);
        if (compiled === undefined) return by(fastestDot(bits));
        // Where it is none of them the backend finds no module either, and says so.
        return by(DOTS.find((dot) => among(compiled, { ...variant("wasm", width), int8: by(dot) })) ?? "pairs2");
      },
    };
  },
  async load(kernels, tensors, { source, folder, config }, { rows = "memory", signal, calibration }) {
    if (isQuantised(tensors)) {
      const reading = storedWords(tensors, config, rows);
      reading.catch(() => {}); // awaited below
      const { next, letGo } = storedLinears(tensors, kernels.copies === true, signal);
      const weights = await loadWeights(kernels, tensors, config, signal, next);
      letGo();
      return { words: await reading, weights };
    }
    const { next } = await calibrate(
      tensors,
      config,
      await calibrationTexts(source, folder, config, calibration),
      signal,
    );
    const weights = await loadWeights(kernels, tensors, config, signal, next);
    const words = await quantiseTable(tensors, config, rows);
    if (calibration === undefined) return { words, weights };
    const texts = new TextEncoder().encode(JSON.stringify(calibration));
    return { words, weights, measured: `, calibration ${sha256().update(texts).hex().slice(0, 16)}` };
  },
});

/** What a model is measured with, as it will read it. @internal */
export async function calibrationTexts(
  source: ModelSource,
  folder: string,
  { longestText }: BertConfig,
  texts: readonly (string | EncodingLike)[] = CALIBRATION,
): Promise<EncodingIds[]> {
  if (!Array.isArray(texts) || texts.length === 0)
    refuse("calibration", "must be a list of texts, one at least", texts);
  const asText = texts.some((text) => typeof text === "string");
  const { lowerCase } = await readTransformerSettings(source, folder);
  const tokenizer = asText ? await loadTokenizer(source, folder, { lowerCase }) : undefined;
  return texts.map((text) => {
    const ids = typeof text === "string" ? tokenizer?.encode(text, { maxLength: longestText }) : text;
    return withoutPadding(ids as EncodingLike);
  });
}

/** Kernels that compute with floats take whole numbers as the weights they stand for; activations stay as they are. */
function withWhole<B>(kernels: Kernels<B>): Kernels<B> {
  return {
    ...kernels,
    prepareWhole({ data, shape: [N, K], scale, balance }, bias) {
      const floats = new Float32Array(N * K);
      for (let i = 0; i < floats.length; i++) floats[i] = data[i] * scale[Math.floor(i / K)] * balance[i % K];
      return kernels.prepare(tensor(floats, [N, K]), bias);
    },
  };
}
