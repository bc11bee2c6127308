import { createContext, runInContext } from "node:vm";
import { beforeAll, expect, it } from "vitest";
import { SentenceTransformer } from "../../src/node.ts";
import { committed, corpus, corpusFiles, hashOf } from "../golden/corpus.ts";
import { tinyFiles } from "../tiny.ts";
import { type Answer, bareProgram, type Work } from "./program.ts";

/*
 * The built package where there is nothing but JavaScript: a context with the language's own names, and WebAssembly, SharedArrayBuffer and
 * Atomics taken away too. No TextDecoder, URL, fetch, AbortSignal, performance, timers.
 */

let program: string;
beforeAll(async () => {
  program = await bareProgram();
});

type Run = (files: Record<string, string | Uint8Array>, work: Work, options: object) => Promise<Answer>;

/** `run` in a context without the names of a platform, and given bytes as arrays of that context. `without` takes more away. */
function bare(without = ""): Run {
  const context = createContext({});
  const gone = "for (const name of ['WebAssembly', 'SharedArrayBuffer', 'Atomics', 'console', 'escape', 'unescape'])";
  runInContext(`${gone} delete globalThis[name]; ${without}; ${program}`, context);
  const inside = runInContext("({ run, Uint8Array })", context);
  return (files, work, options) => {
    const own = Object.entries(files).map(([name, content]) => [
      name,
      typeof content === "string" ? content : inside.Uint8Array.from(content),
    ]);
    return inside.run(Object.fromEntries(own), work, options);
  };
}

it("the context has the language's names and no others", () => {
  const context = createContext({});
  runInContext("delete globalThis.WebAssembly", context);
  const names = ["TextDecoder", "TextEncoder", "URL", "fetch", "AbortSignal", "AbortController", "performance", "Blob"];
  names.push("setTimeout", "setImmediate", "queueMicrotask", "MessageChannel", "WebAssembly", "process", "crypto");
  names.push("structuredClone", "TransformStream", "Worker", "navigator");
  expect(names.filter((name) => runInContext(`typeof ${name}`, context) !== "undefined")).toEqual([]);
});

it("BertModel: the committed hash, in plain JavaScript", async () => {
  const run = bare();
  const work = { ids: corpus.map(({ ids }) => Array.from(ids)) };
  const { backend, bytes } = await run(corpusFiles(), work, {});
  expect(backend).toMatchObject({ name: "js", threads: 0, width: 0 });
  expect(backend.reason).toMatch(/^auto: plain JavaScript, because WebAssembly does not run here: ReferenceError/);
  expect(hashOf([new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)])).toBe(committed.corpus.js);
});

const TEXTS = ["잠이 옵니다", "졸음이 옵니다", "기차가 옵니다", "A café, É — and more 🙂", "", "\ud800"];

it.each([
  ["as the engine has it", ""],
  ["without String.prototype.normalize", "delete String.prototype.normalize"],
])("SentenceTransformer, %s: the bits of Node", async (_, without) => {
  const run = bare(without);
  const model = await SentenceTransformer.load({ files: tinyFiles() }, { backend: "js" });
  const expected = await model.encode(TEXTS);
  const { bytes } = await run(tinyFiles(), { texts: TEXTS }, { backend: "js" });
  const width = 4 * model.dimension;
  for (const [n, row] of expected.entries()) {
    const bits = new Uint8Array(row.buffer, row.byteOffset, row.byteLength);
    expect(Array.from(bytes.subarray(n * width, (n + 1) * width)), TEXTS[n]).toEqual(Array.from(bits));
  }
  expect(bytes.length).toBe(width * TEXTS.length);
  await model.dispose();
});

it("what is no model is a ModelError there too", async () => {
  const run = bare();
  await expect(run({}, { texts: TEXTS }, {})).rejects.toThrow(/config.json|modules.json|is missing/);
  const files = { ...corpusFiles(), "config.json": "\ufeff{" };
  await expect(run(files, { ids: [[1]] }, {})).rejects.toThrow(/config.json/);
});
