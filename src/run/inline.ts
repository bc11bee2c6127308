import { breathe, now } from "../base/breathe.ts";
import { forward } from "../bert/forward.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { type Engine, roomFor } from "./engine.ts";
import { turns } from "./turns.ts";

/** Runs `forward` where it stands, and yields to the event loop after every batch, and between its stages. */
export function inline<B>(kernels: Kernels<B>): Engine<B> {
  /** Milliseconds after which the thread is free for others, once a stage is done: a frame of a page. */
  const FRAME = 16;
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
            const stages: (() => Promise<void>)[] = [];
            let began = now();
            let from = began;
            const x = await forward(kernels, weights, config, batch, words, s, async (name, buffer, shape) => {
              const ms = now() - from;
              if (see) {
                // Asked for now, so that it is read before the next stage overwrites it; awaited later.
                const values = kernels.read(buffer, shape[0] * shape[1]);
                values.catch(() => {}); // where the batch fails before it is
                stages.push(async () => see(name, await values, shape, ms));
              }
              if (now() - began > FRAME) {
                await breathe();
                began = now();
              }
              from = now();
            });
            const hidden = await kernels.read(x, batch.ids.length * config.hiddenSize);
            for (const tell of stages) await tell();
            await breathe();
            return hidden;
          }),
        dispose: () => inTurn(() => kernels.dispose()),
      };
    },
  };
}
