/** Run in a page or a worker: loads the model with the built package, and says what computed, and the hash of the corpus. */
import "/dist/int8.js";
import { BertModel } from "/dist/index.js";

export async function run(options) {
  const corpus = await (await fetch("/corpus.json")).json();
  const texts = corpus.map((ids) => ({ ids: Int32Array.from(ids) }));
  const calibration = texts.slice(0, 40); // as in test/golden/corpus.ts
  const model = await BertModel.load(`${location.origin}/model/`, { calibration, ...options });
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
  return { isolated: globalThis.crossOriginIsolated, backend, hash };
}
globalThis.run = run;
