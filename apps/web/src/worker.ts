import { BertModel, ModelError, type ModelFiles, SentenceTransformer } from "munjang";
import "munjang/fastest";
import "munjang/pytorch";
import "munjang/shards";
import { webgpu } from "munjang/webgpu";
import { mini } from "munjang-mini-ko";
import { climb } from "../../../bench/ladder/measure.ts";
import { corpus, corpusFiles } from "../../../test/golden/corpus-texts.ts";
import committed from "../../../test/golden/hashes.json";
import { attentionOf } from "../../cli/src/explain/attention.ts";
import { twoDimensions } from "./map.ts";
import type { Answer, Api, BackendSpeed, Call, ModelChoice, Reading, Stage } from "./protocol.ts";

/* Everything that computes, away from the page. */

type Tell = (progress: string, part?: number) => void;
type Implementation = {
  [K in keyof Api]: (tell: Tell, ...args: Parameters<Api[K]>) => Promise<ReturnType<Api[K]>> | ReturnType<Api[K]>;
};

/** Calls under way that may compute with a model, and would end with it. */
const pending = new Set<Promise<unknown>>();

/** Of a model that another takes the place of, once nothing computes with it any more. */
async function letGo(old: typeof current): Promise<void> {
  await Promise.allSettled([...pending]);
  await old?.model.dispose();
  await old?.bert?.then((bert) => bert.dispose()).catch(() => {});
}

let current: { source: string | ModelFiles; model: SentenceTransformer; bert?: Promise<BertModel> } | undefined;

function sourceOf(choice: ModelChoice): string | ModelFiles {
  if (choice.kind === "bundled") return mini;
  if (choice.kind === "url") return choice.url;
  return { name: "a folder", files: Object.fromEntries(choice.files) };
}

function loaded(): NonNullable<typeof current> {
  if (current === undefined) throw new Error("no model is loaded");
  return current;
}

function readingOf(model: SentenceTransformer, text: string): Reading {
  const { ids, truncated, unknown } = model.tokenize(text);
  const whole = text.normalize("NFC");
  const letters = /[\u1100-\u11ff]/.test(text) && whole !== text;
  return {
    read: ids.length,
    all: truncated ? model.tokenizer.encode(text).ids.length : ids.length,
    unknown: unknown.map(({ word }) => word.normalize("NFC")),
    decomposed: letters && model.tokenize(whole).ids.join() !== ids.join(),
  };
}

const api: Implementation = {
  async load(tell, choice) {
    const source = sourceOf(choice);
    const sizes = new Map<string, readonly [loaded: number, total: number]>();
    const model = await SentenceTransformer.load(source, {
      onWarning: () => {},
      onProgress({ file, loaded, total }) {
        sizes.set(file, [loaded, total]);
        const all = [...sizes.values()];
        const sum = (i: 0 | 1): number => all.reduce((total, one) => total + one[i], 0);
        tell(file, sum(0) / Math.max(1, sum(1)));
      },
    });
    void letGo(current);
    current = { source, model };
    const { dimension, backend, warnings } = model;
    return { dimension, backend, warnings };
  },

  async encode(tell, texts) {
    const { model } = loaded();
    return model.encode(texts, { onProgress: ({ done, total }) => tell(`${done} / ${total}`, done / total) });
  },

  read: (_, texts) => texts.map((text) => readingOf(loaded().model, text)),

  async inside(_, given) {
    const state = loaded();
    state.bert ??= BertModel.load(state.source, { threads: 0 });
    state.bert.catch(() => (state.bert = undefined)); // tried again the next time
    const bert = await state.bert;
    const { model } = state;
    const { prompt, pooling, normalize } = model.identity;
    const text = prompt + given;
    const encoding = model.tokenize(text);
    const stages: Stage[] = [];
    const { heads } = bert.config;
    let qkv: Float32Array | undefined;
    await bert.forward([encoding], {
      see(name, values, shape) {
        if (name.endsWith(" qkv")) qkv = values;
        const seen = name.endsWith(" context") && qkv ? attentionOf(qkv, values, shape[0], heads) : undefined;
        stages.push({ name, shape, values, attention: seen?.weights });
      },
    });
    const vector = await model.encode(given);
    stages.push({ name: "pooling", shape: [1, vector.length], values: vector });
    return { reading: readingOf(model, text), tokens: encoding.tokens, heads, stages, pooling, normalize };
  },

  map: (_, vectors, others) => twoDimensions(vectors, others),

  ladder: (tell) => climb({ rounds: 5, milliseconds: 100, onProgress: (what) => tell(what) }),

  async backends(tell) {
    const texts = Array.from(
      { length: 64 },
      (_, n) => `문장 ${n}: 뜻이 가까운 문장은 벡터도 가깝습니다. ${"가나다 ".repeat(n % 5)}`,
    );
    const tried = { wasm: "wasm", "wasm, 1": "wasm", js: "js", webgpu: webgpu() } as const;
    const results: BackendSpeed[] = [];
    for (const [name, backend] of Object.entries(tried)) {
      tell(name);
      try {
        const one = await SentenceTransformer.load(loaded().source, {
          backend,
          ...(name === "wasm, 1" && { threads: 0 }),
          onWarning: () => {},
        });
        let [rate, calls] = [0, 0];
        await one.encode(texts);
        for (const start = performance.now(); calls < 3 || performance.now() - start < 500; calls++) {
          const began = performance.now();
          await one.encode(texts);
          rate = Math.max(rate, (1000 * texts.length) / (performance.now() - began));
          if (performance.now() - start > 3000) break;
        }
        results.push({ name, rate, reason: one.backend.reason });
        await one.dispose();
      } catch (error) {
        results.push({ name, reason: (error as Error).message });
      }
    }
    return results;
  },

  async hash(tell) {
    const bert = await BertModel.load({ files: corpusFiles() });
    const states: Float32Array<ArrayBuffer>[] = [];
    for (let n = 0; n < corpus.length; n += 50) {
      tell(`${n} / ${corpus.length}`, n / corpus.length);
      const some = corpus.slice(n, n + 50);
      const { tokenEmbeddings } = await bert.forward(some);
      const [, L, H] = tokenEmbeddings.shape;
      for (const [i, { ids }] of some.entries()) {
        states.push(tokenEmbeddings.data.slice(i * L * H, (i * L + ids.length) * H) as Float32Array<ArrayBuffer>);
      }
    }
    const digest = await crypto.subtle.digest("SHA-256", await new Blob(states).arrayBuffer());
    const here = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
    const { backend } = bert;
    await bert.dispose();
    const family = backend.name === "wasm" || backend.name === "js" ? backend.name : "wasm";
    return { backend, here, expected: committed.corpus[family] };
  },
};

const post = (answer: Answer): void => postMessage(answer);

addEventListener("message", async ({ data: { id, name, args } }: MessageEvent<Call>) => {
  try {
    const run = api[name] as (tell: Tell, ...args: readonly unknown[]) => unknown;
    const call = Promise.resolve(run((progress, part) => post({ id, progress, part }), ...args));
    if (name !== "load") pending.add(call); // which would wait for itself
    const result = await call.finally(() => pending.delete(call));
    post({ id, result });
  } catch (error) {
    post({ id, error: error instanceof ModelError || error instanceof Error ? error.message : String(error) });
  }
});
