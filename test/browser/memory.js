/** Run in a page: a model comes and goes. */
import "/dist/int8.js";
import { SentenceTransformer } from "/dist/index.js";

/** Addresses of Blobs that nobody has taken back. */
let blobs = 0;
const { createObjectURL, revokeObjectURL } = URL;
URL.createObjectURL = (blob) => {
  blobs++;
  return createObjectURL.call(URL, blob);
};
URL.revokeObjectURL = (url) => {
  blobs--;
  revokeObjectURL.call(URL, url);
};

/** The model's files, fetched once: what drives the browser holds on to the answers of the server. */
const paths = [
  "config.json",
  "model.safetensors",
  "modules.json",
  "sentence_bert_config.json",
  "special_tokens_map.json",
  "tokenizer_config.json",
  "vocab.txt",
  "1_Pooling/config.json",
];
const fetching = Promise.all(
  paths.map(async (path) => [path, await (await fetch(`${location.origin}/model/${path}`)).arrayBuffer()]),
);
const model = async () => ({ files: Object.fromEntries(await fetching) });

globalThis.round = async (options) => {
  const loaded = await SentenceTransformer.load(await model(), options);
  await loaded.encode(["잠이 옵니다", "졸음이 옵니다"]);
  const { threads } = loaded.backend;
  await loaded.dispose();
  return { threads, blobs };
};

/** Keeps a model: what the test must notice. */
const kept = [];
globalThis.keep = async (options) => {
  kept.push(await SentenceTransformer.load(await model(), options));
};
