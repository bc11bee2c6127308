/** Run in a page, a worker or an extension: loads the model with the built package, and says what computed, and the hash of the corpus. */
import "/dist/int8.js";
import { BertModel, SentenceTransformer } from "/dist/index.js";
import { sentencesPerSecond } from "./speed.js";

export async function run({ speed = false, model: from = `${location.origin}/model/`, ...options } = {}) {
  const corpus = await (await fetch("/corpus.json")).json();
  const texts = corpus.map((ids) => ({ ids: Int32Array.from(ids) }));
  const calibration = texts.slice(0, 40); // as in test/golden/corpus.ts
  const model = await BertModel.load(from, { calibration, ...options });
  const states = [];
  for (let n = 0; n < texts.length; n += 50) {
    const some = texts.slice(n, n + 50);
    const { tokenEmbeddings } = await model.forward(some);
    const [, L, H] = tokenEmbeddings.shape;
    for (const [i, { ids }] of some.entries()) {
      states.push(tokenEmbeddings.data.slice(i * L * H, (i * L + ids.length) * H));
    }
  }
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await new Blob(states).arrayBuffer()));
  const hash = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const { backend } = model;
  await model.dispose();
  const seen = { isolated: globalThis.crossOriginIsolated, backend, hash, speed: null };
  if (speed) {
    const mini = await SentenceTransformer.load(`${location.origin}/mini/`, options);
    seen.speed = await sentencesPerSecond(mini);
    await mini.dispose();
  }
  return seen;
}

/** The same in a worker of this page. */
export function runInWorker(options) {
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => (data.error === undefined ? resolve(data) : reject(new Error(data.error)));
    worker.onerror = ({ message }) => reject(new Error(message ?? "the worker did not start"));
    worker.postMessage(options);
  }).finally(() => worker.terminate());
}

Object.assign(globalThis, { run, runInWorker });
