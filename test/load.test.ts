import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { BertModel, SentenceTransformer } from "../src/node.ts";
import { type ModelSource, openModel } from "../src/source.ts";
import { goldenFolder } from "./golden/read.ts";
import { tinyFiles } from "./tiny.ts";

const THREADS = "/proc/self/task";
const hasThreads = process.platform === "linux"; // elsewhere nothing says how many there are
const threads = (): number => readdirSync(THREADS).length;

/** A source with which everything is right until it is closed for the first time. */
async function failing(): Promise<ModelSource> {
  const inner = await openModel({ files: tinyFiles() });
  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    throw new Error("cannot be closed");
  };
  return { name: "failing", open: (path) => inner.open(path), close };
}

describe("a load that fails at its end", () => {
  it.skipIf(!hasThreads)("leaves no workers behind", async () => {
    const loads = [
      async () => SentenceTransformer.load(await failing(), { threads: 2, backend: "wasm" }),
      async () => BertModel.load(await failing(), { threads: 2, backend: "wasm" }),
    ];
    for (const load of loads) {
      await expect(load()).rejects.toThrow("cannot be closed"); // once for threads that stay: those of the compiler
      const before = threads();
      for (let n = 0; n < 4; n++) await expect(load()).rejects.toThrow("cannot be closed");
      await expect.poll(threads, { timeout: 5000 }).toBeLessThanOrEqual(before + 1);
    }
  });
});

describe("rows read by a function", () => {
  it("come from a file that stays open, for BertModel too", async () => {
    const folder = join(goldenFolder("plain"));
    const [read, whole] = [await BertModel.load(folder, { rows: (read) => read }), await BertModel.load(folder)];
    const ids = { ids: [2, 7, 9, 3] };
    expect((await read.forward(ids)).tokenEmbeddings).toEqual((await whole.forward(ids)).tokenEmbeddings);
    await Promise.all([read.dispose(), whole.dispose()]);
  });
});

describe("a tokenizer option left undefined", () => {
  it("is what the model says", async () => {
    const files = tinyFiles("lower-in-sbert");
    const [plain, told] = await Promise.all([
      SentenceTransformer.load({ files }, { threads: 0 }),
      SentenceTransformer.load({ files }, { threads: 0, tokenizer: { lowerCase: undefined } }),
    ]);
    expect([...told.tokenize("ABC").ids]).toEqual([...plain.tokenize("ABC").ids]);
    expect([...told.tokenize("ABC").ids]).toEqual([...plain.tokenize("abc").ids]); // or it would prove nothing
    expect(told.identity).toEqual(plain.identity);
    await Promise.all([plain.dispose(), told.dispose()]);
  });
});
