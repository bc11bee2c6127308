/** Run in a page: how long it cannot answer while a model is loaded and embeds. */
import "/dist/int8.js";
import { cached } from "/dist/cache.js";
import { SentenceTransformer } from "/dist/index.js";

/** Longest time between two turns of the event loop while `work` goes on, ms, and the browser's own list of tasks over 50 ms. */
async function watch(work) {
  // A timer, not a port: that would keep a core busy, which the workers want.
  let last = performance.now();
  let longest = 0;
  let timer = 0;
  const turn = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    timer = setTimeout(turn);
  };
  const tasks = [];
  const observer = globalThis.PerformanceObserver?.supportedEntryTypes.includes("longtask")
    ? new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration)))
    : undefined;
  observer?.observe({ type: "longtask" });
  const began = performance.now();
  turn();
  const result = await work();
  await new Promise((resolve) => setTimeout(resolve)); // a turn for the last task to be told
  const ms = performance.now() - began;
  clearTimeout(timer);
  tasks.push(...(observer?.takeRecords() ?? []).map(({ duration }) => duration));
  observer?.disconnect();
  const figures = { ms: Math.round(ms), longest: Math.round(longest), tasks: tasks.map(Math.round) };
  return [result, figures];
}

const site = location.origin;

/** Loads a model, through munjang/cache where `keep` is set, and embeds `texts`. */
globalThis.measure = async ({ folder, texts, keep = false, options = {} }) => {
  const url = `${site}/${folder}/`;
  const [model, load] = await watch(() => SentenceTransformer.load(keep ? cached(url) : url, options));
  const [, encode] = await watch(() => model.encode(texts));
  const { name, threads } = model.backend;
  await model.dispose();
  return { backend: name, threads, load, encode };
};
