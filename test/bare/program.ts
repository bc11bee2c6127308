import { build } from "esbuild";

/*
 * A program for engines that have JavaScript and nothing else: the built package with `munjang/utf8` and `munjang/unicode`, as one script. It
 * puts `run` where it stands, which takes a model's files as text and bytes and answers with plain data. Used in a bare context of Node by
 * bare.test.ts, and in QuickJS by test/runtimes.
 */

/** What `run` is told. */
export interface Work {
  /** Texts as ids, for `BertModel`: bytes of all hidden states, one text after the other. */
  readonly ids?: readonly (readonly number[])[];
  /** Texts, for `SentenceTransformer`: bytes of all vectors. */
  readonly texts?: readonly string[];
}

/** What it answers: who computed, and the numbers as little-endian bytes. */
export interface Answer {
  readonly backend: {
    readonly name: string;
    readonly threads: number;
    readonly width: number;
    readonly reason: string;
  };
  readonly bytes: Uint8Array;
}

const PROGRAM = `
  import "./dist/utf8.js";
  import "./dist/unicode.js";
  import { BertModel, SentenceTransformer } from "./dist/index.js";

  globalThis.run = async (files, { ids, texts }, options) => {
    const rows = [];
    const model = await (ids ? BertModel : SentenceTransformer).load({ files }, options);
    for (const text of ids ?? []) rows.push((await model.forward({ ids: text })).tokenEmbeddings.data);
    if (texts) rows.push(...(await model.encode(texts)));
    const { backend } = model;
    await model.dispose();
    const all = new Float32Array(rows.reduce((sum, row) => sum + row.length, 0));
    let at = 0;
    for (const row of rows) {
      all.set(row, at);
      at += row.length;
    }
    return { backend, bytes: new Uint8Array(all.buffer) };
  };
`;

export async function bareProgram(): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: PROGRAM, resolveDir: new URL("../..", import.meta.url).pathname },
    bundle: true,
    format: "iife",
    target: "es2022",
    write: false,
    logLevel: "error", // a script has no import.meta, and no workers that would be found by it
  });
  return outputFiles[0].text;
}
