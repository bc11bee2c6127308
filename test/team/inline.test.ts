import { expect, it } from "vitest";
import { js } from "../../src/kernels/index.ts";
import type { Kernels } from "../../src/kernels/kernels.ts";
import { SentenceTransformer } from "../../src/node.ts";
import { tinyFiles } from "../tiny.ts";

it("lets others on between the stages of one batch where they take long, and gives the same vector", async () => {
  const kernels = js();
  const slow = {
    ...kernels,
    linear(...args: Parameters<typeof kernels.linear>) {
      kernels.linear(...args);
      for (const end = Date.now() + 20; Date.now() < end; ); // longer than a page's frame
    },
  } as Kernels<unknown>;
  const model = await SentenceTransformer.load({ files: tinyFiles() }, { backend: slow });
  let turns = 0;
  let counting = true;
  const count = (): void => {
    turns++;
    if (counting) setImmediate(count);
  };
  const work = model.encode("문장");
  setImmediate(count);
  const vector = await work;
  counting = false;
  // Two layers have four products each: at most two stand between two chances.
  expect(turns).toBeGreaterThan(5);
  const fast = await SentenceTransformer.load({ files: tinyFiles() }, { backend: "js" });
  expect(vector).toEqual(await fast.encode("문장"));
});
