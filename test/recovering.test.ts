import { describe, expect, it } from "vitest";
import { layOut } from "../src/bert/batch.ts";
import type { BertConfig } from "../src/bert/config.ts";
import { bell, seededWeights } from "../src/bert/seeded.ts";
import { js } from "../src/kernels/js/index.ts";
import type { Kernels } from "../src/kernels/kernels.ts";
import { inline } from "../src/run/inline.ts";
import { type LosableKernels, recovering } from "../src/run/recovering.ts";

/* An engine whose kernels can be lost, over plain kernels that say so when they are told to. */

const config: BertConfig = {
  hiddenSize: 8,
  layers: 2,
  heads: 2,
  intermediateSize: 16,
  vocabularySize: 9,
  positions: 16,
  types: 2,
  activation: "gelu",
  epsilon: 1e-12,
  paddingPosition: undefined,
  longestText: 16,
};

type Losable = LosableKernels<Float32Array> & { lose(): void; disposed: boolean };
function losable(): Losable {
  let lost: string | undefined;
  const plain: Kernels<Float32Array> = js();
  return {
    ...plain,
    disposed: false,
    lose: () => {
      lost = "switched off";
    },
    lost: () => lost,
    settled: async () => {},
    read: async (from, length) => {
      const values = await plain.read(from, length);
      if (lost !== undefined) throw new Error(lost);
      return values;
    },
    async dispose() {
      this.disposed = true;
    },
  };
}

function batchOf(...lengths: number[]) {
  const texts = lengths.map((L) => ({ ids: new Int32Array(L).map((_, t) => t % 9), typeIds: new Int32Array(L) }));
  const batch = layOut(texts, config);
  return { batch, words: bell(5)(batch.ids.length * config.hiddenSize, 1) };
}

/** A started engine, and every kernels it has opened. */
async function started(most = 100, again = true) {
  const opened = [losable()];
  let loads = 1;
  const open = async (): Promise<Losable> => {
    opened.push(losable());
    return opened[opened.length - 1];
  };
  const engine = recovering(opened[0], open, most);
  const weights = {
    current: (kernels: Pick<Losable, "alloc" | "write" | "prepare">) => seededWeights(kernels, config),
  };
  const runner = await engine.start(
    weights.current(engine.kernels),
    config,
    64,
    again
      ? async (kernels) => {
          loads++;
          return weights.current(kernels);
        }
      : undefined,
  );
  const plain = inline(js());
  const expected = await plain.start(seededWeights(plain.kernels, config), config, 64);
  return { runner, opened, expected, weights, loads: () => loads };
}

describe("an engine whose kernels can be lost", () => {
  it("computes what others do, and takes large batches apart", async () => {
    for (const most of [100, 16, 7, 1]) {
      const { runner, expected } = await started(most);
      for (const lengths of [[3], [5, 2, 7, 1, 1, 9], [16, 16, 16]]) {
        const { batch, words } = batchOf(...lengths);
        if (most < Math.max(...lengths)) {
          await expect(runner.run(batch, words)).rejects.toThrow(`hold ${most} tokens: too few for a text of`);
          continue;
        }
        expect(await runner.run(batch, words)).toEqual(await expected.run(batch, words));
      }
      await runner.dispose();
    }
  });

  it("opens new ones at the next call, once for all who call at once", async () => {
    const { runner, opened, expected, loads } = await started();
    const { batch, words } = batchOf(4, 3);
    const want = await expected.run(batch, words);
    const under = runner.run(batch, words);
    opened[0].lose();
    await expect(under).rejects.toThrow("switched off");
    expect(await Promise.all([1, 2, 3].map(() => runner.run(batch, words)))).toEqual([want, want, want]);
    expect([opened.length, loads(), opened[0].disposed]).toEqual([2, 2, true]);
    opened[1].lose();
    expect(await runner.run(batch, words)).toEqual(want);
    expect([opened.length, loads()]).toEqual([3, 3]);
    await runner.dispose();
    expect(opened[2].disposed).toBe(true);
  });

  it("tries again at the call after one that could not be helped", async () => {
    const { runner, opened, expected, weights } = await started();
    const { batch, words } = batchOf(4);
    opened[0].lose();
    const right = weights.current;
    weights.current = () => {
      throw new Error("the server is away");
    };
    await expect(runner.run(batch, words)).rejects.toThrow("the server is away");
    expect(opened[1].disposed).toBe(true); // nothing is kept until somebody asks again
    weights.current = right;
    expect(await runner.run(batch, words)).toEqual(await expected.run(batch, words));
    await runner.dispose();
  });

  it("does not go on with another model's weights, nor without any", async () => {
    const { runner, opened, weights } = await started();
    const { batch, words } = batchOf(4);
    weights.current = (kernels) => {
      const all = seededWeights(kernels as Losable, config);
      return { ...all, layers: [all.layers[1], all.layers[0]] };
    };
    opened[0].lose();
    await expect(runner.run(batch, words)).rejects.toThrow(/files have changed/);
    const without = await started(100, false);
    without.opened[0].lose();
    await expect(without.runner.run(batch, words)).rejects.toThrow(/load the model again/);
    await without.runner.dispose();
  });

  it("leaves no rejection to nobody where stages are watched", async () => {
    const { runner, opened } = await started();
    const { batch, words } = batchOf(4);
    const nobody: unknown[] = [];
    const note = (reason: unknown): void => void nobody.push(reason);
    process.on("unhandledRejection", note);
    opened[0].lose();
    opened[0].lost = () => undefined; // not yet known
    await expect(runner.run(batch, words, () => {})).rejects.toThrow("switched off");
    await new Promise((go) => setTimeout(go, 0));
    process.off("unhandledRejection", note);
    expect(nobody).toEqual([]);
  });
});
