import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { BertModel, SentenceTransformer } from "../../src/node.ts";
import { bareProgram, type Work } from "../bare/program.ts";
import { corpus, corpusFiles } from "../golden/corpus.ts";
import { tinyFiles } from "../tiny.ts";
import { record } from "./record.ts";

/*
 * The built package in QuickJS, an interpreter: no WebAssembly, TextDecoder, URL, fetch, AbortSignal, performance, timers. It is some hundred
 * times slower than Node, so a part of the corpus is compared with Node's plain JavaScript, bit for bit; that all of it comes to the
 * committed hash there is test/bare.
 */

const load = createRequire(import.meta.url);
const VARIANT = "@jitl/quickjs-ng-wasmfile-release-sync";
const TEXTS_OF_CORPUS = 16;

/** The part of quickjs-emscripten-core that is used here. */
interface Handle {
  dispose(): void;
}
interface Context {
  readonly global: Handle;
  evalCode(code: string, file?: string): { value: Handle; error?: Handle };
  dump(handle: Handle): unknown;
  newArrayBuffer(buffer: ArrayBuffer): Handle;
  getArrayBuffer(handle: Handle): { value: Uint8Array; dispose(): void };
  setProp(to: Handle, name: string, value: Handle): void;
  newString(text: string): Handle;
  runtime: { executePendingJobs(): { error?: Handle } };
  dispose(): void;
}

let program: string;
let newContext: () => Context;
const version: string = JSON.parse(
  readFileSync(join(import.meta.dirname, "node_modules", VARIANT, "package.json"), "utf8"),
).version;

beforeAll(async () => {
  program = await bareProgram();
  const core = load("quickjs-emscripten-core");
  const quickjs = await core.newQuickJSWASMModuleFromVariant(load(VARIANT).default);
  newContext = () => {
    const context: Context = quickjs.newContext();
    context.evalCode("delete globalThis.performance"); // this build has it, QuickJS has not
    return context;
  };
});

/** Runs the program in a context of its own. */
function inQuickJS(files: Record<string, string | Uint8Array>, work: Work, options: object) {
  const context = newContext();
  const evaluate = (code: string): Handle => {
    const { value, error } = context.evalCode(code, "program.js");
    if (error !== undefined) throw new Error(JSON.stringify(context.dump(error)));
    return value;
  };
  evaluate(program).dispose();
  evaluate("globalThis.files = {}").dispose();
  const encoder = new TextEncoder();
  for (const [name, content] of Object.entries(files)) {
    const bytes = typeof content === "string" ? encoder.encode(content) : content;
    const buffer = context.newArrayBuffer(bytes.slice().buffer as ArrayBuffer);
    context.setProp(context.global, "given", buffer);
    buffer.dispose();
    // Text goes in as a string, so that both kinds of files are tried.
    const value = typeof content === "string" ? JSON.stringify(content) : "given";
    evaluate(`files[${JSON.stringify(name)}] = ${value}`).dispose();
  }
  const told = `${JSON.stringify(work)}, ${JSON.stringify(options)}`;
  evaluate(
    `run(files, ${told}).then((a) => { globalThis.answer = a }, (e) => { globalThis.failure = String(e) + e.stack })`,
  ).dispose();
  for (;;) {
    context.runtime.executePendingJobs();
    const failure = context.dump(evaluate("globalThis.failure"));
    if (failure !== undefined) throw new Error(String(failure));
    if (context.dump(evaluate("typeof answer")) === "object") break;
  }
  const backend = context.dump(evaluate("answer.backend")) as BertModel["backend"];
  const handle = evaluate("answer.bytes.buffer");
  const bytes = context.getArrayBuffer(handle).value.slice();
  return { backend, bytes };
}

const bitsOf = (rows: readonly Float32Array[]): Buffer =>
  Buffer.concat(rows.map((row) => Buffer.from(row.buffer, row.byteOffset, row.byteLength)));

describe("QuickJS", () => {
  it("has none of what browsers and Node add to the language", () => {
    const context = newContext();
    const names = ["TextDecoder", "TextEncoder", "URL", "fetch", "AbortSignal", "performance", "setTimeout", "Blob"];
    names.push("WebAssembly", "Worker", "MessageChannel", "crypto", "structuredClone", "setImmediate");
    const { value } = context.evalCode(`${JSON.stringify(names)}.filter((name) => name in globalThis)`);
    expect(context.dump(value)).toEqual([]);
  });

  it("BertModel: every hidden state is Node's, bit for bit", async () => {
    const texts = corpus.slice(0, TEXTS_OF_CORPUS).map(({ ids }) => Array.from(ids));
    const model = await BertModel.load({ files: corpusFiles() as Record<string, string> }, { backend: "js" });
    const rows: Float32Array[] = [];
    for (const ids of texts) rows.push((await model.forward({ ids })).tokenEmbeddings.data);
    const { backend, bytes } = inQuickJS(corpusFiles(), { ids: texts }, {});
    expect(backend).toMatchObject({ name: "js", threads: 0, width: 0 });
    expect(backend.reason).toMatch(/^auto: plain JavaScript, because WebAssembly does not run here: ReferenceError/);
    const same = bitsOf(rows).equals(bytes);
    const runtime = "QuickJS";
    record({ runtime, version, isolated: null, backend, dtype: "float32", hash: null, texts: texts.length }, same);
    expect(same).toBe(true);
    await model.dispose();
  });

  it("SentenceTransformer: every vector is Node's, bit for bit", async () => {
    const texts = ["잠이 옵니다", "졸음이 옵니다", "A café, É — and more 🙂", ""];
    const model = await SentenceTransformer.load({ files: tinyFiles() }, { backend: "js" });
    const expected = await model.encode(texts);
    const { bytes } = inQuickJS(tinyFiles(), { texts }, { backend: "js" });
    expect(bitsOf(expected).equals(bytes)).toBe(true);
    await model.dispose();
  });
});
