import type { Batch } from "../base/batch.ts";
import { fail } from "../base/errors.ts";
import { layOut } from "../bert/batch.ts";
import type { BertConfig } from "../bert/config.ts";
import { bell } from "../bert/seeded.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { Engine } from "./engine.ts";
import { inline } from "./inline.ts";
import type { Runner } from "./runner.ts";

/** Kernels whose memory may be gone some day, all of it. */
export interface LosableKernels<B> extends Kernels<B> {
  settled(): Promise<void>;
  lost(): string | undefined;
}

/**
 * An engine whose kernels can be lost, as a GPU can: calls in flight are rejected, and the next one opens new kernels and takes the weights in
 * again. `most` tokens are computed at a time; larger batches are taken apart.
 */
export function recovering<B>(
  first: LosableKernels<B>,
  open: () => Promise<LosableKernels<B>>,
  most: number,
): Engine<B> {
  let kernels = first;
  return {
    kernels,
    dispose: () => kernels.dispose(),
    async start(weights, config, tokens, again) {
      const probe = probeOf(config, Math.min(3, config.longestText, most));
      const begin = async (w: typeof weights): Promise<{ runner: Runner; answer: Float32Array }> => {
        const runner = await inline(kernels).start(w, config, Math.min(tokens, most));
        const answer = await runner.run(probe.batch, probe.words); // every shader is compiled now
        await kernels.settled();
        return { runner, answer };
      };
      const started = await begin(weights);
      let runner: Runner | undefined = started.runner;
      let recovery: Promise<Runner> | undefined;
      let disposed = false;

      const recover = async (): Promise<Runner> => {
        runner = undefined;
        await kernels.dispose();
        kernels = await open();
        try {
          if (again === undefined) fail(undefined, "backend", "cannot take its weights in again; load the model again");
          const now = await begin(await again(kernels));
          // Files may have changed meanwhile: another model's vectors must not stand beside those of this one.
          if (!near(now.answer, started.answer)) {
            fail(undefined, "backend", "the model's files have changed; load the model again");
          }
          runner = now.runner;
          return runner;
        } catch (error) {
          await kernels.dispose(); // or its memory, and its turn to load, would be kept until somebody asks again
          throw error;
        }
      };
      /** Whoever comes first opens new kernels, for all; where that fails the next call tries again. */
      const usable = async (): Promise<Runner> => {
        if (runner !== undefined && (kernels.lost() === undefined || disposed)) return runner;
        recovery ??= recover().finally(() => {
          recovery = undefined;
        });
        return recovery;
      };

      return {
        threads: 0,
        async run(batch, words, see) {
          const now = await usable();
          const parts = inParts(batch, most);
          if (parts.length === 1) return now.run(batch, words, see);
          const hidden = new Float32Array(words.length);
          for (const [from, to] of parts) {
            const part = slice(batch, from, to);
            const at = batch.starts[from] * config.hiddenSize;
            const rows = words.subarray(at, at + part.ids.length * config.hiddenSize);
            hidden.set(await now.run(part, rows, see), at);
          }
          return hidden;
        },
        async dispose() {
          disposed = true;
          await recovery?.catch(() => {});
          await (runner ?? kernels).dispose();
        },
      };
    },
  };
}

/** Sentences from … to of each part, in which there are at most so many tokens; a longer sentence is one of its own. */
function inParts({ starts }: Batch, most: number): [from: number, to: number][] {
  const parts: [number, number][] = [];
  let from = 0;
  for (let n = 0; n + 1 < starts.length; n++) {
    const length = starts[n + 1] - starts[n];
    if (length > most)
      fail(undefined, "backend", `the adapter's buffers hold ${most} tokens: too few for a text of ${length}`);
    if (starts[n + 1] - starts[from] > most && n > from) {
      parts.push([from, n]);
      from = n;
    }
  }
  return [...parts, [from, starts.length - 1]];
}

function slice({ ids, positions, typeIds, starts }: Batch, from: number, to: number): Batch {
  const [begin, end] = [starts[from], starts[to]];
  return {
    ids: ids.subarray(begin, end),
    positions: positions.subarray(begin, end),
    typeIds: typeIds.subarray(begin, end),
    starts: starts.slice(from, to + 1).map((start) => start - begin),
  };
}

/** A short text, and rows of words for it. */
function probeOf(config: BertConfig, length: number): { batch: Batch; words: Float32Array } {
  const batch = layOut([{ ids: new Int32Array(length), typeIds: new Int32Array(length) }], config);
  return { batch, words: bell(7)(length * config.hiddenSize, 0.5) };
}

/** Equal but for what another GPU rounds otherwise. */
function near(a: Float32Array, b: Float32Array): boolean {
  return a.every((x, i) => Math.abs(x - b[i]) <= 1e-3 * Math.max(1, Math.abs(b[i])));
}
