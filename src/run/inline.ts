import { ModelError } from "../base/errors.ts";
import type { BertConfig } from "../bert/config.ts";
import { type BertWeights, forward, type Scratch, scratch } from "../bert/forward.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { Runner } from "./runner.ts";
import { breathe, Turns } from "./turns.ts";

/** Runs `forward` where it stands, and yields to the event loop after every batch. `tokens` is the room for one batch. */
export function inline<B>(kernels: Kernels<B>, weights: BertWeights<B>, config: BertConfig, tokens: number): Runner {
  const s = roomFor(kernels, config, tokens);
  const turns = new Turns();
  return {
    effective: { threads: 0 },
    run: (batch, words, see) =>
      turns.take(async () => {
        const stages: { name: string; values: Promise<Float32Array>; shape: readonly [number, number] }[] = [];
        const x = forward(kernels, weights, config, batch, words, s, (name, buffer, shape) => {
          // Asked for now, so that it is read before the next stage overwrites it; awaited later.
          if (see !== undefined) stages.push({ name, shape, values: kernels.read(buffer, shape[0] * shape[1]) });
        });
        const hidden = await kernels.read(x, batch.ids.length * config.hiddenSize);
        for (const stage of stages) see?.(stage.name, await stage.values, stage.shape);
        await breathe();
        return hidden;
      }),
    dispose: () => turns.take(() => kernels.dispose()),
  };
}

function roomFor<B>(kernels: Kernels<B>, config: BertConfig, tokens: number): Scratch<B> {
  try {
    return scratch(kernels, config, tokens);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new ModelError("there is no memory for a batch of so many tokens", {
      field: "tokensPerBatch",
      value: tokens,
      cause,
    });
  }
}
