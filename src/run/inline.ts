import { forward } from "../bert/forward.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { type Engine, roomFor } from "./engine.ts";
import { breathe, turns } from "./turns.ts";

/** Runs `forward` where it stands, and yields to the event loop after every batch. */
export function inline<B>(kernels: Kernels<B>): Engine<B> {
  return {
    kernels,
    dispose: () => kernels.dispose(),
    async start(weights, config, tokens) {
      const s = roomFor(kernels, config, tokens);
      const inTurn = turns();
      return {
        threads: 0,
        run: (batch, words, see) =>
          inTurn(async () => {
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
        dispose: () => inTurn(() => kernels.dispose()),
      };
    },
  };
}
