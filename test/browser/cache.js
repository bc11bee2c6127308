/** Run in a page, a frame or a worker: loads the site's model through munjang/cache. */
import "/dist/int8.js";
import { cached, cachedSize, clearCached } from "/dist/cache.js";
import { SentenceTransformer } from "/dist/index.js";

const site = new URL(import.meta.url).origin;
let atLeast = { bytes: Number.POSITIVE_INFINITY, reached: () => {} };

/** Resolves when a download of this page has come so far. */
globalThis.progress = (bytes) =>
  new Promise((reached) => {
    atLeast = { bytes, reached };
  });

/** Embeds a sentence and lets go of the model, of all files below a URL or of `paths`; `abortAt` stops it when so many bytes of a file have come. */
globalThis.load = async ({ abortAt = Number.POSITIVE_INFINITY, paths, ...options } = {}) => {
  const warnings = [];
  const stop = new AbortController();
  const files = paths && Object.fromEntries(paths.map((path) => [path, new URL(`/model/${path}`, site)]));
  const model = cached(files ? { files } : `${site}/model/`, {
    signal: stop.signal,
    onWarning: (warning) => warnings.push(warning),
    onProgress({ loaded }) {
      if (loaded >= atLeast.bytes) atLeast.reached();
      if (loaded >= abortAt) stop.abort(new Error("no longer wanted"));
    },
    ...options,
  });
  try {
    const loaded = await SentenceTransformer.load(model, { threads: 0 });
    const vector = await loaded.encode("잠이 옵니다");
    await loaded.dispose();
    return { vector: Array.from(vector), warnings };
  } catch (error) {
    return { error: error.message, field: error.field, warnings };
  }
};

/** Changes a byte of every part but the first of the largest file. */
globalThis.damage = async () => {
  const cache = await caches.open("munjang");
  for (const key of await cache.keys()) {
    if (!/part=[1-9]/.test(key.url)) continue;
    const response = await cache.match(key);
    const bytes = new Uint8Array(await response.arrayBuffer());
    bytes[bytes.length >> 1] ^= 1;
    await cache.put(key, new Response(bytes, { headers: response.headers }));
  }
};
Object.assign(globalThis, { cachedSize, clearCached });

/** The same in a frame of no origin, or in a worker. */
globalThis.loadInFrame = () =>
  new Promise((done) => {
    const frame = document.createElement("iframe");
    frame.sandbox = "allow-scripts";
    frame.src = "/frame.html";
    addEventListener("message", ({ data }) => done(data), { once: true });
    document.body.append(frame);
  });
globalThis.loadInWorker = (options) =>
  new Promise((done, failed) => {
    const worker = new Worker(import.meta.url, { type: "module" });
    worker.onmessage = ({ data }) => done(data);
    worker.onerror = (event) => failed(new Error(event.message));
    worker.postMessage(options);
  });
if (globalThis.document === undefined) {
  globalThis.onmessage = async ({ data }) => globalThis.postMessage(await globalThis.load(data));
}
