import { describe, expect, it } from "vitest";
import type { ByteSource } from "../../src/base/bytes.ts";
import { ModelError } from "../../src/base/errors.ts";
import { CORPUS } from "./corpus.ts";
import { readAll } from "./hostile.ts";
import { GOOD, legacy, torchZip } from "./make-pickle.ts";
import { mutated } from "./mutate.ts";

/** What opening and reading all of it ends in. */
async function outcome(bytes: ArrayBuffer | Uint8Array, file: string): Promise<unknown> {
  return readAll(asSource(bytes), file).catch((error: unknown) => error);
}

function asSource(bytes: ArrayBuffer | Uint8Array): ByteSource {
  const view = new Uint8Array(bytes instanceof ArrayBuffer ? bytes : bytes.slice().buffer);
  return { byteLength: view.length, slice: (start, end) => view.slice(start, end).buffer };
}

describe("files made by hand", () => {
  it("are many, each with a name of its own", () => {
    expect(CORPUS.length).toBeGreaterThanOrEqual(300);
    expect(new Set(CORPUS.map(({ name }) => name)).size).toBe(CORPUS.length);
  });

  it("begin from good ones", async () => {
    expect(await outcome(torchZip(GOOD).bytes, "pytorch_model.bin")).toBe(1);
    expect(await outcome(legacy(), "pytorch_model.bin")).toBe(1);
  });

  it.each(CORPUS.map((hostile) => [hostile.name, hostile] as const))("%s", async (_, { file, bytes, says }) => {
    const made = bytes();
    const begun = performance.now();
    const error = await outcome(made, file);
    const took = performance.now() - begun;
    expect(error).toBeInstanceOf(ModelError);
    const { message, file: at, field } = error as ModelError;
    expect(message).toMatch(says);
    expect(at, "names the file").toMatch(/\.(safetensors|bin|json)$/);
    expect(field, "names the field").toMatch(/./);
    expect(message).not.toMatch(/[\n\r]/);
    expect(message.length).toBeLessThan(500);
    expect(took, "milliseconds").toBeLessThan(4000); // 2 seconds alone in a process: test/extended/hostile.test.ts
  });
});

it("3,000 mutated files end in a ModelError or in tensors", { timeout: 120_000 }, async () => {
  let opened = 0;
  for (const { file, bytes } of mutated(3000)) {
    const end = await outcome(bytes, file);
    if (typeof end === "number") opened++;
    else expect(end, String((end as Error).stack)).toBeInstanceOf(ModelError);
  }
  expect(opened).toBeGreaterThan(300);
  expect(opened).toBeLessThan(2400);
});
