/** Runs a seeded model of any size: its weights are made tensor by tensor, as a backend asks for them. */
import { Json } from "../../src/base/json.ts";
import { layOut } from "../../src/bert/batch.ts";
import { type BertConfig, readConfig } from "../../src/bert/config.ts";
import { loadWeights, loadWords } from "../../src/bert/weights.ts";
import { pool } from "../../src/pooling/index.ts";
import type { Engine } from "../../src/run/engine.ts";
import { type SeededConfig, type SeededOptions, seededSource } from "./seeded.ts";

export interface SeededAnswer {
  /** Mean of the last states, [D]. */
  readonly vector: Float32Array;
  /** After the embeddings and after every layer, each [T, H]. */
  readonly states: readonly Float32Array[];
}

export interface SeededModel {
  readonly config: BertConfig;
  /** Texts as token ids, together in one batch. */
  run(texts: readonly (readonly number[])[]): Promise<SeededAnswer[]>;
  dispose(): Promise<void>;
}

/** `tokens` is the room for one batch. */
export async function seededModel<B>(
  engine: Engine<B>,
  fields: SeededConfig,
  options: SeededOptions,
  tokens: number,
): Promise<SeededModel> {
  const config = readConfig(new Json("config.json", fields));
  const source = seededSource(fields, options);
  const words = await loadWords(source, config, "source");
  const runner = await engine.start(await loadWeights(engine.kernels, source, config), config, tokens);
  return {
    config,
    run: async (texts) => {
      const batch = layOut(
        texts.map((ids) => ({ ids: Int32Array.from(ids), typeIds: new Int32Array(ids.length) })),
        config,
      );
      const H = config.hiddenSize;
      const rows = new Float32Array(batch.ids.length * H);
      await words.read(batch.ids, rows);
      const states: Float32Array[] = [];
      const hidden = await runner.run(batch, rows, (stage, values) => {
        if (stage === "embeddings" || stage.endsWith(" output")) states.push(values);
      });
      return texts.map((ids, n) => {
        const start = batch.starts[n];
        const vector = new Float32Array(H);
        pool(vector, 0, hidden, H, { start, length: ids.length, skip: 0 }, "mean");
        return { vector, states: states.map((state) => state.subarray(start * H, (start + ids.length) * H)) };
      });
    },
    dispose: () => runner.dispose(),
  };
}
